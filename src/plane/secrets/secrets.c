#include "plane/secrets/secrets.h"

enum { ARN_SUFFIX_LEN = 7 }; /* a hyphen and six characters */

/* ---- tables ---- */

static void secret_key(const void *record, struct buf *key)
{
    const struct secret_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->secret->name);
}

static void version_key(const void *record, struct buf *key)
{
    const struct secret_version_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->name);
    key_add(key, of->version->version_id);
}

const struct table_spec secret_table = {.name = "secret", .shape = &secret_record_shape, .key = secret_key};
const struct table_spec secret_version_table = {
    .name = "secret_version", .shape = &secret_version_record_shape, .key = version_key};

/* ---- finding ---- */

static const struct secret_record *secret_at(const struct transaction *tx, const struct secret_place *place,
                                             struct str name)
{
    return transaction_get(tx, &secret_table, KEY(tx->arena, place->account, place->region, name));
}

/* "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-XXXXXX" */
static const struct secret_record *secret_of_arn(const struct transaction *tx, struct str arn)
{
    static const char *const start[] = {"arn", "aws", "secretsmanager"};
    struct secret_place place;
    const struct secret_record *secret;
    struct str rest = arn;

    for (size_t i = 0; i < COUNT_OF(start); i++)
        if (rest.ptr == NULL || !str_is(str_cut(rest, ':', &rest), start[i]))
            return NULL;
    if (rest.ptr == NULL)
        return NULL;
    place.region = str_cut(rest, ':', &rest);
    if (rest.ptr == NULL)
        return NULL;
    place.account = str_cut(rest, ':', &rest);
    if (rest.ptr == NULL || !str_starts(rest, STR("secret:")))
        return NULL;
    rest = str_from(rest, strlen("secret:"));
    if (rest.len > ARN_SUFFIX_LEN) {
        secret = secret_at(tx, &place, str_to(rest, rest.len - ARN_SUFFIX_LEN));
        if (secret != NULL && str_eq(secret->secret->arn, arn))
            return secret;
    }
    return secret_at(tx, &place, rest);
}

const struct secret_record *secret_named(const struct transaction *tx, const struct secret_place *place,
                                         struct str secret_id)
{
    return str_starts(secret_id, STR("arn:")) ? secret_of_arn(tx, secret_id) : secret_at(tx, place, secret_id);
}

bool secret_find(const struct call *call, struct str secret_id, const struct secret_record **ret_secret)
{
    const struct secret_place place = {call->principal->account, call->region};
    const struct secret_record *secret = secret_named(call->tx, &place, secret_id);

    if (secret == NULL || !str_eq(secret->region, call->region))
        return fail_api(call->fail, SECRETSMANAGER_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                        "Secrets Manager can't find the specified secret.");
    *ret_secret = secret;
    return true;
}

bool secret_find_active(const struct call *call, struct str secret_id, const struct secret_record **ret_secret)
{
    const struct secret_record *secret;

    if (!secret_find(call, secret_id, &secret))
        return false;
    if (secret->has_purge_at)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_REQUEST_EXCEPTION,
                        "You can't perform this operation on the secret because it was marked for deletion.");
    *ret_secret = secret;
    return true;
}

/* ---- values ---- */

bool secret_version_open(const struct transaction *tx, const struct secret_version_record *version, struct arena *arena,
                         struct str *ret_value, struct fail *f)
{
    const struct sealed sealed = {
        KEY(tx->arena, version->account_id, version->region, version->name, version->version->version_id),
        version->sealed};

    return vault_open(tx, &sealed, arena, ret_value) ||
           fail_api(f, SECRETSMANAGER_ERROR_DECRYPTION_FAILURE,
                    "Secrets Manager can't decrypt the protected secret text using the provided KMS key.");
}

bool secrets_any_sealed(const struct transaction *tx, struct sealed *ret_sealed)
{
    struct walk walk = transaction_walk(tx, &secret_version_table, NULL, STR(""));
    const struct secret_version_record *version = walk_next(&walk);

    if (version == NULL)
        return false;
    *ret_sealed = (struct sealed){walk.at, version->sealed};
    return true;
}

/* ---- what is marked for deletion goes when its time has come ---- */

void secret_remove(struct transaction *tx, const struct secret_record *secret)
{
    struct walk walk =
        transaction_walk(tx, &secret_version_table, NULL,
                         KEY_PREFIX(tx->arena, secret->account_id, secret->region, secret->secret->name));

    while (walk_next(&walk) != NULL)
        transaction_delete(tx, &secret_version_table, walk.at);
    transaction_delete(tx, &secret_table, KEY(tx->arena, secret->account_id, secret->region, secret->secret->name));
}

static int64_t purge(struct transaction *tx, struct str key)
{
    const struct secret_record *secret = transaction_get(tx, &secret_table, key);

    if (secret == NULL || !secret->has_purge_at)
        return WHEN_NEVER;
    if (tx->now_ms < secret->purge_at)
        return secret->purge_at;
    secret_remove(tx, secret);
    return WHEN_NEVER;
}

static const struct reconciler_spec secret_reconciler = {"secret", &secret_table, purge};

static void secret_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct secret_record *secret = after;

    (void)before;
    if (secret != NULL && secret->has_purge_at)
        marks_add(marks, &secret_reconciler, KEY(tx->arena, secret->account_id, secret->region, secret->secret->name));
}

/* ---- the domain ---- */

static const struct table_spec *const tables[] = {&secret_table, &secret_version_table};
static const struct reconciler_spec *const reconcilers[] = {&secret_reconciler};
static const struct dirties_spec dirties[] = {{&secret_table, secret_dirties}};

const struct domain_spec secrets_domain = {
    .name = "secrets",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
};
