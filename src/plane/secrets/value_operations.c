/* Values of secrets: read, put, their labels moved, their versions listed. */
#include "base/must.h"
#include "plane/secrets/operations.h"

enum { VERSIONS_LISTED_MAX = 100 }; /* API reference, "ListSecretVersionIds" */

/* ---- GetSecretValue ---- */

/* The day on which somebody read it: "the date, the time is not kept" (API reference, "DescribeSecret"). Once a day, so
 * that reading is not writing. */
static void note_secret_access(struct transaction *tx, const struct secret_record *secret, int64_t day_ms)
{
    struct secretsmanager_secret_list_entry entry = *secret->secret;
    struct secret_record record = *secret;

    if (entry.has_last_accessed_date && entry.last_accessed_date == day_ms)
        return;
    SET(&entry, last_accessed_date, day_ms);
    record.secret = &entry;
    must(transaction_put(tx, &secret_table, &record));
}

static void note_version_access(struct transaction *tx, const struct secret_version_record *version, int64_t day_ms)
{
    struct secretsmanager_secret_versions_list_entry entry = *version->version;
    struct secret_version_record record = *version;

    if (entry.has_last_accessed_date && entry.last_accessed_date == day_ms)
        return;
    SET(&entry, last_accessed_date, day_ms);
    record.version = &entry;
    must(transaction_put(tx, &secret_version_table, &record));
}

bool secretsmanager_get_secret_value(struct call *call, const struct secretsmanager_get_secret_value_request *in,
                                     struct secretsmanager_get_secret_value_response *out)
{
    const struct version_choice choice = {in->version_id, in->version_stage};
    const struct secret_version_record *version;
    const struct secret_record *secret;
    struct str value;

    if (!secret_find_active(call, in->secret_id, &secret) ||
        !secret_version_choose(call->tx, secret, &choice, &version, call->fail) ||
        !secret_version_open(call->tx, version, call->arena, &value, call->fail))
        return false;
    note_secret_access(call->tx, secret, call->tx->now_ms - call->tx->now_ms % DAY_MS);
    note_version_access(call->tx, version, call->tx->now_ms - call->tx->now_ms % DAY_MS);
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    out->version_id = version->version->version_id;
    *(version->is_binary ? &out->secret_binary : &out->secret_string) = value;
    out->version_stages = version->version->version_stages;
    SET(out, created_date, version->version->created_date);
    return true;
}

/* ---- PutSecretValue ---- */

bool secretsmanager_put_secret_value(struct call *call, const struct secretsmanager_put_secret_value_request *in,
                                     struct secretsmanager_put_secret_value_response *out)
{
    struct new_version wanted = {.token = in->client_request_token, .stages = in->version_stages};
    const struct secret_version_record *version;
    const struct secret_record *secret;
    struct secret_change change;

    if (in->rotation_token.ptr != NULL)
        return SECRETS_UNSUPPORTED(call, "RotationToken", "there are no Lambda functions that rotate");
    if (!secret_value_of(call, in->secret_string, in->secret_binary, &wanted.value))
        return false;
    if (in->secret_string.ptr == NULL && in->secret_binary.ptr == NULL)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_REQUEST_EXCEPTION,
                        "You must provide either SecretString or SecretBinary.");
    if (!secret_find_active(call, in->secret_id, &secret) || !secret_version_add(call, secret, &wanted, &version))
        return false;
    secret_change_begin(&change, secret);
    secret_change_put(call->tx, &change);
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    out->version_id = version->version->version_id;
    out->version_stages = version->version->version_stages;
    return true;
}

/* ---- UpdateSecretVersionStage ---- */

static bool version_named(const struct call *call, const struct secret_record *secret, struct str id,
                          const struct secret_version_record **ret_version)
{
    const struct version_choice choice = {.id = id};

    *ret_version = NULL;
    return id.ptr == NULL || secret_version_choose(call->tx, secret, &choice, ret_version, call->fail);
}

