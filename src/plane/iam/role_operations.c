/* The operations on roles. */
#include "base/must.h"
#include "plane/iam/access_key.h"
#include "plane/iam/iam.h"
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"
#include "plane/iam/principal_ids.h"
#include "plane/iam/trust.h"

enum { ROLES_MAX = 1000, SESSION_SECONDS_DEFAULT = 3600 }; /* IAM user guide, "IAM and AWS STS quotas" */

bool role_find(const struct call *call, struct str name, const struct role_record **ret_role)
{
    const struct role_record *role = role_by_name(call->tx, call->principal->account, name);

    if (role == NULL)
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "The role with name %.*s cannot be found.",
                        STR_ARG(name));
    *ret_role = role;
    return true;
}

bool role_find_own(const struct call *call, struct str name, const struct role_record **ret_role)
{
    const struct role_record *role;

    if (!role_find(call, name, &role))
        return false;
    if (role_is_service_linked(role))
        return fail_api(
            call->fail, IAM_ERROR_UNMODIFIABLE_ENTITY_EXCEPTION,
            "Cannot perform the operation on the protected role '%.*s' - this role is only modifiable by AWS",
            STR_ARG(name));
    *ret_role = role;
    return true;
}

static void put(const struct call *call, const struct role_record *before, const struct iam_role *role)
{
    struct role_record changed = *before;

    changed.role = (struct iam_role *)role;
    must(transaction_put(call->tx, &role_table, &changed));
}

/* With its document as answers have it, and when it was last used. */
struct iam_role role_shown(const struct call *call, const struct role_record *record)
{
    const struct last_use_record *use = transaction_get(call->tx, &last_use_table, record->role->role_id);
    struct iam_role role = *record->role;

    role.assume_role_policy_document =
        document_shown(call->arena, principal_ids_shown(call->tx, role.assume_role_policy_document, record->trust,
                                                        POLICY_TRUST, call->arena));
    role.role_last_used = arena_new(call->arena, struct iam_role_last_used);
    if (use != NULL) {
        SET(role.role_last_used, last_used_date, use->used_at);
        role.role_last_used->region = use->region;
    }
    return role;
}

/* API reference, "ListRoles": these are not returned. */
struct iam_role role_listed(const struct call *call, const struct role_record *record)
{
    struct iam_role role = role_shown(call, record);

    role.tags.items = NULL;
    role.permissions_boundary = NULL;
    role.role_last_used = NULL;
    return role;
}

static bool is_free(const struct call *call, struct str name)
{
    if (role_by_name(call->tx, call->principal->account, name) == NULL)
        return true;
    return fail_api(call->fail, IAM_ERROR_ENTITY_ALREADY_EXISTS_EXCEPTION, "Role with name %.*s already exists.",
                    STR_ARG(name));
}

bool role_make(const struct call *call, struct iam_role *role, struct role_record *ret_record)
{
    struct role_record record = {.account_id = call->principal->account, .role = role};

    if (!is_free(call, role->role_name) ||
        !quota_check(entity_count(call, &role_table), ROLES_MAX, "RolesPerAccount", call->fail) ||
        !trust_read(call, role->assume_role_policy_document, &record.trust))
        return false;
    role->role_id = iam_id_new(call->tx, "AROA", ENTITY_ID_LEN);
    role->arn = iam_arn(call->arena, record.account_id, "role", role->path, role->role_name);
    SET(role, create_date, call->tx->now_ms);
    if (!role->has_max_session_duration)
        SET(role, max_session_duration, SESSION_SECONDS_DEFAULT);
    must(transaction_put(call->tx, &role_table, &record));
    *ret_record = record;
    return true;
}

bool iam_create_role(struct call *call, const struct iam_create_role_request *in, struct iam_create_role_response *out)
{
    struct iam_role role = {.path = iam_path(in->path),
                            .role_name = in->role_name,
                            .assume_role_policy_document = in->assume_role_policy_document,
                            .description = in->description,
                            .max_session_duration = in->max_session_duration,
                            .has_max_session_duration = in->has_max_session_duration,
                            .tags = in->tags};
    struct role_record record;

    if (str_starts(role.path, SERVICE_LINKED_PATH))
        return fail_api(call->fail, "AccessDenied",
                        "Roles under /aws-service-role/ are made with CreateServiceLinkedRole, not with CreateRole.");
    if (!iam_tags_check(&in->tags, call->fail) ||
        !boundary_make(call, in->permissions_boundary, &role.permissions_boundary) || !role_make(call, &role, &record))
        return false;
    out->role = arena_new(call->arena, struct iam_role);
    *out->role = role_shown(call, &record);
    out->role->role_last_used = NULL;
    return true;
}

