#include "plane/ecs/service_look.h"

#include "base/must.h"

void look_begin(struct transaction *tx, const struct service_record *service, struct look *ret_look)
{
    *ret_look = (struct look){.tx = tx, .wake_ms = WHEN_NEVER};
    service_edit_begin(service, &ret_look->service);
}

void look_wake_at(struct look *look, int64_t when_ms)
{
    if (when_ms < look->wake_ms)
        look->wake_ms = when_ms;
}

/* ---- one task ---- */

/* Whether its end speaks against what it was made of. */
static bool has_failed(const struct task_record *task)
{
    switch (task->task->stop_code) {
    case ECS_TASK_STOP_CODE_TASK_FAILED_TO_START:
    case ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED:
        return !task->proven;
    case ECS_TASK_STOP_CODE_SERVICE_SCHEDULER_INITIATED:
        return task->task->health_status == ECS_HEALTH_STATUS_UNHEALTHY;
    case ECS_TASK_STOP_CODE_NONE:
    case ECS_TASK_STOP_CODE_USER_INITIATED:
    case ECS_TASK_STOP_CODE_SPOT_INTERRUPTION:
    case ECS_TASK_STOP_CODE_TERMINATION_NOTICE:
    case ECS_TASK_STOP_CODE_INFRASTRUCTURE_HEALTH:
        return false;
    }
    return false;
}

static void judge(struct look *look, const struct look_note *note, const struct task_record *task)
{
    struct task_record judged = *task;

    SET(&judged, judged, true);
    must(transaction_put(look->tx, &task_table, &judged));
    if (has_failed(task))
        note->failed(note->context, task);
}

static void end_protection(struct look *look, const struct task_record *task)
{
    struct task_record free = *task;

    SET(&free, protected_until, 0);
    must(transaction_put(look->tx, &task_table, &free));
}

static void prove(struct look *look, const struct look_note *note, const struct task_record *task)
{
    struct task_record proven = *task;

    SET(&proven, proven, true);
    must(transaction_put(look->tx, &task_table, &proven));
    note->proved(note->context, task);
}

void look_at_tasks(struct look *look, const struct look_note *note)
{
    const struct service_record *service = &look->service.record;
    const struct task_record *task;
    int64_t due_ms;

    while ((task = roster_ended(look->tx, service)) != NULL)
        judge(look, note, task);
    while ((task = roster_next_due(look->tx, service, &due_ms)) != NULL && due_ms <= look->tx->now_ms)
        if (task->protected_until > 0 && task->protected_until <= look->tx->now_ms)
            end_protection(look, task);
        else
            prove(look, note, task);
    look_wake_at(look, due_ms);
}
