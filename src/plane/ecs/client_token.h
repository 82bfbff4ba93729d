/* Client tokens: what is asked twice with one token is done once (ECS API reference, "Ensuring idempotency").
 *
 * A record names what the first request made; it stays CLIENT_TOKEN_KEPT_MS, then the reconciler takes it away. SDKs
 * send a token with every request: of more than CLIENT_TOKENS_MAX in a day the oldest go sooner. */
#pragma once

#include "plane/ecs/ecs.h"

#define CLIENT_TOKEN_KEPT_MS (24 * HOUR_MS)
#define CLIENT_TOKEN_LEN_MAX 64
#define CLIENT_TOKENS_MAX    20000 /* of all accounts */

extern const struct reconciler_spec client_token_reconciler;
void client_token_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);

struct client_token {
    const char *operation; /* "RunTask" */
    struct str token;      /* absent: every request is a new one */
    int64_t request_hash;  /* of everything but the token */
};

/* `request` is the input without its token. */
int64_t client_token_hash(const struct shape *shape, const void *request);

/* The record of an earlier request with this token, or NULL. Fails when the token is not one, and with
 * ConflictException when the earlier request was another one. */
checked bool client_token_find(const struct call *call, const struct client_token *token,
                               const struct client_token_record **ret_earlier);
/* Keeps what the request made. */
void client_token_keep(const struct call *call, const struct client_token *token, const struct str *arns, size_t count);
