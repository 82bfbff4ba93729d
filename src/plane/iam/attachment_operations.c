/* Managed policies on users, groups and roles: attach, detach, and who has which. */
#include "base/must.h"
#include "plane/iam/holder.h"
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"
#include "plane/iam/principal_policy.h"

enum { ATTACHED_MAX = 10 }; /* IAM user guide, "IAM and AWS STS quotas" */

static const char *const quota_names[] = {
    [HOLDER_USER] = "PoliciesPerUser", [HOLDER_GROUP] = "PoliciesPerGroup", [HOLDER_ROLE] = "PoliciesPerRole"};

static struct walk attachments_of(const struct call *call, struct str principal_id)
{
    return transaction_walk(call->tx, &attachment_table, NULL, KEY_PREFIX(call->arena, principal_id));
}

bool holds_no_policies(const struct call *call, struct str principal_id)
{
    struct walk attached = attachments_of(call, principal_id);
    struct walk inlined = transaction_walk(call->tx, &inline_policy_table, NULL, KEY_PREFIX(call->arena, principal_id));

    if (walk_next(&attached) != NULL)
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "Cannot delete entity, must detach all policies first.");
    if (walk_next(&inlined) != NULL)
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "Cannot delete entity, must delete policies first.");
    return true;
}

static size_t count(struct walk walk)
{
    size_t found = 0;

    while (walk_next(&walk) != NULL)
        found++;
    return found;
}

static bool attach(const struct call *call, enum holder_kind kind, struct str name, struct str policy_arn)
{
    const struct managed_policy_record *policy;
    struct attachment_record record = {.account_id = call->principal->account};
    struct holder holder;

    if (!holder_find(call, kind, name, /* for_change= */ true, &holder) ||
        !managed_policy_find_attachable(call, policy_arn, &policy))
        return false;
    record.principal_id = holder.id;
    record.policy_id = policy->policy->policy_id;
    if (transaction_get(call->tx, &attachment_table, KEY(call->arena, record.principal_id, record.policy_id)) == NULL &&
        !quota_check(count(attachments_of(call, holder.id)), ATTACHED_MAX, quota_names[kind], call->fail))
        return false;
    must(transaction_put(call->tx, &attachment_table, &record));
    return true;
}

static bool detach(const struct call *call, enum holder_kind kind, struct str name, struct str policy_arn)
{
    const struct managed_policy_record *policy;
    struct holder holder;
    struct str key;

    if (!holder_find(call, kind, name, /* for_change= */ true, &holder) ||
        !managed_policy_find(call, policy_arn, &policy))
        return false;
    key = KEY(call->arena, holder.id, policy->policy->policy_id);
    if (transaction_get(call->tx, &attachment_table, key) == NULL)
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "Policy %.*s was not found.",
                        STR_ARG(policy_arn));
    transaction_delete(call->tx, &attachment_table, key);
    return true;
}

/* The members that the three List operations share. */
struct list_request {
    struct str name, path_prefix;
    struct listing_request page;
};

static bool list(const struct call *call, enum holder_kind kind, struct list_request request,
                 struct iam_attached_policies_list_type *ret_policies, struct listing *ret_listing)
{
    const struct attachment_record *attachment;
    struct holder holder;
    size_t at;

    if (!holder_find(call, kind, request.name, /* for_change= */ false, &holder))
        return false;
    request.page.table = &attachment_table;
    request.page.prefix = KEY_PREFIX(call->arena, holder.id);
    if (!listing_begin(call, &request.page, ret_listing))
        return false;
    LISTING_ITEMS(ret_listing, ret_policies);
    while ((attachment = walk_next(&ret_listing->walk)) != NULL) {
        const struct managed_policy_record *policy =
            transaction_get(call->tx, &managed_policy_table, attachment->policy_id);

        if (!str_starts(policy->policy->path, request.path_prefix))
            continue;
        if (!listing_take(ret_listing, &at))
            break;
        ret_policies->items[at] = (struct iam_attached_policy){policy->policy->policy_name, policy->policy->arn};
    }
    return true;
}

#define ATTACHMENT_HANDLERS(holder, kind)                                                                              \
    bool iam_attach_##holder##_policy(struct call *call, const struct iam_attach_##holder##_policy_request *in,        \
                                      void *out)                                                                       \
    {                                                                                                                  \
        (void)out;                                                                                                     \
        return attach(call, kind, in->holder##_name, in->policy_arn);                                                  \
    }                                                                                                                  \
    bool iam_detach_##holder##_policy(struct call *call, const struct iam_detach_##holder##_policy_request *in,        \
                                      void *out)                                                                       \
    {                                                                                                                  \
        (void)out;                                                                                                     \
        return detach(call, kind, in->holder##_name, in->policy_arn);                                                  \
    }                                                                                                                  \
    bool iam_list_attached_##holder##_policies(struct call *call,                                                      \
                                               const struct iam_list_attached_##holder##_policies_request *in,         \
                                               struct iam_list_attached_##holder##_policies_response *out)             \
    {                                                                                                                  \
        struct listing listing;                                                                                        \
                                                                                                                       \
        if (!list(call, kind, (struct list_request){in->holder##_name, in->path_prefix, {LISTING_PAGE(in)}},           \
                  &out->attached_policies, &listing))                                                                  \
            return false;                                                                                              \
        LISTING_END(&listing, &out->attached_policies, out);                                                           \
        return true;                                                                                                   \
    }

ATTACHMENT_HANDLERS(user, HOLDER_USER)
ATTACHMENT_HANDLERS(group, HOLDER_GROUP)
ATTACHMENT_HANDLERS(role, HOLDER_ROLE)
