#include "plane/ecs/task_set_rollout.h"

#include "base/must.h"
#include "plane/ecs/service_event.h"
#include "plane/ecs/task_set.h"

/* ---- what tasks tell ---- */

static const struct task_set_record *set_of(const struct look *look, const struct task_record *task)
{
    const struct service_record *service = &look->service.record;

    return transaction_get(look->tx, &task_set_table,
                           KEY(look->tx->arena, service->account_id, service->region, service->cluster_name,
                               service->service_name, deployment_number(task->task->started_by)));
}

static void proved(void *context, const struct task_record *task)
{
    const struct look *look = context;
    const struct task_set_record *set = set_of(look, task);
    struct task_set_edit edit;

    if (set == NULL)
        return;
    task_set_edit_begin(set, &edit);
    start_trouble_over(&edit.trouble, /* forget_failures= */ true);
    task_set_edit_put(look->tx, &edit);
}

static void failed(void *context, const struct task_record *task)
{
    struct look *look = context;
    const struct task_set_record *set = set_of(look, task);
    struct task_set_edit edit;

    if (set == NULL)
        return;
    task_set_edit_begin(set, &edit);
    if (start_trouble_failed(&edit.trouble, task->task->created_at, look->tx->now_ms))
        service_event_add(look->tx, &look->service,
                          "is unable to consistently start tasks successfully. For more information, see the "
                          "Troubleshooting section of the Amazon ECS Developer Guide.");
    task_set_edit_put(look->tx, &edit);
}

/* ---- one set ---- */

static void note_stability(struct look *look, struct task_set_edit *edit, bool is_stable)
{
    enum ecs_stability_status status = is_stable ? ECS_STABILITY_STATUS_STEADY_STATE : ECS_STABILITY_STATUS_STABILIZING;

    if (edit->set.stability_status == status)
        return;
    edit->set.stability_status = status;
    SET(&edit->set, stability_status_at, look->tx->now_ms);
    if (is_stable && !task_set_is_draining(&edit->record))
        service_event_add(look->tx, &look->service, "(task set %.*s) has reached a steady state.",
                          STR_ARG(edit->set.id));
}

/* Scale is all there is to a set: there is no minimum that another must hold for it. */
static void roll(struct look *look, const struct task_set_record *set)
{
    int32_t desired = task_set_desired(&look->service.record, set);
    struct task_set_edit edit;
    struct look_group group = {.id = set->id, .desired = desired, .may_start = true, .trouble = &edit.trouble};
    struct plan plan;

    task_set_edit_begin(set, &edit);
    group.maximum = desired * 2;
    look_act(look, &group, &plan);
    note_stability(look, &edit, plan.is_done);
    task_set_edit_put(look->tx, &edit);
}

void task_sets_roll(struct look *look)
{
    const struct look_note note = {proved, failed, look};
    struct walk walk;
    const struct task_set_record *set;

    look_at_tasks(look, &note);
    walk = transaction_walk(look->tx, &task_set_table, NULL, SERVICE_PREFIX(look->tx->arena, &look->service.record));
    while ((set = walk_next(&walk)) != NULL)
        if (task_set_is_draining(set) && !roster_has_tasks(look->tx, &look->service.record, set->id))
            transaction_delete(look->tx, &task_set_table, walk.at);
        else
            roll(look, set);
}
