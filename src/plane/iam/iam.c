#include "plane/iam/iam.h"

#include "base/must.h"

/* How long an expired key is still known, so that its user hears that it expired. */
#define KEY_KEPT_MS (24 * HOUR_MS)

/* ---- tables ---- */

static void account_key(const void *record, struct buf *key)
{
    const struct account_record *account = record;

    key_add(key, account->account_id);
    key_add(key, account->region);
}

const struct table_spec account_table = {.name = "account", .shape = &account_record_shape, .key = account_key};

static void access_key_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct access_key_record *)record)->access_key_id);
}

static void root_key_index(const void *record, struct buf *key)
{
    const struct access_key_record *access_key = record;

    if (access_key->kind == ACCESS_KEY_KIND_ROOT)
        key_add(key, access_key->account_id);
}

const struct table_spec access_key_table = {
    .name = "access_key",
    .shape = &access_key_record_shape,
    .key = access_key_key,
    .indexes = {{"root", root_key_index}},
};

/* ---- keys ---- */

/* Characters of AWS's key ids after the four letters that tell the kind: base 32. */
static struct str key_id(struct transaction *tx, const char *kind)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned char bytes[16];
    char *id = arena_alloc(tx->arena, 21);

    transaction_secret(tx, bytes, sizeof(bytes));
    memcpy(id, kind, 4);
    for (size_t i = 0; i < sizeof(bytes); i++)
        id[4 + i] = alphabet[bytes[i] % 32];
    return (struct str){id, 20};
}

static struct str secret_text(struct transaction *tx, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char *bytes = arena_alloc(tx->arena, len);
    char *text = arena_alloc(tx->arena, len + 1);

    transaction_secret(tx, bytes, len);
    for (size_t i = 0; i < len; i++)
        text[i] = alphabet[bytes[i] % 64];
    return (struct str){text, len};
}

const struct access_key_record *iam_root_key(const struct transaction *tx, struct str account)
{
    struct walk walk = transaction_walk(tx, &access_key_table, "root", KEY_PREFIX(tx->arena, account));

    return walk_next(&walk);
}

void iam_root_key_put(struct transaction *tx, const struct access_key_record *key)
{
    const struct access_key_record *before = iam_root_key(tx, key->account_id);

    if (before != NULL && !str_eq(before->access_key_id, key->access_key_id))
        transaction_delete(tx, &access_key_table, before->access_key_id);
    (void)transaction_put(tx, &access_key_table, key);
}

static void root_key_make(struct transaction *tx, struct str account)
{
    struct access_key_record key = {
        .access_key_id = key_id(tx, "AKIA"),
        .account_id = account,
        .secret = secret_text(tx, 40),
        .kind = ACCESS_KEY_KIND_ROOT,
        .principal_arn = arena_printf(tx->arena, "arn:aws:iam::%.*s:root", STR_ARG(account)),
        .user_id = account,
    };

    SET(&key, created_at, tx->now_ms);
    (void)transaction_put(tx, &access_key_table, &key);
}

static void seed(struct transaction *tx, struct str account, struct str region)
{
    struct account_record record = {.account_id = account, .region = region};

    SET(&record, created_at, tx->now_ms);
    (void)transaction_put(tx, &account_table, &record);
    if (iam_root_key(tx, account) == NULL)
        root_key_make(tx, account);
}

void iam_home_ensure(struct transaction *tx, struct str account, struct str region)
{
    if (transaction_get(tx, &account_table, KEY(tx->arena, account, region)) == NULL)
        transaction_seed(tx, account, region);
}

struct access_key_record iam_root_session(struct transaction *tx, const struct principal *root, int64_t expires_ms)
{
    struct access_key_record key = {
        .access_key_id = key_id(tx, "ASIA"),
        .account_id = root->account,
        .secret = secret_text(tx, 40),
        .session_token = secret_text(tx, 128),
        .kind = ACCESS_KEY_KIND_ROOT_SESSION,
        .principal_arn = root->arn,
        .user_id = root->user_id,
    };

    SET(&key, created_at, tx->now_ms);
    SET(&key, expires_at, expires_ms);
    (void)transaction_put(tx, &access_key_table, &key);
    return key;
}

/* "arn:aws:iam::1234:role/path/Name" and a session name make "arn:aws:sts::1234:assumed-role/Name/session" (STS
 * reference, "AssumedRoleUser"). */
