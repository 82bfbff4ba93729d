#include "plane/ecr/registry.h"

static void registry_key(const void *record, struct buf *key)
{
    const struct registry_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
}

const struct table_spec registry_table = {.name = "registry", .shape = &registry_record_shape, .key = registry_key};

struct registry_record registry_find(const struct transaction *tx, const struct registry_id *id)
{
    const struct registry_record *record =
        transaction_get(tx, &registry_table, KEY(tx->arena, id->account, id->region));

    return record != NULL ? *record
                          : (struct registry_record){.account_id = id->account,
                                                     .region = id->region,
                                                     .policy_scope = STR("V2"),
                                                     .blob_mounting = STR("ENABLED")};
}

bool registry_policy_covers(const struct registry_record *registry, struct str action)
{
    static const struct str narrow[] = {STR_INIT("ecr:ReplicateImage"), STR_INIT("ecr:BatchImportUpstreamImage"),
                                        STR_INIT("ecr:CreateRepository")};

    if (str_is(registry->policy_scope, "V2"))
        return true;
    for (size_t i = 0; i < COUNT_OF(narrow); i++)
        if (str_eq_nocase(action, narrow[i]))
            return true;
    return false;
}

bool registry_mounts_blobs(const struct transaction *tx, const struct registry_id *id)
{
    return str_is(registry_find(tx, id).blob_mounting, "ENABLED");
}
