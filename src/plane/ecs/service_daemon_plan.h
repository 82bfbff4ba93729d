/* What to stop and what to start next, so that every container instance that a daemon service is for has one task of it
 * (developer guide, "Amazon ECS services", Daemon): a pure function of what is there.
 *
 * The places are the instances; a task's zone is the number of its place, and one beyond them has lost its place. A
 * place takes one task at a time, so an update stops before it starts: as many at once as leave the minimum of healthy
 * ones. */
#pragma once

#include "plane/ecs/service_plan.h"

struct daemon_wish {
    size_t places;
    int32_t minimum;
    bool may_start; /* the deployment has not failed and is not throttled */
};

/* plan->starts are places. */
void daemon_plan_make(const struct daemon_wish *wish, const struct plan_task *tasks, size_t count, struct arena *arena,
                      struct plan *ret_plan);
