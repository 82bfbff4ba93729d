/* What hosts report of their tasks, and what of it counts. */
#include "base/map.h"
#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ecs/execute_command.h"
#include "plane/ecs/task.h"

/* ---- containers ---- */

static int container_rank(struct str status)
{
    return str_is(status, "STOPPED") ? 2 : str_is(status, "RUNNING") ? 1 : 0;
}

/* A container goes back only when its restart policy started it again. */
static bool is_news(const struct ecs_container *container, const struct host_container_report *report)
{
    static const int ranks[] = {
        [HOST_CONTAINER_STATUS_NONE] = 3, /* it is about something else */
        [HOST_CONTAINER_STATUS_PENDING] = 0,
        [HOST_CONTAINER_STATUS_RUNNING] = 1,
        [HOST_CONTAINER_STATUS_STOPPED] = 2,
    };

    return ranks[report->status] >= container_rank(container->last_status) || report->restart_count > 0;
}

static void observe_container(struct transaction *tx, const struct task_record *task, struct ecs_container *container,
                              const struct host_container_report *report)
{
    static const char *const names[] = {"PENDING", "PENDING", "RUNNING", "STOPPED"};

    if (!is_news(container, report))
        return;
    if (report->status != HOST_CONTAINER_STATUS_NONE)
        container->last_status = str_of(names[report->status]);
    execute_command_agent_follow(tx, task, container);
    if (report->runtime_id.ptr != NULL)
        container->runtime_id = report->runtime_id;
    if (report->image_digest.ptr != NULL)
        container->image_digest = report->image_digest;
    if (report->reason.ptr != NULL)
        container->reason = report->reason;
    if (report->network_bindings.count > 0)
        container->network_bindings = report->network_bindings;
    if (report->has_exit_code)
        SET(container, exit_code, report->exit_code);
    if (report->health != ECS_HEALTH_STATUS_NONE)
        container->health_status = report->health;
}

static void observe_containers(struct transaction *tx, struct task_edit *edit, const struct host_task_report *report)
{
    for (size_t i = 0; i < report->containers.count; i++)
        for (size_t k = 0; k < edit->task.containers.count; k++)
            if (str_eq(edit->containers[k].name, report->containers.items[i].name))
                observe_container(tx, &edit->record, &edit->containers[k], &report->containers.items[i]);
}

/* Essential containers with a health check decide: one that is unhealthy, else one that is not known yet (developer
 * guide, "Determine Amazon ECS task health using container health checks"). */
static enum ecs_health_status task_health(const struct task_edit *edit)
{
    enum ecs_health_status health =
        edit->record.health_deciders.count > 0 ? ECS_HEALTH_STATUS_HEALTHY : ECS_HEALTH_STATUS_UNKNOWN;

    for (size_t i = 0; i < edit->record.health_deciders.count; i++)
        for (size_t k = 0; k < edit->task.containers.count; k++) {
            const struct ecs_container *container = &edit->containers[k];

            if (!str_eq(container->name, edit->record.health_deciders.items[i]))
                continue;
            if (container->health_status == ECS_HEALTH_STATUS_UNHEALTHY)
                return ECS_HEALTH_STATUS_UNHEALTHY;
            if (container->health_status != ECS_HEALTH_STATUS_HEALTHY)
                health = ECS_HEALTH_STATUS_UNKNOWN;
        }
    return health;
}

/* ---- the task ---- */

