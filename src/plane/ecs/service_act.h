/* A plan being done: what the ways to do one share (service_act.c for replicas, service_daemon.c for daemons). */
#pragma once

#include "plane/ecs/service_look.h"

struct act {
    struct look *look;
    const struct look_group *group;
    struct plan *plan;
    struct task_wish wish;
    bool can_start; /* false: nothing may be started now, with the reason */
    struct fail why_not;
    /* Of replicas: */
    struct roster_cells cells; /* of the group */
    struct service_zones zones;
    struct str *all_zones; /* those, and behind them others that tasks are in */
    size_t zone_count;
};

/* To ask as the service: it was allowed what it does when it was made. principal and f are the caller's. */
struct call act_call(struct transaction *tx, const struct service_record *service, struct principal *principal,
                     struct fail *f);

/* Finds out what tasks would be made of. */
void act_begin(struct look *look, const struct look_group *group, struct plan *plan, struct act *ret_act);

/* Stops one, and takes note of it for the event that tells of all. */
struct act_stops {
    struct str tasks, zone;
    size_t count;
};
void act_stop(struct act *act, const struct task_record *task, struct act_stops *stops);
void act_say_stopped(struct act *act, const struct act_stops *stops);

/* A task that was started, for an event that tells of several. */
struct str act_with_task(struct arena *arena, struct str text, struct str arn);
void act_say_started(struct act *act, size_t started, struct str tasks);

/* Said once in a while, and each time it counts as a failure to start. */
void act_could_not_place(struct act *act, const struct ecs_failure *failure);
/* A role or a subnet that has gone: nothing can be started until that is mended. */
void act_could_not_start(struct act *act);
