/* ListEntitiesForPolicy: who has a policy attached, or as his boundary. */
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"
#include "plane/iam/principal_policy.h"

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

/* Users stand before roles; a marker says in which of the two its page ended. */
static bool list_bounded(struct found *found, const struct call *call, const struct managed_policy_record *policy)
{
    struct listing_request request = {&user_table, "boundary",
                                      KEY_PREFIX(call->arena, policy->policy->arn, call->principal->account),
                                      LISTING_PAGE(found->in)};
    size_t count;

    if (!listing_begin(call, &request, &found->listing))
        return false;
    allocate(found);
    add_bounded(found, call->tx);
    if (found->listing.truncated)
        return true;
    count = found->listing.count;
    request.table = &role_table;
    if (!listing_begin(call, &request, &found->listing))
        return false;
    found->listing.count = count;
    add_bounded(found, call->tx);
    return true;
}

bool iam_list_entities_for_policy(struct call *call, const struct iam_list_entities_for_policy_request *in,
                                  struct iam_list_entities_for_policy_response *out)
{
    struct found found = {.in = in, .out = out};
    const struct managed_policy_record *policy;

    if (!managed_policy_find(call, in->policy_arn, &policy))
        return false;
    if (in->policy_usage_filter == IAM_POLICY_USAGE_TYPE_PERMISSIONS_BOUNDARY) {
        if (!list_bounded(&found, call, policy))
            return false;
    } else {
        if (!listing_begin(
                call,
                &(struct listing_request){&attachment_table, "policy",
                                          KEY_PREFIX(call->arena, policy->policy->policy_id, call->principal->account),
                                          LISTING_PAGE(in)},
                &found.listing))
            return false;
        allocate(&found);
        add_attached(&found, call->tx);
    }
    SET(out, is_truncated, found.listing.truncated);
    out->marker = listing_marker(&found.listing);
    return true;
}
