/* What to stop and what to start next, so that every container instance that a daemon service is for has one task of it
 * (developer guide, "Amazon ECS services", Daemon): a pure function of what is there.
 *
 * The places are the instances; a task beyond them has lost its place. A place takes one task at a time, so an update
 * stops before it starts: as many at once as leave the minimum of healthy ones. */
#pragma once

#include "plane/ecs/service_plan.h"

struct daemon_task {
    enum task_phase phase;
    bool is_new; /* of the deployment that is wished for */
    bool is_protected;
    size_t place;
};

struct daemon_wish {
    size_t places;
    int32_t minimum;
    bool may_start; /* the deployment has not failed and is not throttled */
};

/* plan->starts are places, plan->stops tasks. */
void daemon_plan_make(const struct daemon_wish *wish, const struct daemon_task *tasks, size_t count,
                      struct arena *arena, struct plan *ret_plan);
