/* One look of the reconciler at a service: what is there, noted in the records that have to remember it, and the steps
 * that bring tasks on. For service_reconciler.c, service_rollout.c and task_set_rollout.c. */
#pragma once

#include "plane/ecs/service.h"
#include "plane/ecs/service_plan.h"
#include "plane/ecs/service_tasks.h"
#include "plane/ecs/service_wish.h"
#include "plane/ecs/start_trouble.h"

struct look {
    struct transaction *tx;
    struct service_edit service;
    const struct task_record **tasks; /* whose containers may be there */
    enum task_phase *phases;          /* of each */
    size_t count;
    size_t remaining; /* that have not STOPPED yet */
    int64_t wake_ms;  /* when to look again if nothing happens before */
};

/* Looks at the tasks: ones that proved themselves or ended are marked so, and told to `note` (of which deployment or
 * task set it is, it finds out itself). */
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
