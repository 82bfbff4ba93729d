#include "plane/iam/user.h"

static void user_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct user_record *)record)->user->user_id);
}

static void user_name_index(const void *record, struct buf *key)
{
    const struct user_record *user = record;

    entity_name_key(key, user->account_id, user->user->user_name);
}

static void user_boundary_index(const void *record, struct buf *key)
{
    const struct user_record *user = record;

    if (user->user->permissions_boundary == NULL)
        return;
    key_add(key, user->user->permissions_boundary->permissions_boundary_arn);
    key_add(key, user->account_id);
}

const struct table_spec user_table = {
    .name = "iam_user",
    .shape = &user_record_shape,
    .key = user_key,
    .indexes = {{"name", user_name_index}, {"boundary", user_boundary_index}},
};

static void membership_key(const void *record, struct buf *key)
{
    const struct membership_record *membership = record;

    key_add(key, membership->user_id);
    key_add(key, membership->group_id);
}

static void membership_group_index(const void *record, struct buf *key)
{
    key_add(key, ((const struct membership_record *)record)->group_id);
}

const struct table_spec membership_table = {
    .name = "iam_membership",
    .shape = &membership_record_shape,
    .key = membership_key,
    .indexes = {{"group", membership_group_index}},
};

const struct user_record *user_by_name(const struct transaction *tx, struct str account, struct str name)
{
    return entity_by_name(tx, &user_table, account, name);
}