bool iam_get_role(struct call *call, const struct iam_get_role_request *in, struct iam_get_role_response *out)
{
    const struct role_record *role;

    if (!role_find(call, in->role_name, &role))
        return false;
    out->role = arena_new(call->arena, struct iam_role);
    *out->role = role_shown(call, role);
    return true;
}

bool iam_list_roles(struct call *call, const struct iam_list_roles_request *in, struct iam_list_roles_response *out)
{
    const struct listing_request request = {&role_table, "name", KEY_PREFIX(call->arena, call->principal->account),
                                            LISTING_PAGE(in)};
    const struct role_record *role;
    struct listing listing;
    size_t at;

    if (!listing_begin(call, &request, &listing))
        return false;
    LISTING_ITEMS(&listing, &out->roles);
    while ((role = walk_next(&listing.walk)) != NULL) {
        if (!str_starts(role->role->path, in->path_prefix))
            continue;
        if (!listing_take(&listing, &at))
            break;
        out->roles.items[at] = role_listed(call, role);
    }
    LISTING_END(&listing, &out->roles, out);
    return true;
}

bool iam_update_role(struct call *call, const struct iam_update_role_request *in, struct iam_update_role_response *out)
{
    const struct role_record *record;
    struct iam_role role;

    (void)out;
    if (!role_find_own(call, in->role_name, &record))
        return false;
    role = *record->role;
    if (in->description.ptr != NULL)
        role.description = in->description;
    if (in->has_max_session_duration)
        SET(&role, max_session_duration, in->max_session_duration);
    put(call, record, &role);
    return true;
}

bool iam_update_role_description(struct call *call, const struct iam_update_role_description_request *in,
                                 struct iam_update_role_description_response *out)
{
    const struct role_record *record;
    struct iam_role role;

    if (!role_find(call, in->role_name, &record)) /* of service-linked roles too: their description may be edited */
        return false;
    role = *record->role;
    role.description = in->description;
    put(call, record, &role);
    out->role = arena_new(call->arena, struct iam_role);
    *out->role = role_shown(call, role_by_name(call->tx, record->account_id, in->role_name));
    return true;
}

bool iam_update_assume_role_policy(struct call *call, const struct iam_update_assume_role_policy_request *in, void *out)
{
    const struct role_record *record;
    struct role_record changed;
    struct iam_role role;

    (void)out;
    if (!role_find_own(call, in->role_name, &record))
        return false;
    changed = *record;
    role = *record->role;
    role.assume_role_policy_document = in->policy_document;
    changed.role = &role;
    if (!trust_read(call, in->policy_document, &changed.trust))
        return false;
    must(transaction_put(call->tx, &role_table, &changed));
    return true;
}

void role_delete(const struct call *call, const struct role_record *role)
{
    access_key_revoke_all(call->tx, role->role->role_id);
    transaction_delete(call->tx, &last_use_table, role->role->role_id);
    transaction_delete(call->tx, &role_table, role->role->role_id);
}

bool iam_delete_role(struct call *call, const struct iam_delete_role_request *in, void *out)
{
    const struct role_record *role;
    struct walk profiles;

    (void)out;
    if (!role_find_own(call, in->role_name, &role))
        return false;
    profiles =
        transaction_walk(call->tx, &instance_profile_table, "role", KEY_PREFIX(call->arena, role->role->role_id));
    if (walk_next(&profiles) != NULL)
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "Cannot delete entity, must remove roles from instance profile first.");
    if (!holds_no_policies(call, role->role->role_id))
        return false;
    role_delete(call, role);
    return true;
}

bool iam_put_role_permissions_boundary(struct call *call, const struct iam_put_role_permissions_boundary_request *in,
                                       void *out)
{
    const struct role_record *record;
    struct iam_role role;

    (void)out;
    if (!role_find_own(call, in->role_name, &record))
        return false;
    role = *record->role;
    if (!boundary_make(call, in->permissions_boundary, &role.permissions_boundary))
        return false;
    put(call, record, &role);
    return true;
}

bool iam_delete_role_permissions_boundary(struct call *call,
                                          const struct iam_delete_role_permissions_boundary_request *in, void *out)
{
    const struct role_record *record;
    struct iam_role role;

    (void)out;
    if (!role_find_own(call, in->role_name, &record))
        return false;
    role = *record->role;
    role.permissions_boundary = NULL;
    put(call, record, &role);
    return true;
}
