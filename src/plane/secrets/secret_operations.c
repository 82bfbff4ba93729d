/* Secrets: made, described, changed, deleted and taken back. */
#include "base/must.h"
#include "plane/secrets/operations.h"

enum { WINDOW_DAYS_MIN = 7, WINDOW_DAYS_MAX = 30, ARN_CHARACTERS = 6 }; /* API reference, "DeleteSecret" */

/* ---- what the handlers share ---- */

void secret_change_begin(struct secret_change *change, const struct secret_record *secret)
{
    change->record = *secret;
    change->entry = *secret->secret;
}

void secret_change_put(struct transaction *tx, struct secret_change *change)
{
    SET(&change->entry, last_changed_date, tx->now_ms);
    change->record.secret = &change->entry;
    must(transaction_put(tx, &secret_table, &change->record));
}

bool secret_value_of(const struct call *call, struct str text, struct str binary, struct secret_value *ret_value)
{
    if (text.ptr != NULL && binary.ptr != NULL)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "You can't specify both a binary secret value and a string secret value in the same secret.");
    *ret_value = (struct secret_value){text, binary};
    return true;
}

static bool has_value(const struct secret_value *value)
{
    return value->text.ptr != NULL || value->binary.ptr != NULL;
}

/* ---- CreateSecret ---- */

/* API reference, "CreateSecret": Name. */
static bool check_name(struct str name, struct fail *f)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              strchr("/_+=.@-", c) != NULL) ||
            c == '\0')
            return fail_api(f, "ValidationException",
                            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
                            "following: -/_+=.@!");
    }
    return true;
}

static bool check_kept(const struct call *call, const struct secretsmanager_create_secret_request *in)
{
    if (in->add_replica_regions.count > 0)
        return SECRETS_UNSUPPORTED(call, "AddReplicaRegions", "secrets are not replicated to other regions");
    if (in->type.len > 0)
        return SECRETS_UNSUPPORTED(call, "Type", "there is nobody outside who would rotate the secret");
    return true;
}

/* Six characters that a name which is made again does not get again: policies that name the old ARN do not fit. */
static struct str new_arn(const struct call *call, struct str name)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char suffix[ARN_CHARACTERS];

    for (size_t i = 0; i < sizeof(suffix); i++)
        suffix[i] = alphabet[random_below(call->tx->random, sizeof(alphabet) - 1)];
    return arena_printf(call->arena, "arn:aws:secretsmanager:%.*s:%.*s:secret:%.*s-%.*s", STR_ARG(call->region),
                        STR_ARG(call->principal->account), STR_ARG(name), (int)sizeof(suffix), suffix);
}

static const struct secret_record *put_secret(const struct call *call,
                                              const struct secretsmanager_create_secret_request *in)
{
    const struct secret_place place = {call->principal->account, call->region};
    const struct secret_record fresh = {.account_id = place.account,
                                        .region = place.region,
                                        .create_token = in->client_request_token,
                                        .secret = arena_new(call->arena, struct secretsmanager_secret_list_entry)};
    struct secret_change change;

    secret_change_begin(&change, &fresh);
    change.entry.arn = new_arn(call, in->name);
    change.entry.name = in->name;
    change.entry.description = in->description;
    change.entry.kms_key_id = in->kms_key_id;
    change.entry.tags = in->tags;
    SET(&change.entry, created_date, call->tx->now_ms);
    secret_change_put(call->tx, &change);
    return secret_named(call->tx, &place, in->name);
}

/* A secret of that name is there: fine when this very request made it, and has its version still. */
static bool made_before(const struct call *call, const struct secretsmanager_create_secret_request *in,
                        const struct secret_record *secret)
{
    if (secret->has_purge_at)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_REQUEST_EXCEPTION,
                        "You can't create this secret because a secret with this name is already scheduled for "
                        "deletion.");
    return (in->client_request_token.ptr != NULL && str_eq(secret->create_token, in->client_request_token)) ||
           fail_api(call->fail, SECRETSMANAGER_ERROR_RESOURCE_EXISTS_EXCEPTION,
                    "The operation failed because the secret %.*s already exists.", STR_ARG(in->name));
}

