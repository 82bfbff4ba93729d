/* The operations on instance profiles: what carries one role to an instance. */
#include "base/must.h"
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"

enum { PROFILES_MAX = 1000, ROLES_PER_PROFILE_MAX = 1 }; /* IAM user guide, "IAM and AWS STS quotas" */

bool instance_profile_find(const struct call *call, struct str name, const struct instance_profile_record **ret_profile)
{
    const struct instance_profile_record *profile = instance_profile_by_name(call->tx, call->principal->account, name);

    if (profile == NULL)
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "Instance Profile %.*s cannot be found.",
                        STR_ARG(name));
    *ret_profile = profile;
    return true;
}

struct iam_instance_profile instance_profile_shown(const struct call *call,
                                                   const struct instance_profile_record *record)
{
    struct iam_instance_profile profile = *record->instance_profile;
    const struct role_record *role =
        record->role_id.ptr == NULL ? NULL : transaction_get(call->tx, &role_table, record->role_id);

    profile.roles.items = arena_array(call->arena, struct iam_role, 1);
    profile.roles.count = role != NULL;
    if (role != NULL)
        profile.roles.items[0] = role_listed(call, role);
    return profile;
}

bool iam_create_instance_profile(struct call *call, const struct iam_create_instance_profile_request *in,
                                 struct iam_create_instance_profile_response *out)
{
    struct iam_instance_profile *profile = arena_new(call->arena, struct iam_instance_profile);
    struct instance_profile_record record = {.account_id = call->principal->account, .instance_profile = profile};

    if (!iam_tags_check(&in->tags, call->fail))
        return false;
    if (instance_profile_by_name(call->tx, record.account_id, in->instance_profile_name) != NULL)
        return fail_api(call->fail, IAM_ERROR_ENTITY_ALREADY_EXISTS_EXCEPTION, "Instance Profile %.*s already exists.",
                        STR_ARG(in->instance_profile_name));
    if (!quota_check(entity_count(call, &instance_profile_table), PROFILES_MAX, "InstanceProfilesPerAccount",
                     call->fail))
        return false;
    profile->path = iam_path(in->path);
    profile->instance_profile_name = in->instance_profile_name;
    profile->instance_profile_id = iam_id_new(call->tx, "AIPA", ENTITY_ID_LEN);
    profile->arn = iam_arn(call->arena, record.account_id, "instance-profile", in->path, in->instance_profile_name);
    profile->tags = in->tags;
    profile->roles.items = arena_array(call->arena, struct iam_role, 0);
    SET(profile, create_date, call->tx->now_ms);
    must(transaction_put(call->tx, &instance_profile_table, &record));
    out->instance_profile = profile;
    return true;
}

bool iam_get_instance_profile(struct call *call, const struct iam_get_instance_profile_request *in,
                              struct iam_get_instance_profile_response *out)
{
    const struct instance_profile_record *profile;

    if (!instance_profile_find(call, in->instance_profile_name, &profile))
        return false;
    out->instance_profile = arena_new(call->arena, struct iam_instance_profile);
    *out->instance_profile = instance_profile_shown(call, profile);
    return true;
}

bool iam_list_instance_profiles(struct call *call, const struct iam_list_instance_profiles_request *in,
                                struct iam_list_instance_profiles_response *out)
{
    const struct listing_request request = {&instance_profile_table, "name",
                                            KEY_PREFIX(call->arena, call->principal->account), LISTING_PAGE(in)};
    const struct instance_profile_record *profile;
    struct listing listing;
    size_t at;

    if (!listing_begin(call, &request, &listing))
        return false;
    LISTING_ITEMS(&listing, &out->instance_profiles);
    while ((profile = walk_next(&listing.walk)) != NULL) {
        if (!str_starts(profile->instance_profile->path, in->path_prefix))
            continue;
        if (!listing_take(&listing, &at))
            break;
        out->instance_profiles.items[at] = instance_profile_shown(call, profile);
        out->instance_profiles.items[at].tags.items = NULL; /* API reference, "ListInstanceProfiles" */
    }
    LISTING_END(&listing, &out->instance_profiles, out);
    return true;
}

bool iam_list_instance_profiles_for_role(struct call *call,
                                         const struct iam_list_instance_profiles_for_role_request *in,
                                         struct iam_list_instance_profiles_for_role_response *out)
{
    const struct instance_profile_record *profile;
    const struct role_record *role;
    struct listing listing;
    size_t at;

    if (!role_find(call, in->role_name, &role) ||
        !listing_begin(call,
                       &(struct listing_request){&instance_profile_table, "role",
                                                 KEY_PREFIX(call->arena, role->role->role_id), LISTING_PAGE(in)},
                       &listing))
        return false;
    LISTING_ITEMS(&listing, &out->instance_profiles);
    while ((profile = walk_next(&listing.walk)) != NULL) {
        if (!listing_take(&listing, &at))
            break;
        out->instance_profiles.items[at] = instance_profile_shown(call, profile);
        out->instance_profiles.items[at].tags.items = NULL;
    }
    LISTING_END(&listing, &out->instance_profiles, out);
    return true;
}

bool iam_delete_instance_profile(struct call *call, const struct iam_delete_instance_profile_request *in, void *out)
{
    const struct instance_profile_record *profile;

    (void)out;
    if (!instance_profile_find(call, in->instance_profile_name, &profile))
        return false;
    if (profile->role_id.ptr != NULL)
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "Cannot delete entity, must remove roles from instance profile first.");
    transaction_delete(call->tx, &instance_profile_table, profile->instance_profile->instance_profile_id);
    return true;
}

static void put_role(const struct call *call, const struct instance_profile_record *profile, struct str role_id)
{
    struct instance_profile_record changed = *profile;

    changed.role_id = role_id;
    must(transaction_put(call->tx, &instance_profile_table, &changed));
}

bool iam_add_role_to_instance_profile(struct call *call, const struct iam_add_role_to_instance_profile_request *in,
                                      void *out)
{
    const struct instance_profile_record *profile;
    const struct role_record *role;

    (void)out;
    if (!instance_profile_find(call, in->instance_profile_name, &profile) ||
        !role_find_own(call, in->role_name, &role) ||
        !quota_check(profile->role_id.ptr != NULL, ROLES_PER_PROFILE_MAX, "InstanceSessionsPerInstanceProfile",
                     call->fail))
        return false;
    put_role(call, profile, role->role->role_id);
    return true;
}

bool iam_remove_role_from_instance_profile(struct call *call,
                                           const struct iam_remove_role_from_instance_profile_request *in, void *out)
{
    const struct instance_profile_record *profile;
    const struct role_record *role;

    (void)out;
    if (!instance_profile_find(call, in->instance_profile_name, &profile) || !role_find(call, in->role_name, &role))
        return false;
    if (!str_eq(profile->role_id, role->role->role_id))
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION,
                        "Role %.*s in Instance Profile %.*s cannot be found.", STR_ARG(in->role_name),
                        STR_ARG(in->instance_profile_name));
    put_role(call, profile, (struct str){NULL, 0});
    return true;
}
