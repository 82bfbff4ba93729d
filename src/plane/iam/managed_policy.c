#include "plane/iam/managed_policy.h"

static void managed_policy_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct managed_policy_record *)record)->policy->policy_id);
}

static void managed_policy_name_index(const void *record, struct buf *key)
{
    const struct managed_policy_record *policy = record;

    entity_name_key(key, policy->account_id, policy->policy->policy_name);
}

const struct table_spec managed_policy_table = {
    .name = "iam_managed_policy",
    .shape = &managed_policy_record_shape,
    .key = managed_policy_key,
    .indexes = {{"name", managed_policy_name_index}},
};

static void version_key(const void *record, struct buf *key)
{
    const struct policy_version_record *version = record;

    key_add(key, version->policy_id);
    key_add_number(key, version->version);
}

const struct table_spec policy_version_table = {
    .name = "iam_policy_version", .shape = &policy_version_record_shape, .key = version_key};

struct str policy_version_key(struct arena *arena, struct str policy_id, int64_t number)
{
    auto_buf key = {0};

    key_add(&key, policy_id);
    key_add_number(&key, number);
    return arena_str(arena, buf_str(&key));
}

const struct managed_policy_record *managed_policy_by_arn(const struct transaction *tx, struct str arn)
{
    const struct managed_policy_record *policy = NULL;
    struct arn_parts parts;

    if (arn_split(arn, &parts))
        policy = entity_by_name(tx, &managed_policy_table, parts.account, parts.name);
    return policy != NULL && str_eq(policy->policy->arn, arn) ? policy : NULL;
}
