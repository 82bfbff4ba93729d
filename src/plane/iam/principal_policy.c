#include "plane/iam/principal_policy.h"

static void attachment_key(const void *record, struct buf *key)
{
    const struct attachment_record *attachment = record;

    key_add(key, attachment->principal_id);
    key_add(key, attachment->policy_id);
}

static void attachment_policy_index(const void *record, struct buf *key)
{
    const struct attachment_record *attachment = record;

    key_add(key, attachment->policy_id);
    key_add(key, attachment->account_id);
    key_add(key, attachment->principal_id);
}

const struct table_spec attachment_table = {
    .name = "iam_attachment",
    .shape = &attachment_record_shape,
    .key = attachment_key,
    .indexes = {{"policy", attachment_policy_index}},
};

static void inline_policy_key(const void *record, struct buf *key)
{
    const struct inline_policy_record *policy = record;

    key_add(key, policy->principal_id);
    key_add(key, policy->name);
}

const struct table_spec inline_policy_table = {
    .name = "iam_inline_policy", .shape = &inline_policy_record_shape, .key = inline_policy_key};
