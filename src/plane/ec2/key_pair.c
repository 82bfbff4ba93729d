#include "plane/ec2/key_pair.h"

#include "base/must.h"
#include "plane/ec2/operations.h"
#include "plane/ec2/ssh_key.h"
#include "plane/vpc/filter.h"

enum { KEY_NAME_MAX = 255 };

static void key_pair_key(const void *record, struct buf *key)
{
    const struct key_pair_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->key_pair->key_pair_id);
}

static void name_key(const void *record, struct buf *key)
{
    const struct key_pair_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->key_pair->key_name);
}

const struct table_spec key_pair_table = {
    .name = "key_pair", .shape = &key_pair_record_shape, .key = key_pair_key, .indexes = {{"name", name_key}}};

static const void *key_pair_noun(const void *record)
{
    return ((const struct key_pair_record *)record)->key_pair;
}

static const struct ec2_tag_list *key_pair_tags(const void *record)
{
    return &((const struct key_pair_record *)record)->key_pair->tags;
}

static void key_pair_put_tags(struct call *call, const void *record, struct ec2_tag_list tags)
{
    struct key_pair_record copy = *(const struct key_pair_record *)record;
    struct ec2_key_pair_info info = *copy.key_pair;

    info.tags = tags;
    copy.key_pair = &info;
    must(transaction_put(call->tx, &key_pair_table, &copy));
}

const struct resource_kind key_pair_kind = {
    .type = EC2_RESOURCE_TYPE_KEY_PAIR,
    .prefix = "key-",
    .table = &key_pair_table,
    .missing_code = "InvalidKeyPair.NotFound",
    .missing_text = "The key pair",
    .malformed_code = "InvalidKeyPairId.Malformed",
    .noun = key_pair_noun,
    .tags = key_pair_tags,
    .put_tags = key_pair_put_tags,
};

static const struct key_pair_record *named(const struct call *call, struct str name)
{
    struct walk walk = transaction_walk(call->tx, &key_pair_table, "name",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, name));

    return walk_next(&walk);
}

bool key_pair_find(const struct call *call, struct str name, const struct key_pair_record **ret_key_pair)
{
    *ret_key_pair = named(call, name);
    return *ret_key_pair != NULL ||
           fail_api(call->fail, "InvalidKeyPair.NotFound", "The key pair '%.*s' does not exist", STR_ARG(name));
}

/* ---- making and importing ---- */

static bool check_name(const struct call *call, struct str name)
{
    if (name.len == 0 || name.len > KEY_NAME_MAX)
        return fail_api(call->fail, "InvalidParameterValue",
                        "Invalid value '%.*s' for keyPairNames. Must be between 1 and %d characters", STR_ARG(name),
                        KEY_NAME_MAX);
    return named(call, name) == NULL || fail_api(call->fail, "InvalidKeyPair.Duplicate", "The keypair already exists");
}

static bool keep(struct call *call, struct str name, const struct ssh_key *key,
                 const struct ec2_tag_specification_list *tags, struct ec2_key_pair_info *info)
{
    struct key_pair_record record = {.account_id = call->principal->account, .region = call->region, .key_pair = info};

    if (!resource_tags(call, tags, EC2_RESOURCE_TYPE_KEY_PAIR, &info->tags))
        return false;
    info->key_pair_id = vpc_id_new(call->tx, "key");
    info->key_name = name;
    info->key_fingerprint = key->fingerprint;
    info->public_key = key->public_key;
    info->key_type = key->type == SSH_KEY_RSA ? EC2_KEY_TYPE_RSA : EC2_KEY_TYPE_ED25519;
    SET(info, create_time, call->tx->now_ms);
    must(transaction_put(call->tx, &key_pair_table, &record));
    return true;
}

/* Some tens of milliseconds for RSA, which the core does not wait for. */
bool key_pair_prepare(struct call *call, const struct ec2_create_key_pair_request *in)
{
    struct ssh_key *key = arena_new(call->arena, struct ssh_key);
    struct fail f;

    call->carry = key;
    return ssh_key_make(in->key_type == EC2_KEY_TYPE_ED25519 ? SSH_KEY_ED25519 : SSH_KEY_RSA, call->arena, key, &f) ||
           fail_status(call->fail, 500, "InternalError", "%s", f.message);
}