/* Whoever takes a label away says from where, so that two that move it at once do not undo each other. */
static bool check_holder(const struct call *call, const struct secretsmanager_update_secret_version_stage_request *in,
                         const struct secret_version_record *holder)
{
    if (in->remove_from_version_id.ptr == NULL && in->move_to_version_id.ptr == NULL)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "You must provide RemoveFromVersionId, MoveToVersionId, or both.");
    if (str_eq(in->version_stage, STAGE_CURRENT) && in->move_to_version_id.ptr == NULL)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "You can only move staging label AWSCURRENT to a different secret version. It can't be "
                        "completely removed.");
    if (in->remove_from_version_id.ptr == NULL)
        return holder == NULL || str_eq(holder->version->version_id, in->move_to_version_id) ||
               fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The parameter RemoveFromVersionId can't be empty. Staging label %.*s is currently attached to "
                        "version %.*s, so you must explicitly reference that version in RemoveFromVersionId.",
                        STR_ARG(in->version_stage), STR_ARG(holder->version->version_id));
    return (holder != NULL && str_eq(holder->version->version_id, in->remove_from_version_id)) ||
           fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "The staging label %.*s isn't attached to version %.*s of the secret.", STR_ARG(in->version_stage),
                    STR_ARG(in->remove_from_version_id));
}

bool secretsmanager_update_secret_version_stage(struct call *call,
                                                const struct secretsmanager_update_secret_version_stage_request *in,
                                                struct secretsmanager_update_secret_version_stage_response *out)
{
    const struct secret_version_record *holder;
    const struct secret_version_record *from;
    const struct secret_version_record *to;
    const struct secret_record *secret;
    struct secret_change change;

    if (!secret_find_active(call, in->secret_id, &secret) ||
        !version_named(call, secret, in->remove_from_version_id, &from) ||
        !version_named(call, secret, in->move_to_version_id, &to))
        return false;
    holder = secret_version_at(call->tx, secret, in->version_stage);
    if (!check_holder(call, in, holder))
        return false;
    if (holder == NULL && secret_stage_count(call->tx, secret) >= STAGES_MAX)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "A secret can have at most %d staging labels on all its versions.", STAGES_MAX);
    secret_stage_move(call->tx, secret, in->version_stage, to);
    secret_change_begin(&change, secret);
    secret_change_put(call->tx, &change);
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    return true;
}

/* ---- ListSecretVersionIds ---- */

static struct secretsmanager_secret_versions_list_entry
shown(const struct call *call, const struct secret_record *secret, const struct secret_version_record *version)
{
    struct secretsmanager_secret_versions_list_entry entry = *version->version;
    struct str *key = arena_new(call->arena, struct str);

    *key = secret->secret->kms_key_id.len > 0 ? secret->secret->kms_key_id : STR("DefaultEncryptionKey");
    entry.kms_key_ids = (struct secretsmanager_kms_key_id_list_type){key, 1};
    return entry;
}

bool secretsmanager_list_secret_version_ids(struct call *call,
                                            const struct secretsmanager_list_secret_version_ids_request *in,
                                            struct secretsmanager_list_secret_version_ids_response *out)
{
    size_t limit = in->has_max_results ? (size_t)in->max_results : VERSIONS_LISTED_MAX;
    const struct secret_version_record *version;
    const struct secret_record *secret;
    struct str after;
    struct walk walk;

    if (!page_begin(call->arena, in->next_token, SECRETSMANAGER_ERROR_INVALID_NEXT_TOKEN_EXCEPTION, &after,
                    call->fail) ||
        !secret_find(call, in->secret_id, &secret))
        return false;
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    out->versions.items = arena_array(call->arena, struct secretsmanager_secret_versions_list_entry, limit);
    walk = transaction_walk(call->tx, &secret_version_table, NULL,
                            KEY_PREFIX(call->arena, secret->account_id, secret->region, secret->secret->name));
    if (after.ptr != NULL)
        walk.at = KEY(call->arena, secret->account_id, secret->region, secret->secret->name, after);
    while ((version = walk_next(&walk)) != NULL) {
        if (version->version->version_stages.count == 0 && !in->include_deprecated)
            continue;
        if (out->versions.count == limit) {
            out->next_token = page_token(call->arena, out->versions.items[limit - 1].version_id);
            break;
        }
        out->versions.items[out->versions.count++] = shown(call, secret, version);
    }
    return true;
}