#define COPY_TIME(to, from, member)                                                                                    \
    do {                                                                                                               \
        if ((from)->has_##member && !(to)->has_##member)                                                               \
            SET(to, member, (from)->member);                                                                           \
    } while (0)

/* stoppedAt is ours, when the record gets there: the hour that the task stays visible must not hang on a host's clock.
 */
static void observe_times(struct ecs_task *task, const struct host_task_report *report)
{
    COPY_TIME(task, report, pull_started_at);
    COPY_TIME(task, report, pull_stopped_at);
    COPY_TIME(task, report, started_at);
    COPY_TIME(task, report, execution_stopped_at);
}

/* The status of a task whose host says so. */
static enum task_status status_reported(enum host_task_status status)
{
    switch (status) {
    case HOST_TASK_STATUS_NONE:
    case HOST_TASK_STATUS_PENDING:
        return TASK_PENDING;
    case HOST_TASK_STATUS_ACTIVATING:
        return TASK_ACTIVATING;
    case HOST_TASK_STATUS_RUNNING:
        return TASK_RUNNING;
    case HOST_TASK_STATUS_STOPPING:
        return TASK_STOPPING;
    case HOST_TASK_STATUS_STOPPED:
        return TASK_DEPROVISIONING;
    case HOST_TASK_STATUS_GONE:
        return TASK_STOPPED;
    }
    must_not_happen("every status has a row");
}

/* Older than what is known. The server takes DEACTIVATING and STOPPING by itself, ahead of the host: while a task is
 * there, what its host says of a running task is still true. */
static bool is_late(enum task_status known, enum task_status reported)
{
    return reported < known && (known < TASK_DEACTIVATING || known > TASK_STOPPING);
}

/* Nothing of the task is left. The step in between is kept, for those who watch. */
static void observe_gone(struct transaction *tx, struct task_edit *edit)
{
    if (task_status(&edit->record) < TASK_DEPROVISIONING) {
        task_edit_status(tx, edit, TASK_DEPROVISIONING);
        must(task_edit_put(tx, edit));
    }
    task_finish(tx, edit);
}

static void observe_reachable(struct transaction *tx, struct task_edit *edit)
{
    SET(&edit->record, host_knows, true);
    if (edit->task.has_connectivity_at)
        return;
    edit->task.connectivity = ECS_CONNECTIVITY_CONNECTED;
    SET(&edit->task, connectivity_at, tx->now_ms);
}

/* What the report says of a task that is there; false: nothing of it is left. */
static bool observe_present(struct transaction *tx, const struct task_record *task,
                            const struct host_task_report *report)
{
    enum task_status reported = status_reported(report->status);
    struct task_edit *edit;

    if (is_late(task_status(task), reported))
        return true;
    edit = task_edit_begin(tx, task);
    observe_reachable(tx, edit);
    observe_containers(tx, edit, report);
    edit->task.health_status = task_health(edit);
    observe_times(&edit->task, report);
    if (reported >= TASK_STOPPING)
        task_edit_stop(tx, edit, report->stop_code, report->reason);
    if (reported == TASK_STOPPED) {
        observe_gone(tx, edit);
        return false;
    }
    if (reported > task_status(task))
        task_edit_status(tx, edit, reported);
    if (reported == TASK_RUNNING && !edit->record.has_running_at)
        SET(&edit->record, running_at, tx->now_ms);
    (void)task_edit_put(tx, edit);
    return true;
}

/* One of its tasks; false: it is to forget it. */
static bool observe(struct transaction *tx, struct str host_id, const struct host_task_report *report)
{
    const struct task_record *task = task_of_arn(tx, report->task_arn);

    return task != NULL && task_is_told(task) && str_eq(task->host_id, host_id) && observe_present(tx, task, report);
}

void task_observe_agent(struct transaction *tx, const struct task_record *task, const struct host_task_report *report)
{
    struct host_task_report known = *report;

    if (!task_is_told(task))
        return;
    if (report->status == HOST_TASK_STATUS_NONE) /* of its containers alone */
        known.status = task_status(task) >= TASK_RUNNING ? HOST_TASK_STATUS_RUNNING : HOST_TASK_STATUS_PENDING;
    (void)!observe_present(tx, task, &known);
}

/* ---- all of a host ---- */

static void observe_unknown(struct transaction *tx, const struct task_record *task)
{
    struct task_edit *edit = task_edit_begin(tx, task);

    task_edit_stop(tx, edit, ECS_TASK_STOP_CODE_TERMINATION_NOTICE,
                   arena_printf(tx->arena, "Host %.*s no longer has this task.", STR_ARG(task->host_id)));
    observe_gone(tx, edit);
}

static void observe_complete(struct transaction *tx, struct str host_id, const struct host_report *report)
{
    struct walk walk = transaction_walk(tx, &task_table, "host", KEY_PREFIX(tx->arena, host_id));
    const struct task_record *task;
    struct map reported = {0};

    for (size_t i = 0; i < report->tasks.count; i++)
        (void)map_put(&reported, report->tasks.items[i].task_arn, &report->tasks.items[i]);
    while ((task = walk_next(&walk)) != NULL)
        if (task->host_knows && map_get(&reported, task->task->task_arn) == NULL)
            observe_unknown(tx, task);
    map_free(&reported);
    if (!report->has_generation) /* since its hello */
        transaction_mark(tx, &assignment_reconciler, host_id);
}

void tasks_observe(struct transaction *tx, struct str host_id, const struct host_report *report)
{
    struct str *forgotten = arena_array(tx->arena, struct str, report->tasks.count + 1);
    size_t count = 0;

    for (size_t i = 0; i < report->tasks.count; i++)
        if (!observe(tx, host_id, &report->tasks.items[i]))
            forgotten[count++] = report->tasks.items[i].task_arn;
    if (report->complete)
        observe_complete(tx, host_id, report);
    if (count > 0)
        assignment_forget(tx, host_id, forgotten, count);
}
