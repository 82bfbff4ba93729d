/* ListEntitiesForPolicy: who has a policy attached, or as his boundary. */
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"
#include "plane/iam/principal_policy.h"

enum { ITEMS_DEFAULT = 100 };

struct found {
    const struct iam_list_entities_for_policy_request *in;
    struct iam_list_entities_for_policy_response *out;
    struct listing listing;
};

static bool is_wanted(const struct found *found, enum iam_entity_type kind, struct str path)
{
    return (found->in->entity_filter == IAM_ENTITY_TYPE_NONE || found->in->entity_filter == kind) &&
           str_starts(path, found->in->path_prefix);
}

/* false: the page is full. */
static bool add(struct found *found, const struct transaction *tx, struct str id)
{
    const struct user_record *user = transaction_get(tx, &user_table, id);
    const struct group_record *group = transaction_get(tx, &group_table, id);
    const struct role_record *role = transaction_get(tx, &role_table, id);
    struct iam_list_entities_for_policy_response *out = found->out;
    size_t at;

    if (user != NULL && is_wanted(found, IAM_ENTITY_TYPE_USER, user->user->path)) {
        if (!listing_take(&found->listing, &at))
            return false;
        out->policy_users.items[out->policy_users.count++] = (struct iam_policy_user){user->user->user_name, id};
    } else if (group != NULL && is_wanted(found, IAM_ENTITY_TYPE_GROUP, group->group->path)) {
        if (!listing_take(&found->listing, &at))
            return false;
        out->policy_groups.items[out->policy_groups.count++] = (struct iam_policy_group){group->group->group_name, id};
    } else if (role != NULL && is_wanted(found, IAM_ENTITY_TYPE_ROLE, role->role->path)) {
        if (!listing_take(&found->listing, &at))
            return false;
        out->policy_roles.items[out->policy_roles.count++] = (struct iam_policy_role){role->role->role_name, id};
    }
    return true;
}

static void add_attached(struct found *found, const struct transaction *tx)
{
    const struct attachment_record *attachment;

    while ((attachment = walk_next(&found->listing.walk)) != NULL)
        if (!add(found, tx, attachment->principal_id))
            return;
}

static void add_bounded(struct found *found, const struct transaction *tx)
{
    bool are_users = found->listing.walk.table == &user_table;
    const void *record;

    while ((record = walk_next(&found->listing.walk)) != NULL)
        if (!add(found, tx,
                 are_users ? ((const struct user_record *)record)->user->user_id
                           : ((const struct role_record *)record)->role->role_id))
            return;
}

static void allocate(struct found *found)
{
    LISTING_ITEMS(&found->listing, &found->out->policy_users);
    LISTING_ITEMS(&found->listing, &found->out->policy_groups);
    LISTING_ITEMS(&found->listing, &found->out->policy_roles);
}

/* The walks of one answer, in their order: who has it attached, and whose boundary it is. A marker is a principal's id
 * behind the number of the walk that its page ended in. */
static const struct {
    const struct table_spec *table;
    const char *index;
    enum iam_policy_usage_type usage;
} walks[] = {
    {&attachment_table, "policy", IAM_POLICY_USAGE_TYPE_PERMISSIONS_POLICY},
    {&user_table, "boundary", IAM_POLICY_USAGE_TYPE_PERMISSIONS_BOUNDARY},
    {&role_table, "boundary", IAM_POLICY_USAGE_TYPE_PERMISSIONS_BOUNDARY},
};

static void walk_one(struct found *found, const struct call *call, const struct iam_policy *policy, size_t number)
{
    struct str of = walks[number].table == &attachment_table ? policy->policy_id : policy->arn;

    found->listing.walk = transaction_walk(call->tx, walks[number].table, walks[number].index,
                                           KEY_PREFIX(call->arena, of, call->principal->account));
}

static bool begin(struct found *found, const struct call *call, size_t *ret_number, struct str *ret_after)
{
    struct str after;

    if (!page_begin(call->arena, found->in->marker, "ValidationError", &after, call->fail) ||
        (after.ptr != NULL &&
         (after.len == 0 || after.ptr[0] < '0' || (size_t)(after.ptr[0] - '0') >= COUNT_OF(walks))))
        return fail_api(call->fail, "ValidationError", "Invalid Marker.");
    found->listing = (struct listing){.arena = call->arena,
                                      .limit = found->in->has_max_items ? (size_t)found->in->max_items : ITEMS_DEFAULT};
    allocate(found);
    *ret_number = after.ptr == NULL ? 0 : (size_t)(after.ptr[0] - '0');
    *ret_after = after.ptr == NULL ? after : str_from(after, 1);
    return true;
}

bool iam_list_entities_for_policy(struct call *call, const struct iam_list_entities_for_policy_request *in,
                                  struct iam_list_entities_for_policy_response *out)
{
    struct found found = {.in = in, .out = out};
    const struct managed_policy_record *policy;
    struct str after;
    size_t number;

    if (!managed_policy_find(call, in->policy_arn, &policy) || !begin(&found, call, &number, &after))
        return false;
    for (; number < COUNT_OF(walks) && !found.listing.truncated; number++, after.ptr = NULL) {
        if (in->policy_usage_filter != IAM_POLICY_USAGE_TYPE_NONE && in->policy_usage_filter != walks[number].usage)
            continue;
        walk_one(&found, call, policy->policy, number);
        found.listing.last = STR("");
        if (after.ptr != NULL)
            found.listing.walk.at =
                arena_printf(call->arena, "%.*s%.*s", STR_ARG(found.listing.walk.prefix), STR_ARG(after));
        if (walks[number].table == &attachment_table)
            add_attached(&found, call->tx);
        else
            add_bounded(&found, call->tx);
        if (found.listing.truncated)
            out->marker =
                page_token(call->arena, arena_printf(call->arena, "%zu%.*s", number, STR_ARG(found.listing.last)));
    }
    SET(out, is_truncated, found.listing.truncated);
    return true;
}
