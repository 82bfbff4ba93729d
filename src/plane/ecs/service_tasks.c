#include "plane/ecs/service_tasks.h"

struct walk service_tasks_walk(const struct transaction *tx, const struct service_record *service)
{
    return transaction_walk(tx, &task_table, "service", SERVICE_PREFIX(tx->arena, service));
}

bool service_task_is_of(const struct task_record *task, struct str id)
{
    return str_eq(deployment_number(task->task->started_by), id);
}

bool service_task_is_protected(const struct task_record *task, int64_t now_ms)
{
    return task->has_protected_until && now_ms < task->protected_until;
}

struct service_task_counts service_tasks_count(const struct transaction *tx, const struct service_record *service,
                                               struct str id)
{
    struct walk walk = service_tasks_walk(tx, service);
    struct service_task_counts counts = {0, 0};
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL) {
        if (!task_wants_to_run(task) || (id.ptr != NULL && !service_task_is_of(task, id)))
            continue;
        counts.running += task_status(task) == TASK_RUNNING;
        counts.pending += task_status(task) < TASK_RUNNING;
    }
    return counts;
}
