/* One look of the reconciler at a service: what is there, noted in the records that have to remember it, and the steps
 * that bring tasks on. For service_reconciler.c, service_rollout.c and task_set_rollout.c. */
#pragma once

#include "plane/ecs/service.h"
#include "plane/ecs/service_roster.h"
#include "plane/ecs/service_wish.h"
#include "plane/ecs/start_trouble.h"

struct look {
    struct transaction *tx;
    struct service_edit service;
    int64_t wake_ms; /* when to look again if nothing happens before */
};

/* Ends the protection of tasks whose time is over, and marks those that proved themselves or ended: `note` is told of
 * them (of which deployment or task set they are, it finds out itself). */
struct look_note {
    void (*proved)(void *context, const struct task_record *task);
    void (*failed)(void *context, const struct task_record *task);
    void *context;
};
void look_begin(struct transaction *tx, const struct service_record *service, struct look *ret_look);
void look_at_tasks(struct look *look, const struct look_note *note);
void look_wake_at(struct look *look, int64_t when_ms);

/* A group of the service's tasks that one plan is made for. */
struct look_group {
    struct str id; /* of the deployment or task set that is wished for */
    bool others;   /* whether the tasks of others are in it: they give way */
    int32_t desired, minimum, maximum;
    bool may_start, rebalance;
    struct start_trouble *trouble;
};

/* Makes the plan for the group, and does what it says. */
void look_act(struct look *look, const struct look_group *group, struct plan *ret_plan);
