#include "base/must.h"
#include "base/when.h"
#include "model/interpret.h"
#include "node/stand_in/internal.h"

/* ---- the script ---- */

static void read_word(struct stand_in_task *task, struct str word)
{
    struct str value;
    struct str name = str_cut(word, '=', &value);
    int64_t number;

    if (str_is(name, "hold"))
        task->hold = (enum host_task_status)enum_value(&host_task_status_shape, value);
    else if (str_is(name, "pull-fails"))
        task->pull_fails = true;
    else if (str_is(name, "exit") && str_to_int64(value, &number)) {
        task->exits = true;
        task->exit_code = (int32_t)number;
    } else if (str_is(name, "healthy"))
        task->health = ECS_HEALTH_STATUS_HEALTHY;
    else if (str_is(name, "unhealthy"))
        task->health = ECS_HEALTH_STATUS_UNHEALTHY;
}

static const struct ecs_string_list *command_of(const struct host_task_assignment *assignment)
{
    const struct ecs_container_definition *first = &assignment->task_definition->container_definitions.items[0];
    const struct ecs_task_override *overrides = assignment->overrides;

    for (size_t i = 0; overrides != NULL && i < overrides->container_overrides.count; i++) {
        const struct ecs_container_override *override = &overrides->container_overrides.items[i];

        if (str_eq(override->name, first->name) && override->command.items != NULL)
            return &override->command;
    }
    return &first->command;
}

static void read_definition(struct stand_in_task *task, const struct host_task_assignment *assignment)
{
    const struct ecs_container_definitions *definitions = &assignment->task_definition->container_definitions;
    const struct ecs_string_list *command = command_of(assignment);
    struct str *names = arena_array(&task->arena, struct str, definitions->count);

    for (size_t i = 0; i < definitions->count; i++)
        names[i] = arena_str(&task->arena, definitions->items[i].name);
    task->containers = names;
    task->container_count = definitions->count;
    for (size_t i = 0; i < command->count; i++)
        read_word(task, command->items[i]);
}

/* ---- its life ---- */

struct stand_in_task *stand_in_task_new(const struct host_task_assignment *assignment, int64_t now_ms)
{
    struct stand_in_task *task = calloc(1, sizeof(*task));

    must(task != NULL);
    arena_init(&task->arena, ARENA_LIMIT_DEFAULT);
    task->arn = arena_str(&task->arena, assignment->task_arn);
    task->news = true;
    task->next_ms = now_ms;
    task->status = HOST_TASK_STATUS_PENDING;
    task->wanted = assignment->desired_status == HOST_DESIRED_STATUS_RUNNING;
    if (assignment->task_definition != NULL)
        read_definition(task, assignment);
    if (!task->wanted)
        task->status = HOST_TASK_STATUS_GONE; /* it never came this far */
    task->pull_started_ms = now_ms;
    return task;
}

void stand_in_task_free(struct stand_in_task *task)
{
    arena_free(&task->arena);
    free(task);
}

static void begin_stop(struct stand_in_task *task, enum ecs_task_stop_code code, const char *reason)
{
    task->wanted = false;
    task->stop_code = code;
    task->reason = str_of(reason);
}

void stand_in_task_unwanted(struct stand_in_task *task, int64_t now_ms)
{
    if (!task->wanted)
        return;
    begin_stop(task, ECS_TASK_STOP_CODE_USER_INITIATED, "");
    task->next_ms = now_ms;
}

static void go_up(struct stand_in_task *task, int64_t now_ms)
{
    if (task->pull_fails) {
        begin_stop(task, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START,
                   "CannotPullContainerError: the stand-in was told to fail");
        task->status = HOST_TASK_STATUS_STOPPED;
    } else if (task->status == HOST_TASK_STATUS_PENDING) {
        task->pull_stopped_ms = now_ms;
        task->status = HOST_TASK_STATUS_ACTIVATING;
    } else if (task->status == HOST_TASK_STATUS_ACTIVATING) {
        task->started_ms = now_ms;
        task->status = HOST_TASK_STATUS_RUNNING;
    } else {
        begin_stop(task, ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED, "Essential container in task exited");
        task->status = HOST_TASK_STATUS_STOPPING;
    }
}

