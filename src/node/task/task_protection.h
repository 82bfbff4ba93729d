/* The task scale-in protection endpoint of the agent ("Amazon ECS task scale-in protection endpoint", developer guide),
 * at $ECS_AGENT_URI/task-protection/v1/state: GET and PUT become GetTaskProtection and UpdateTaskProtection, called
 * with the credentials of the task's role.
 *
 * A call has a thread of its own while it lasts, at most four seconds, so that a server which is slow stalls nobody who
 * asks for something else; who comes when there are too many of them gets 429. Errors of the endpoint's own: as the
 * amazon-ecs-agent's handler for it answers. */
#pragma once

#include "model/host.h"
#include "os/http_server.h"

/* The calls under way. */
enum { PROTECTION_CALLS_MAX = 32 };
struct protection_calls;
struct protection_calls *protection_calls_new(void);
/* Breaks them off and waits for their ends. NULL is fine. */
void protection_calls_free(struct protection_calls *calls);

/* Of whom; all of it lives as long as the exchange. */
struct task_protection {
    struct str endpoint; /* of ECS: "http://127.0.0.1:4566" */
    struct str region, cluster_arn, task_arn;
    const struct host_credentials *credentials; /* NULL: the task has no role */
};

/* Replies, now or later. The request is a PUT or a GET. Any thread. */
void task_protection_answer(struct protection_calls *calls, const struct task_protection *of,
                            struct http_exchange *exchange);
