/* Inline policies of users, groups and roles. */
#include "base/must.h"
#include "plane/iam/holder.h"
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"
#include "plane/iam/policy.h"
#include "plane/iam/principal_policy.h"

/* IAM user guide, "IAM and AWS STS quotas": of all inline policies together. */
static const struct {
    const char *noun;
    size_t size_max;
} kinds[] = {[HOLDER_USER] = {"user", 2048}, [HOLDER_GROUP] = {"group", 5120}, [HOLDER_ROLE] = {"role", 10240}};

/* Of the others, that stay. */
static size_t size_without(const struct call *call, const struct holder *holder, struct str name)
{
    struct walk walk = transaction_walk(call->tx, &inline_policy_table, NULL, KEY_PREFIX(call->arena, holder->id));
    const struct inline_policy_record *policy;
    size_t size = 0;

    while ((policy = walk_next(&walk)) != NULL)
        size += str_eq(policy->name, name) ? 0 : document_size(policy->text);
    return size;
}

static bool put(const struct call *call, enum holder_kind kind, struct str holder_name,
                struct inline_policy_record record)
{
    struct holder holder;

    if (!holder_find(call, kind, holder_name, /* for_change= */ true, &holder) ||
        !policy_read(record.text, POLICY_IDENTITY, call->arena, &record.document, call->fail))
        return false;
    if (size_without(call, &holder, record.name) + document_size(record.text) > kinds[kind].size_max)
        return fail_api(call->fail, IAM_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "Maximum policy size of %zu bytes exceeded for %s %.*s", kinds[kind].size_max, kinds[kind].noun,
                        STR_ARG(holder.name));
    record.principal_id = holder.id;
    must(transaction_put(call->tx, &inline_policy_table, &record));
    return true;
}

static bool find(const struct call *call, const struct holder *holder, struct str name,
                 const struct inline_policy_record **ret_policy)
{
    const struct inline_policy_record *policy =
        transaction_get(call->tx, &inline_policy_table, KEY(call->arena, holder->id, name));

    if (policy == NULL)
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "The %s policy with name %.*s cannot be found.",
                        kinds[holder->kind].noun, STR_ARG(name));
    *ret_policy = policy;
    return true;
}

static bool get(const struct call *call, enum holder_kind kind, struct str holder_name, struct str name,
                const struct inline_policy_record **ret_policy)
{
    struct holder holder;

    return holder_find(call, kind, holder_name, /* for_change= */ false, &holder) &&
           find(call, &holder, name, ret_policy);
}

static bool remove_policy(const struct call *call, enum holder_kind kind, struct str holder_name, struct str name)
{
    const struct inline_policy_record *policy;
    struct holder holder;

    if (!holder_find(call, kind, holder_name, /* for_change= */ true, &holder) || !find(call, &holder, name, &policy))
        return false;
    transaction_delete(call->tx, &inline_policy_table, KEY(call->arena, holder.id, name));
    return true;
}

static bool list(const struct call *call, enum holder_kind kind, struct str holder_name, struct listing_request page,
                 struct listing *ret_listing)
{
    struct holder holder;

    if (!holder_find(call, kind, holder_name, /* for_change= */ false, &holder))
        return false;
    page.table = &inline_policy_table;
    page.prefix = KEY_PREFIX(call->arena, holder.id);
    return listing_begin(call, &page, ret_listing);
}

static void list_names(struct listing *listing, struct iam_policy_name_list_type *names)
{
    const struct inline_policy_record *policy;
    size_t at;

    LISTING_ITEMS(listing, names);
    while ((policy = walk_next(&listing->walk)) != NULL && listing_take(listing, &at))
        names->items[at] = policy->name;
}

#define INLINE_HANDLERS(holder, kind)                                                                                  \
    bool iam_put_##holder##_policy(struct call *call, const struct iam_put_##holder##_policy_request *in, void *out)   \
    {                                                                                                                  \
        (void)out;                                                                                                     \
        return put(call, kind, in->holder##_name,                                                                      \
                   (struct inline_policy_record){.name = in->policy_name, .text = in->policy_document});               \
    }                                                                                                                  \
    bool iam_get_##holder##_policy(struct call *call, const struct iam_get_##holder##_policy_request *in,              \
                                   struct iam_get_##holder##_policy_response *out)                                     \
    {                                                                                                                  \
        const struct inline_policy_record *policy;                                                                     \
                                                                                                                       \
        if (!get(call, kind, in->holder##_name, in->policy_name, &policy))                                             \
            return false;                                                                                              \
        out->holder##_name = in->holder##_name;                                                                        \
        out->policy_name = policy->name;                                                                               \
        out->policy_document = document_shown(call->arena, policy->text);                                              \
        return true;                                                                                                   \
    }                                                                                                                  \
    bool iam_delete_##holder##_policy(struct call *call, const struct iam_delete_##holder##_policy_request *in,        \
                                      void *out)                                                                       \
    {                                                                                                                  \
        (void)out;                                                                                                     \
        return remove_policy(call, kind, in->holder##_name, in->policy_name);                                          \
    }                                                                                                                  \
    bool iam_list_##holder##_policies(struct call *call, const struct iam_list_##holder##_policies_request *in,        \
                                      struct iam_list_##holder##_policies_response *out)                               \
    {                                                                                                                  \
        struct listing listing;                                                                                        \
                                                                                                                       \
        if (!list(call, kind, in->holder##_name, (struct listing_request){LISTING_PAGE(in)}, &listing))                \
            return false;                                                                                              \
        list_names(&listing, &out->policy_names);                                                                      \
        LISTING_END(&listing, &out->policy_names, out);                                                                \
        return true;                                                                                                   \
    }

INLINE_HANDLERS(user, HOLDER_USER)
INLINE_HANDLERS(group, HOLDER_GROUP)
INLINE_HANDLERS(role, HOLDER_ROLE)