bool secretsmanager_create_secret(struct call *call, const struct secretsmanager_create_secret_request *in,
                                  struct secretsmanager_create_secret_response *out)
{
    const struct secret_place place = {call->principal->account, call->region};
    const struct secret_record *secret = secret_named(call->tx, &place, in->name);
    const struct secret_version_record *version;
    struct new_version wanted = {.token = in->client_request_token};

    if (!check_name(in->name, call->fail) || !check_kept(call, in) || !secret_tags_check(&in->tags, call->fail) ||
        !secret_value_of(call, in->secret_string, in->secret_binary, &wanted.value))
        return false;
    if (secret != NULL && !made_before(call, in, secret))
        return false;
    if (secret == NULL && transaction_count(call->tx, &secret_table) >= SECRETS_MAX)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_LIMIT_EXCEEDED_EXCEPTION, "There can be at most %d secrets.",
                        SECRETS_MAX);
    if (secret == NULL)
        secret = put_secret(call, in);
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    if (!has_value(&wanted.value))
        return true;
    if (!secret_version_add(call, secret, &wanted, &version))
        return false;
    out->version_id = version->version->version_id;
    return true;
}

/* ---- DescribeSecret ---- */

bool secretsmanager_describe_secret(struct call *call, const struct secretsmanager_describe_secret_request *in,
                                    struct secretsmanager_describe_secret_response *out)
{
    const struct secretsmanager_secret_list_entry *entry;
    const struct secret_record *secret;

    if (!secret_find(call, in->secret_id, &secret))
        return false;
    entry = secret->secret;
    out->arn = entry->arn;
    out->name = entry->name;
    out->description = entry->description;
    out->kms_key_id = entry->kms_key_id;
    out->tags = entry->tags;
    SET(out, created_date, entry->created_date);
    SET(out, last_changed_date, entry->last_changed_date);
    if (entry->has_last_accessed_date)
        SET(out, last_accessed_date, entry->last_accessed_date);
    if (secret->has_purge_at) /* "the date the secret is scheduled for deletion"; ListSecrets shows when it was asked */
        SET(out, deleted_date, secret->purge_at);
    out->version_ids_to_stages = secret_stages(call->tx, secret, call->arena);
    return true;
}

/* ---- UpdateSecret ---- */

bool secretsmanager_update_secret(struct call *call, const struct secretsmanager_update_secret_request *in,
                                  struct secretsmanager_update_secret_response *out)
{
    const struct secret_version_record *version;
    const struct secret_record *secret;
    struct new_version wanted = {.token = in->client_request_token};
    struct secret_change change;

    if (in->type.len > 0)
        return SECRETS_UNSUPPORTED(call, "Type", "there is nobody outside who would rotate the secret");
    if (!secret_value_of(call, in->secret_string, in->secret_binary, &wanted.value) ||
        !secret_find_active(call, in->secret_id, &secret))
        return false;
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    if (has_value(&wanted.value)) {
        if (!secret_version_add(call, secret, &wanted, &version))
            return false;
        out->version_id = version->version->version_id;
    }
    secret_change_begin(&change, secret);
    if (in->description.ptr != NULL)
        change.entry.description = in->description;
    if (in->kms_key_id.ptr != NULL)
        change.entry.kms_key_id = in->kms_key_id;
    secret_change_put(call->tx, &change);
    return true;
}

/* ---- DeleteSecret, RestoreSecret ---- */

