/* Tasks that do not come up, as a deployment or task set remembers them (developer guide, "Amazon ECS service throttle
 * logic"): how many failed in a row, and how long to wait before more are started.
 *
 * Tasks that were started together fail together and count as one wave: each wave makes the wait longer. A task that
 * proves itself ends it. */
#pragma once

#include "core/transaction.h"
#include "plane/ecs/ecs_record.h"

#define START_TROUBLE_WAIT_MAX_MS (27 * MINUTE_MS)

/* A task that was created then has failed. true: from now on it is waited. */
bool start_trouble_failed(struct start_trouble *trouble, int64_t created_ms, int64_t now_ms);
/* A task has proved itself. */
void start_trouble_over(struct start_trouble *trouble, bool forget_failures);
bool start_trouble_waits(const struct start_trouble *trouble, int64_t now_ms);
