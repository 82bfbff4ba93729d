/* The operations on groups and on who is in them. */
#include "base/must.h"
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"

enum { GROUPS_MAX = 300, GROUPS_PER_USER_MAX = 10 }; /* IAM user guide, "IAM and AWS STS quotas" */

bool group_find(const struct call *call, struct str name, const struct group_record **ret_group)
{
    const struct group_record *group = group_by_name(call->tx, call->principal->account, name);

    if (group == NULL)
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "The group with name %.*s cannot be found.",
                        STR_ARG(name));
    *ret_group = group;
    return true;
}

static bool is_free(const struct call *call, struct str name)
{
    if (group_by_name(call->tx, call->principal->account, name) == NULL)
        return true;
    return fail_api(call->fail, IAM_ERROR_ENTITY_ALREADY_EXISTS_EXCEPTION, "Group with name %.*s already exists.",
                    STR_ARG(name));
}

bool iam_create_group(struct call *call, const struct iam_create_group_request *in,
                      struct iam_create_group_response *out)
{
    struct iam_group *group = arena_new(call->arena, struct iam_group);
    struct group_record record = {.account_id = call->principal->account, .group = group};

    if (!is_free(call, in->group_name) ||
        !quota_check(entity_count(call, &group_table), GROUPS_MAX, "GroupsPerAccount", call->fail))
        return false;
    group->path = iam_path(in->path);
    group->group_name = in->group_name;
    group->group_id = iam_id_new(call->tx, "AGPA", ENTITY_ID_LEN);
    group->arn = iam_arn(call->arena, record.account_id, "group", in->path, in->group_name);
    SET(group, create_date, call->tx->now_ms);
    must(transaction_put(call->tx, &group_table, &record));
    out->group = group;
    return true;
}

bool iam_get_group(struct call *call, const struct iam_get_group_request *in, struct iam_get_group_response *out)
{
    const struct membership_record *membership;
    const struct group_record *group;
    struct listing listing;
    size_t at;

    if (!group_find(call, in->group_name, &group) ||
        !listing_begin(call,
                       &(struct listing_request){&membership_table, "group",
                                                 KEY_PREFIX(call->arena, group->group->group_id), LISTING_PAGE(in)},
                       &listing))
        return false;
    out->group = group->group;
    LISTING_ITEMS(&listing, &out->users);
    while ((membership = walk_next(&listing.walk)) != NULL) {
        const struct user_record *user = transaction_get(call->tx, &user_table, membership->user_id);

        if (!listing_take(&listing, &at))
            break;
        out->users.items[at] = *user->user;
        out->users.items[at].tags.items = NULL;
        out->users.items[at].permissions_boundary = NULL;
    }
    LISTING_END(&listing, &out->users, out);
    return true;
}

bool iam_list_groups(struct call *call, const struct iam_list_groups_request *in, struct iam_list_groups_response *out)
{
    const struct listing_request request = {&group_table, "name", KEY_PREFIX(call->arena, call->principal->account),
                                            LISTING_PAGE(in)};
    const struct group_record *group;
    struct listing listing;
    size_t at;

    if (!listing_begin(call, &request, &listing))
        return false;
    LISTING_ITEMS(&listing, &out->groups);
    while ((group = walk_next(&listing.walk)) != NULL) {
        if (!str_starts(group->group->path, in->path_prefix))
            continue;
        if (!listing_take(&listing, &at))
            break;
        out->groups.items[at] = *group->group;
    }
    LISTING_END(&listing, &out->groups, out);
    return true;
}

bool iam_list_groups_for_user(struct call *call, const struct iam_list_groups_for_user_request *in,
                              struct iam_list_groups_for_user_response *out)
{
    const struct membership_record *membership;
    const struct user_record *user;
    struct listing listing;
    size_t at;

    if (!user_find(call, in->user_name, &user) ||
        !listing_begin(call,
                       &(struct listing_request){&membership_table, NULL, KEY_PREFIX(call->arena, user->user->user_id),
                                                 LISTING_PAGE(in)},
                       &listing))
        return false;
    LISTING_ITEMS(&listing, &out->groups);
    while ((membership = walk_next(&listing.walk)) != NULL) {
        const struct group_record *group = transaction_get(call->tx, &group_table, membership->group_id);

        if (!listing_take(&listing, &at))
            break;
        out->groups.items[at] = *group->group;
    }
    LISTING_END(&listing, &out->groups, out);
    return true;
}

bool iam_update_group(struct call *call, const struct iam_update_group_request *in, void *out)
{
    const struct group_record *record;
    const struct group_record *other;
    struct group_record changed;
    struct iam_group group;

    (void)out;
    if (!group_find(call, in->group_name, &record))
        return false;
    changed = *record;
    group = *record->group;
    changed.group = &group;
    if (in->new_group_name.ptr != NULL) {
        other = group_by_name(call->tx, record->account_id, in->new_group_name);
        if (other != NULL && other != record)
            return is_free(call, in->new_group_name);
        group.group_name = in->new_group_name;
    }
    if (in->new_path.ptr != NULL)
        group.path = in->new_path;
    group.arn = iam_arn(call->arena, record->account_id, "group", group.path, group.group_name);
    must(transaction_put(call->tx, &group_table, &changed));
    return true;
}

bool iam_delete_group(struct call *call, const struct iam_delete_group_request *in, void *out)
{
    const struct group_record *group;
    struct walk members;

    (void)out;
    if (!group_find(call, in->group_name, &group))
        return false;
    members = transaction_walk(call->tx, &membership_table, "group", KEY_PREFIX(call->arena, group->group->group_id));
    if (walk_next(&members) != NULL)
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "Cannot delete entity, must remove users from group first.");
    if (!holds_no_policies(call, group->group->group_id))
        return false;
    transaction_delete(call->tx, &group_table, group->group->group_id);
    return true;
}

static size_t count_groups(const struct call *call, struct str user_id)
{
    struct walk walk = transaction_walk(call->tx, &membership_table, NULL, KEY_PREFIX(call->arena, user_id));
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}

/* Both names of a membership. */
static bool find_both(const struct call *call, struct str group_name, struct str user_name,
                      struct membership_record *ret_membership)
{
    const struct group_record *group;
    const struct user_record *user;

    if (!group_find(call, group_name, &group) || !user_find(call, user_name, &user))
        return false;
    *ret_membership = (struct membership_record){.user_id = user->user->user_id, .group_id = group->group->group_id};
    return true;
}

bool iam_add_user_to_group(struct call *call, const struct iam_add_user_to_group_request *in, void *out)
{
    struct membership_record membership;

    (void)out;
    if (!find_both(call, in->group_name, in->user_name, &membership))
        return false;
    if (transaction_get(call->tx, &membership_table, KEY(call->arena, membership.user_id, membership.group_id)) ==
            NULL &&
        !quota_check(count_groups(call, membership.user_id), GROUPS_PER_USER_MAX, "GroupsPerUser", call->fail))
        return false;
    must(transaction_put(call->tx, &membership_table, &membership));
    return true;
}

bool iam_remove_user_from_group(struct call *call, const struct iam_remove_user_from_group_request *in, void *out)
{
    struct membership_record membership;

    (void)out;
    if (!find_both(call, in->group_name, in->user_name, &membership))
        return false;
    transaction_delete(call->tx, &membership_table, KEY(call->arena, membership.user_id, membership.group_id));
    return true;
}