bool ec2_create_key_pair(struct call *call, const struct ec2_create_key_pair_request *in, struct ec2_key_pair *out)
{
    struct ec2_key_pair_info info = {.tags = {NULL, 0}};
    const struct ssh_key *key = call->carry;

    must(key != NULL);
    if (in->key_format == EC2_KEY_FORMAT_PPK)
        return fail_api(call->fail, "UnsupportedOperation", "Berth makes keys in the format pem");
    if (!check_name(call, in->key_name) || !keep(call, in->key_name, key, &in->tag_specifications, &info))
        return false;
    out->key_pair_id = info.key_pair_id;
    out->key_name = info.key_name;
    out->key_fingerprint = info.key_fingerprint;
    out->key_material = key->private_key;
    out->tags = info.tags;
    return true;
}

bool ec2_import_key_pair(struct call *call, const struct ec2_import_key_pair_request *in,
                         struct ec2_import_key_pair_result *out)
{
    struct ec2_key_pair_info info = {.tags = {NULL, 0}};
    struct ssh_key key;

    if (!check_name(call, in->key_name) || !ssh_key_import(in->public_key_material, call->arena, &key, call->fail) ||
        !keep(call, in->key_name, &key, &in->tag_specifications, &info))
        return false;
    out->key_pair_id = info.key_pair_id;
    out->key_name = info.key_name;
    out->key_fingerprint = info.key_fingerprint;
    out->tags = info.tags;
    return true;
}

/* ---- describing and deleting ---- */

static const struct filter_field fields[] = {
    {"fingerprint", "KeyFingerprint"},
    {"key-name", "KeyName"},
    {"key-pair-id", "KeyPairId"},
};
static const struct filter_table filters = {&ec2_key_pair_info_shape, fields, COUNT_OF(fields), "Tags"};

static bool check_asked(struct call *call, const struct ec2_describe_key_pairs_request *in)
{
    const struct key_pair_record *found;
    const void *record;

    for (size_t i = 0; i < in->key_names.count; i++)
        if (!key_pair_find(call, in->key_names.items[i], &found))
            return false;
    for (size_t i = 0; i < in->key_pair_ids.count; i++)
        if (!resource_find(call, &key_pair_kind, in->key_pair_ids.items[i], &record))
            return false;
    return true;
}

static bool is_asked(const struct ec2_describe_key_pairs_request *in, const struct ec2_key_pair_info *info)
{
    return (in->key_names.count == 0 && in->key_pair_ids.count == 0) ||
           str_is_among(info->key_name, in->key_names.items, in->key_names.count) ||
           str_is_among(info->key_pair_id, in->key_pair_ids.items, in->key_pair_ids.count);
}

bool ec2_describe_key_pairs(struct call *call, const struct ec2_describe_key_pairs_request *in,
                            struct ec2_describe_key_pairs_result *out)
{
    struct walk walk = transaction_walk(call->tx, &key_pair_table, "name",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct key_pair_record *record;

    if (!filters_check(&filters, &in->filters, call->fail) || !check_asked(call, in))
        return false;
    out->key_pairs.items =
        arena_array(call->arena, struct ec2_key_pair_info, transaction_count(call->tx, &key_pair_table) + 1);
    while ((record = walk_next(&walk)) != NULL) {
        struct ec2_key_pair_info *info = &out->key_pairs.items[out->key_pairs.count];

        *info = *record->key_pair;
        if (!in->include_public_key)
            info->public_key = (struct str){NULL, 0};
        if (is_asked(in, info) && filters_match(&filters, &in->filters, info))
            out->key_pairs.count++;
    }
    return true;
}

/* One that is not there is no error (API reference, "DeleteKeyPair"). */
bool ec2_delete_key_pair(struct call *call, const struct ec2_delete_key_pair_request *in,
                         struct ec2_delete_key_pair_result *out)
{
    const struct key_pair_record *record = NULL;
    struct str account = call->principal->account;

    if (in->key_name.len == 0 && in->key_pair_id.len == 0)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter KeyName or KeyPairId");
    record = in->key_name.len > 0
                 ? named(call, in->key_name)
                 : transaction_get(call->tx, &key_pair_table, KEY(call->arena, account, call->region, in->key_pair_id));
    SET(out, return_, true);
    if (record == NULL)
        return true;
    out->key_pair_id = arena_str(call->arena, record->key_pair->key_pair_id);
    transaction_delete(call->tx, &key_pair_table, KEY(call->arena, account, call->region, out->key_pair_id));
    return true;
}
