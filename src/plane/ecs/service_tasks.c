#include "plane/ecs/service_tasks.h"

#include "plane/ecs/service_roster.h"

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
    struct roster_cells cells = roster_cells_of(tx, service);
    struct service_task_counts counts = {0, 0};

    for (size_t i = 0; i < cells.count; i++) {
        const struct roster_cell *cell = cells.items[i];

        if (cell->phase >= PHASE_LEAVING || (id.ptr != NULL && !str_eq(cell->group, id)))
            continue;
        *(cell->phase == PHASE_STARTING ? &counts.pending : &counts.running) += (int32_t)cell->count;
    }
    return counts;
}
