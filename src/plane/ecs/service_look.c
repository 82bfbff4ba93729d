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

static enum task_phase phase_of(const struct task_record *task)
{
    if (!task_wants_to_run(task))
        return PHASE_LEAVING;
    if (task_status(task) < TASK_RUNNING)
        return PHASE_STARTING;
    if (task->task->health_status == ECS_HEALTH_STATUS_UNHEALTHY)
        return task->proven ? PHASE_UNHEALTHY : PHASE_FAILED;
    return task->proven ? PHASE_HEALTHY : PHASE_UNPROVEN;
}

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

/* When it has been RUNNING for long enough; a task with health checks proves itself by them. */
static int64_t settles_at(const struct task_record *task)
{
    if (task->health_deciders.count > 0)
        return task->task->health_status == ECS_HEALTH_STATUS_HEALTHY ? 0 : WHEN_NEVER;
    return task->running_at + SERVICE_TASK_SETTLES_MS;
}

/* The task as it then is. */
static const struct task_record *prove(struct look *look, const struct look_note *note, const struct task_record *task)
{
    struct task_record proven = *task;
    int64_t settles_ms = settles_at(task);

    if (look->tx->now_ms < settles_ms) {
        look_wake_at(look, settles_ms);
        return task;
    }
    SET(&proven, proven, true);
    must(transaction_put(look->tx, &task_table, &proven));
    note->proved(note->context, task);
    return task_of_arn(look->tx, task->task->task_arn);
}

static void add(struct look *look, const struct task_record *task)
{
    look->tasks[look->count] = task;
    look->phases[look->count++] = phase_of(task);
}

static size_t count_tasks(const struct look *look)
{
    struct walk walk = service_tasks_walk(look->tx, &look->service.record);
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}

void look_at_tasks(struct look *look, const struct look_note *note)
{
    size_t count = count_tasks(look);
    struct walk walk = service_tasks_walk(look->tx, &look->service.record);
    const struct task_record *task;

    look->tasks = arena_array(look->tx->arena, const struct task_record *, count);
    look->phases = arena_array(look->tx->arena, enum task_phase, count);
    while ((task = walk_next(&walk)) != NULL) {
        if (task_is_stopped(task)) {
            judge(look, note, task);
            continue;
        }
        look->remaining++;
        if (phase_of(task) == PHASE_UNPROVEN)
            task = prove(look, note, task);
        if (task_status(task) < TASK_DEPROVISIONING)
            add(look, task);
        if (service_task_is_protected(task, look->tx->now_ms))
            look_wake_at(look, task->protected_until);
    }
}