static bool check_deletion(const struct call *call, const struct secretsmanager_delete_secret_request *in)
{
    if (in->has_recovery_window_in_days && in->force_delete_without_recovery)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
    if (in->has_recovery_window_in_days &&
        (in->recovery_window_in_days < WINDOW_DAYS_MIN || in->recovery_window_in_days > WINDOW_DAYS_MAX))
        return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The RecoveryWindowInDays value must be between %d and %d days (inclusive).", WINDOW_DAYS_MIN,
                        WINDOW_DAYS_MAX);
    return true;
}

/* Also of one that does not exist: "if you forcibly delete an already deleted or nonexistent secret, the operation does
 * not return ResourceNotFoundException" (API reference, "DeleteSecret"). */
static bool delete_by_force(const struct call *call, struct str secret_id,
                            struct secretsmanager_delete_secret_response *out)
{
    const struct secret_place place = {call->principal->account, call->region};
    const struct secret_record *secret = secret_named(call->tx, &place, secret_id);

    if (secret != NULL && str_eq(secret->region, call->region)) {
        out->arn = secret->secret->arn;
        out->name = secret->secret->name;
        secret_remove(call->tx, secret);
    } else {
        out->arn = str_starts(secret_id, STR("arn:")) ? secret_id : new_arn(call, secret_id);
        out->name = secret_id;
    }
    SET(out, deletion_date, call->tx->now_ms);
    return true;
}

bool secretsmanager_delete_secret(struct call *call, const struct secretsmanager_delete_secret_request *in,
                                  struct secretsmanager_delete_secret_response *out)
{
    int64_t days = in->has_recovery_window_in_days ? in->recovery_window_in_days : WINDOW_DAYS_MAX;
    const struct secret_record *secret;
    struct secret_change change;

    if (!check_deletion(call, in))
        return false;
    if (in->force_delete_without_recovery)
        return delete_by_force(call, in->secret_id, out);
    if (!secret_find_active(call, in->secret_id, &secret))
        return false;
    secret_change_begin(&change, secret);
    SET(&change.entry, deleted_date, call->tx->now_ms);
    SET(&change.record, purge_at, call->tx->now_ms + days * DAY_MS);
    secret_change_put(call->tx, &change);
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    SET(out, deletion_date, change.record.purge_at);
    return true;
}

bool secretsmanager_restore_secret(struct call *call, const struct secretsmanager_restore_secret_request *in,
                                   struct secretsmanager_restore_secret_response *out)
{
    const struct secret_record *secret;
    struct secret_change change;

    if (!secret_find(call, in->secret_id, &secret))
        return false;
    secret_change_begin(&change, secret);
    change.entry.has_deleted_date = false;
    change.record.has_purge_at = false;
    if (secret->has_purge_at) /* a secret that is not deleted is left as it is, and that is no error */
        secret_change_put(call->tx, &change);
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    return true;
}

/* ---- rotation, which nobody here could do ---- */

bool secretsmanager_rotate_secret(struct call *call, const struct secretsmanager_rotate_secret_request *in,
                                  struct secretsmanager_rotate_secret_response *out)
{
    const struct secret_record *secret;

    (void)out;
    if (!secret_find_active(call, in->secret_id, &secret))
        return false;
    if (in->rotation_lambda_arn.len > 0)
        return SECRETS_UNSUPPORTED(call, "RotationLambdaARN",
                                   "there are no Lambda functions; rotate with PutSecretValue and "
                                   "UpdateSecretVersionStage");
    return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_REQUEST_EXCEPTION,
                    "No Lambda rotation function ARN is associated with this secret.");
}

bool secretsmanager_cancel_rotate_secret(struct call *call,
                                         const struct secretsmanager_cancel_rotate_secret_request *in,
                                         struct secretsmanager_cancel_rotate_secret_response *out)
{
    const struct secret_record *secret;

    (void)out;
    if (!secret_find_active(call, in->secret_id, &secret))
        return false;
    return fail_api(call->fail, SECRETSMANAGER_ERROR_INVALID_REQUEST_EXCEPTION,
                    "You can't cancel a rotation: rotation was never turned on for this secret.");
}
