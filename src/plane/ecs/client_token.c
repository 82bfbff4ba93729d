#include "plane/ecs/client_token.h"

#include "base/must.h"

static void client_token_key(const void *record, struct buf *key)
{
    const struct client_token_record *token = record;

    key_add(key, token->account_id);
    key_add(key, token->region);
    key_add(key, token->operation);
    key_add(key, token->token);
}

static void client_token_age_key(const void *record, struct buf *key)
{
    buf_printf(key, "%020lld", (long long)((const struct client_token_record *)record)->created_at);
}

const struct table_spec client_token_table = {.name = "client_token",
                                              .shape = &client_token_record_shape,
                                              .key = client_token_key,
                                              .indexes = {{"age", client_token_age_key}}};

void client_token_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct client_token_record *token = after;

    if (before == NULL)
        marks_add(marks, &client_token_reconciler,
                  KEY(tx->arena, token->account_id, token->region, token->operation, token->token));
}

int64_t client_token_hash(const struct shape *shape, const void *request)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: the same in every process, unlike str_hash */
    auto_buf bytes = {.ptr = NULL};

    value_encode(shape, request, &bytes);
    must(!bytes.overflowed);
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (unsigned char)bytes.ptr[i]) * UINT64_C(0x100000001b3);
    return (int64_t)hash;
}

/* 33 to 126 in ASCII, up to 64 of them. */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '!' || text.ptr[i] > '~')
            return false;
    return text.len > 0 && text.len <= CLIENT_TOKEN_LEN_MAX;
}

bool client_token_find(const struct call *call, const struct client_token *token,
                       const struct client_token_record **ret_earlier)
{
    const struct client_token_record *earlier;

    *ret_earlier = NULL;
    if (token->token.ptr == NULL)
        return true;
    if (!is_token(token->token))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid clientToken '%.*s'. Up to %d ASCII characters from 33 to 126 are allowed.",
                        STR_ARG(token->token), CLIENT_TOKEN_LEN_MAX);
    earlier = transaction_get(
        call->tx, &client_token_table,
        KEY(call->arena, call->principal->account, call->region, str_of(token->operation), token->token));
    if (earlier != NULL && earlier->request_hash != token->request_hash)
        return fail_api(call->fail, ECS_ERROR_CONFLICT_EXCEPTION,
                        "The provided clientToken is already in use with a different %s request. It made: %.*s",
                        token->operation,
                        STR_ARG(ecs_joined(call->arena, earlier->task_arns.items, earlier->task_arns.count)));
    *ret_earlier = earlier;
    return true;
}

static void make_room(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &client_token_table, "age", STR(""));
    const struct client_token_record *oldest;

    while (transaction_count(tx, &client_token_table) >= CLIENT_TOKENS_MAX && (oldest = walk_next(&walk)) != NULL)
        transaction_delete(tx, &client_token_table,
                           KEY(tx->arena, oldest->account_id, oldest->region, oldest->operation, oldest->token));
}

void client_token_keep(const struct call *call, const struct client_token *token, const struct str *arns, size_t count)
{
    struct client_token_record record = {
        .account_id = call->principal->account,
        .region = call->region,
        .operation = str_of(token->operation),
        .token = token->token,
        .task_arns = {(struct str *)(uintptr_t)arns, count},
    };

    if (token->token.ptr == NULL)
        return;
    SET(&record, request_hash, token->request_hash);
    SET(&record, created_at, call->tx->now_ms);
    make_room(call->tx);
    must(transaction_put(call->tx, &client_token_table, &record));
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct client_token_record *record = transaction_get(tx, &client_token_table, key);
    int64_t until_ms;

    if (record == NULL)
        return WHEN_NEVER;
    until_ms = record->created_at + CLIENT_TOKEN_KEPT_MS;
    if (tx->now_ms < until_ms)
        return until_ms;
    transaction_delete(tx, &client_token_table, key);
    return WHEN_NEVER;
}

const struct reconciler_spec client_token_reconciler = {"client_token", &client_token_table, reconcile};
