/* The task metadata endpoint, versions 3 and 4, at 169.254.170.2 ("Amazon ECS task metadata endpoint version 4"):
 *
 *   /v4/ID          the container          /v4/ID/task        its task with all containers
 *   /v4/ID/stats    its Docker statistics  /v4/ID/task/stats  those of all containers, by id
 *
 *   /api/ID/task-protection/v1/state  (task_protection.h)
 *
 * and the credentials of the task's role ("Task IAM role") at /v2/credentials/ID. ID is the container's runtime id, or
 * of the credentials, which its environment names. Who serves it says by the address that the request came from which
 * task asks, so that a task reads nothing but itself, whatever path it knows. */
#pragma once

#include "node/task/engine.h"
#include "os/http_server.h"

#include <jansson.h>

#define METADATA_ADDRESS "169.254.170.2"
#define CREDENTIALS_PATH "/v2/credentials/"

struct metadata_asker {
    /* Whether a request from that address comes from the task. The engine's lock is held. */
    bool (*asks)(const void *context, const struct hosted *hosted, struct str peer);
    const void *context;
};

/* In `begin` of the server's handler: how long a body may be. */
bool metadata_begin(void *context, struct http_exchange *exchange);
/* In `complete`: replies, now or later. */
void metadata_answer(struct task_engine *engine, const struct metadata_asker *asker, struct http_exchange *exchange);

/* Replies with the JSON, of which it takes the reference. */
void metadata_reply(struct http_exchange *exchange, json_t *json, uint16_t status);

/* What a container's environment names, in the arena: version "v3" or "v4", or "api". */
struct str metadata_uri(struct arena *arena, const char *version, struct str runtime_id);