static void go_down(struct stand_in_task *task, int64_t now_ms)
{
    static const enum host_task_status next[] = {
        [HOST_TASK_STATUS_PENDING] = HOST_TASK_STATUS_STOPPED,
        [HOST_TASK_STATUS_ACTIVATING] = HOST_TASK_STATUS_STOPPING,
        [HOST_TASK_STATUS_RUNNING] = HOST_TASK_STATUS_STOPPING,
        [HOST_TASK_STATUS_STOPPING] = HOST_TASK_STATUS_STOPPED,
        [HOST_TASK_STATUS_STOPPED] = HOST_TASK_STATUS_GONE,
    };

    task->status = next[task->status];
    if (task->status == HOST_TASK_STATUS_STOPPED && task->started_ms != 0)
        task->execution_stopped_ms = now_ms;
}

static bool stays(const struct stand_in_task *task)
{
    if (task->status == HOST_TASK_STATUS_GONE)
        return true;
    return task->wanted && (task->status == task->hold || (task->status == HOST_TASK_STATUS_RUNNING && !task->exits));
}

void stand_in_task_advance(struct stand_in_task *task, int64_t now_ms, unsigned step_ms)
{
    if (now_ms < task->next_ms)
        return;
    if (!stays(task)) {
        if (task->wanted)
            go_up(task, now_ms);
        else
            go_down(task, now_ms);
        task->news = true;
    }
    task->next_ms = stays(task) ? WHEN_NEVER : now_ms + step_ms;
}

/* ---- the report ---- */

static struct host_container_report container_report(const struct stand_in_task *task, size_t index,
                                                     struct arena *arena)
{
    struct host_container_report report = {.name = task->containers[index], .status = HOST_CONTAINER_STATUS_PENDING};

    if (task->started_ms == 0 && task->status < HOST_TASK_STATUS_STOPPED)
        return report;
    report.status = HOST_CONTAINER_STATUS_RUNNING;
    report.health = task->health;
    if (task->started_ms != 0) {
        report.runtime_id = arena_printf(arena, "%.*s-%zu", STR_ARG(str_from(task->arn, task->arn.len - 32)), index);
        report.image_digest = STR("sha256:0000000000000000000000000000000000000000000000000000000000000000");
    }
    if (task->status < HOST_TASK_STATUS_STOPPED)
        return report;
    report.status = HOST_CONTAINER_STATUS_STOPPED;
    if (task->started_ms != 0)
        SET(&report, exit_code, index == 0 && task->exits ? task->exit_code : 143);
    else
        report.reason = task->reason;
    return report;
}

struct host_task_report stand_in_task_report(const struct stand_in_task *task, struct arena *arena)
{
    struct host_task_report report = {.task_arn = task->arn, .status = task->status};

    if (task->status >= HOST_TASK_STATUS_STOPPING) {
        report.stop_code = task->stop_code;
        report.reason = task->reason;
    }
    if (task->pull_started_ms != 0)
        SET(&report, pull_started_at, task->pull_started_ms);
    if (task->pull_stopped_ms != 0)
        SET(&report, pull_stopped_at, task->pull_stopped_ms);
    if (task->started_ms != 0)
        SET(&report, started_at, task->started_ms);
    if (task->execution_stopped_ms != 0)
        SET(&report, execution_stopped_at, task->execution_stopped_ms);
    report.containers.items = arena_array(arena, struct host_container_report, task->container_count + 1);
    report.containers.count = task->container_count;
    for (size_t i = 0; i < task->container_count; i++)
        report.containers.items[i] = container_report(task, i, arena);
    return report;
}
