/* The tasks of a service: found by the task table's index "service", which has those that have not stopped, and those
 * that have until the service has taken note of it. A task belongs to the deployment or task set that its startedBy
 * names. */
#pragma once

#include "plane/ecs/service.h"
#include "plane/ecs/task.h"

/* How long a task without health checks has to run until it counts as healthy (API reference,
 * "DeploymentConfiguration": minimumHealthyPercent). */
#define SERVICE_TASK_SETTLES_MS (40 * SECOND_MS)

struct walk service_tasks_walk(const struct transaction *tx, const struct service_record *service);
/* Whether it is of the deployment or task set with that number. */
bool service_task_is_of(const struct task_record *task, struct str id);
bool service_task_is_protected(const struct task_record *task, int64_t now_ms);

/* RUNNING ones, and those on their way there; of all of the service without an id. */
struct service_task_counts {
    int32_t running, pending;
};
struct service_task_counts service_tasks_count(const struct transaction *tx, const struct service_record *service,
                                               struct str id);