static struct str assumed_role_arn(struct arena *arena, struct str account, struct str role_arn, struct str session)
{
    size_t slash = str_find_last(role_arn, '/');
    struct str name = slash == role_arn.len ? role_arn : str_from(role_arn, slash + 1);

    return arena_printf(arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", STR_ARG(account), STR_ARG(name),
                        STR_ARG(session));
}

struct str iam_session_begin(struct transaction *tx, struct str account, struct str role_arn, struct str session_name,
                             int64_t seconds)
{
    struct access_key_record key = {
        .access_key_id = key_id(tx, "ASIA"),
        .account_id = account,
        .secret = secret_text(tx, 40),
        .session_token = secret_text(tx, 128),
        .kind = ACCESS_KEY_KIND_SESSION,
        .principal_arn = assumed_role_arn(tx->arena, account, role_arn, session_name),
        .user_id = arena_printf(tx->arena, "%.*s:%.*s", STR_ARG(key_id(tx, "AROA")), STR_ARG(session_name)),
    };

    SET(&key, created_at, tx->now_ms);
    if (seconds > 0)
        SET(&key, expires_at, tx->now_ms + seconds * SECOND_MS);
    (void)transaction_put(tx, &access_key_table, &key);
    return key.access_key_id;
}

void iam_session_end(struct transaction *tx, struct str access_key_id)
{
    transaction_delete(tx, &access_key_table, access_key_id);
}

/* ---- authorization ---- */

/* What the agent does on behalf of a task with its execution role; the AWS managed policy
 * AmazonECSTaskExecutionRolePolicy allows the same. */
static const char *const execution_actions[] = {
    "ecr:GetAuthorizationToken",  "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage",
    "logs:CreateLogGroup",        "logs:CreateLogStream",
    "logs:PutLogEvents",          "sts:GetCallerIdentity",
};

/* The account in "arn:aws:service:region:account:..."; empty when the resource names none. */
static struct str account_of(struct str arn)
{
    struct str rest = arn;

    for (int i = 0; i < 4 && rest.ptr != NULL; i++)
        (void)str_cut(rest, ':', &rest);
    return rest.ptr == NULL ? STR("") : str_cut(rest, ':', &rest);
}

static bool is_foreign(const struct principal *principal, struct str resource)
{
    struct str account = account_of(resource);

    return account.len > 0 && !str_eq(account, principal->account);
}

static bool is_execution_action(const char *action)
{
    for (size_t i = 0; i < COUNT_OF(execution_actions); i++)
        if (strcmp(action, execution_actions[i]) == 0)
            return true;
    return false;
}

bool iam_allows(const struct principal *principal, const char *action, struct str resource, struct fail *f)
{
    bool foreign = is_foreign(principal, resource);

    if (!foreign &&
        (principal->kind == PRINCIPAL_ROOT || (principal->kind == PRINCIPAL_SESSION && is_execution_action(action))))
        return true;
    return fail_api(f, "AccessDeniedException",
                    "User: %.*s is not authorized to perform: %s on resource: %.*s because no %s-based policy allows "
                    "the %s action",
                    STR_ARG(principal->arn), action, STR_ARG(resource), foreign ? "resource" : "identity", action);
}

bool iam_authorize(const struct call *call, const struct operation_spec *operation, const void *in)
{
    return iam_allows(call->principal, operation->action,
                      operation->resource == NULL ? STR("*") : operation->resource(call, in), call->fail);
}

/* ---- keys of sessions go when their time is long over ---- */

static int64_t expire_key(struct transaction *tx, struct str key)
{
    const struct access_key_record *record = transaction_get(tx, &access_key_table, key);

    if (record == NULL || !record->has_expires_at)
        return WHEN_NEVER;
    if (tx->now_ms < record->expires_at + KEY_KEPT_MS)
        return record->expires_at + KEY_KEPT_MS;
    transaction_delete(tx, &access_key_table, key);
    return WHEN_NEVER;
}

static const struct reconciler_spec key_reconciler = {"access_key", &access_key_table, expire_key};

static void key_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct access_key_record *key = after;

    (void)tx;
    (void)before;
    if (key != NULL && key->has_expires_at)
        marks_add(marks, &key_reconciler, key->access_key_id);
}

/* ---- the domain ---- */

static const struct table_spec *const tables[] = {&account_table, &access_key_table};
static const struct reconciler_spec *const reconcilers[] = {&key_reconciler};
static const struct dirties_spec dirties[] = {{&access_key_table, key_dirties}};

const struct domain_spec iam_domain = {
    .name = "iam",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
    .seed = seed,
};
