/* The task scale-in protection endpoint of the agent ("Amazon ECS task scale-in protection endpoint", developer guide),
 * at $ECS_AGENT_URI/task-protection/v1/state: GET and PUT become GetTaskProtection and UpdateTaskProtection, called
 * with the credentials of the task's role. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/host.h"

#include <jansson.h>

struct task_protection {
    struct str endpoint; /* of ECS: "http://127.0.0.1:4566" */
    struct str region, cluster_arn, task_arn;
    const struct host_credentials *credentials; /* NULL: the task has no role */
};

/* Asks and waits, at most four seconds. `body`: of a PUT; absent: GET. The answer, also that of an error, and its HTTP
 * status; the caller decrefs. Any thread. */
json_t *task_protection_answer(const struct task_protection *of, struct str body, int64_t now_ms, uint16_t *ret_status);
