/* Brings the tasks of a service nearer to its wish (service.h). */
#include "base/must.h"
#include "plane/ecs/service_event.h"
#include "plane/ecs/service_look.h"
#include "plane/ecs/service_rollout.h"
#include "plane/ecs/task_set_rollout.h"

/* ---- DRAINING ---- */

static void nobody_cares(void *context, const struct task_record *task)
{
    (void)context;
    (void)task;
}

static void become_inactive(struct look *look)
{
    look->service.service.status = STR("INACTIVE");
    look->service.service.current_service_deployment = (struct str){NULL, 0};
    SET(&look->service.record, inactive_at, look->tx->now_ms);
    service_forget_history(look->tx, &look->service.record);
    look_wake_at(look, look->tx->now_ms + SERVICE_KEPT_MS);
}

static void stop(struct look *look, const struct task_record *task)
{
    task_stop(look->tx, task, ECS_TASK_STOP_CODE_SERVICE_SCHEDULER_INITIATED,
              arena_printf(look->tx->arena, "Scaling activity initiated by (deployment %.*s)",
                           STR_ARG(task->task->started_by)));
}

/* One that is to be stopped yet; NULL: none. */
static const struct task_record *next_to_stop(const struct look *look)
{
    struct roster_cells cells = roster_cells_of(look->tx, &look->service.record);

    for (size_t i = 0; i < cells.count; i++)
        if (cells.items[i]->phase < PHASE_LEAVING)
            return roster_cell_first(cells.items[i]);
    return NULL;
}

/* As many at a time as one event tells of. */
static void drain(struct look *look)
{
    static const struct look_note note = {nobody_cares, nobody_cares, NULL};
    const struct task_record *task;
    struct str tasks = STR("");
    size_t stopped = 0;

    look_at_tasks(look, &note);
    for (; stopped < PLAN_STOPS_MAX && (task = next_to_stop(look)) != NULL; stopped++) {
        stop(look, task);
        tasks = arena_printf(look->tx->arena, "%.*s%s(task %.*s)", STR_ARG(tasks), stopped == 0 ? "" : " ",
                             STR_ARG(task->task_id));
    }
    if (stopped > 0)
        service_event_add(look->tx, &look->service, "has stopped %zu running tasks: %.*s.", stopped, STR_ARG(tasks));
    if (!roster_has_tasks(look->tx, &look->service.record, (struct str){NULL, 0}))
        become_inactive(look);
}

/* ---- the reconciler ---- */

static int64_t forget_when_due(struct transaction *tx, const struct service_record *service)
{
    int64_t until_ms = service->inactive_at + SERVICE_KEPT_MS;

    if (tx->now_ms < until_ms)
        return until_ms;
    service_forget(tx, service);
    return WHEN_NEVER;
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct service_record *service = transaction_get(tx, &service_table, key);
    struct look look;

    if (service == NULL)
        return WHEN_NEVER;
    if (service_status(service) == SERVICE_INACTIVE)
        return forget_when_due(tx, service);
    look_begin(tx, service, &look);
    if (service_status(service) == SERVICE_DRAINING)
        drain(&look);
    else if (service_is_external(service))
        task_sets_roll(&look);
    else
        service_roll(&look);
    service_edit_put(tx, &look.service);
    return look.wake_ms;
}

const struct reconciler_spec service_reconciler = {"service", &service_table, reconcile};
