#include "plane/iam/role.h"

/* ---- roles ---- */

static void role_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct role_record *)record)->role->role_id);
}

static void role_name_index(const void *record, struct buf *key)
{
    const struct role_record *role = record;

    entity_name_key(key, role->account_id, role->role->role_name);
}

static void role_boundary_index(const void *record, struct buf *key)
{
    const struct role_record *role = record;

    if (role->role->permissions_boundary == NULL)
        return;
    key_add(key, role->role->permissions_boundary->permissions_boundary_arn);
    key_add(key, role->account_id);
}

const struct table_spec role_table = {
    .name = "iam_role",
    .shape = &role_record_shape,
    .key = role_key,
    .indexes = {{"name", role_name_index}, {"boundary", role_boundary_index}},
};

const struct role_record *role_by_name(const struct transaction *tx, struct str account, struct str name)
{
    return entity_by_name(tx, &role_table, account, name);
}

const struct role_record *role_by_arn(const struct transaction *tx, struct str arn)
{
    const struct role_record *role = NULL;
    struct arn_parts parts;

    if (arn_split(arn, &parts))
        role = role_by_name(tx, parts.account, parts.name);
    return role != NULL && str_eq(role->role->arn, arn) ? role : NULL;
}

bool role_is_service_linked(const struct role_record *role)
{
    return str_starts(role->role->path, SERVICE_LINKED_PATH);
}

/* ---- instance profiles ---- */

static void instance_profile_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct instance_profile_record *)record)->instance_profile->instance_profile_id);
}

static void instance_profile_name_index(const void *record, struct buf *key)
{
    const struct instance_profile_record *profile = record;

    entity_name_key(key, profile->account_id, profile->instance_profile->instance_profile_name);
}

static void instance_profile_role_index(const void *record, struct buf *key)
{
    const struct instance_profile_record *profile = record;

    if (profile->role_id.ptr != NULL)
        key_add(key, profile->role_id);
}

const struct table_spec instance_profile_table = {
    .name = "iam_instance_profile",
    .shape = &instance_profile_record_shape,
    .key = instance_profile_key,
    .indexes = {{"name", instance_profile_name_index}, {"role", instance_profile_role_index}},
};

const struct instance_profile_record *instance_profile_by_name(const struct transaction *tx, struct str account,
                                                               struct str name)
{
    return entity_by_name(tx, &instance_profile_table, account, name);
}
