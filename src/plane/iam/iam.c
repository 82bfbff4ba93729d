#include "plane/iam/iam.h"

#include "base/must.h"

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

/* "arn:aws:iam::1234:role/path/Name" and a session name make "arn:aws:sts::1234:assumed-role/Name/session" (STS
 * reference, "AssumedRoleUser"). */
static struct str assumed_role_arn(struct arena *arena, struct str account, struct str role_arn, struct str session)
{
    size_t slash = str_find_last(role_arn, '/');
    struct str name = slash == role_arn.len ? role_arn : str_from(role_arn, slash + 1);

    return arena_printf(arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", STR_ARG(account), STR_ARG(name),
                        STR_ARG(session));
}

struct str iam_session_begin(struct transaction *tx, struct str account, struct str role_arn, struct str session_name)
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

bool iam_authorize(const struct call *call, const struct operation_spec *operation, const void *in)
{
    struct str resource = operation->resource == NULL ? STR("*") : operation->resource(call, in);

    if (is_foreign(call->principal, resource))
        return fail_api(call->fail, "AccessDeniedException",
                        "User: %.*s is not authorized to perform: %s on resource: %.*s because no resource-based "
                        "policy allows the %s action",
                        STR_ARG(call->principal->arn), operation->action, STR_ARG(resource), operation->action);
    if (call->principal->kind == PRINCIPAL_ROOT)
        return true;
    for (size_t i = 0; call->principal->kind == PRINCIPAL_SESSION && i < COUNT_OF(execution_actions); i++)
        if (str_is(str_of(operation->action), execution_actions[i]))
            return true;
    return fail_api(call->fail, "AccessDeniedException",
                    "User: %.*s is not authorized to perform: %s on resource: %.*s because no identity-based policy "
                    "allows the %s action",
                    STR_ARG(call->principal->arn), operation->action, STR_ARG(resource), operation->action);
}

/* ---- the domain ---- */

static const struct table_spec *const tables[] = {&account_table, &access_key_table};

const struct domain_spec iam_domain = {
    .name = "iam",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .seed = seed,
};
