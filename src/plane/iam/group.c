#include "plane/iam/group.h"

static void group_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct group_record *)record)->group->group_id);
}

static void group_name_index(const void *record, struct buf *key)
{
    const struct group_record *group = record;

    entity_name_key(key, group->account_id, group->group->group_name);
}

const struct table_spec group_table = {
    .name = "iam_group",
    .shape = &group_record_shape,
    .key = group_key,
    .indexes = {{"name", group_name_index}},
};

const struct group_record *group_by_name(const struct transaction *tx, struct str account, struct str name)
{
    return entity_by_name(tx, &group_table, account, name);
}
