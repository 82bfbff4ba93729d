#include "node/task/task.h"

#include "base/must.h"
#include "model/interpret.h"

/* Defaults of the task definition parameters. */
enum {
    STOP_TIMEOUT_S = 30,
    HEALTH_INTERVAL_S = 30,
    HEALTH_RETRIES = 3,
    RESTART_PERIOD_S = 60,
};

/* ---- making ---- */

static const struct ecs_container_override *override_of(const struct host_task_assignment *assignment, struct str name)
{
    const struct ecs_task_override *overrides = assignment->overrides;

    for (size_t i = 0; overrides != NULL && i < overrides->container_overrides.count; i++)
        if (str_eq(overrides->container_overrides.items[i].name, name))
            return &overrides->container_overrides.items[i];
    return NULL;
}

/* Overridden variables take the place of those of the same name, new ones come behind. */
static void merge_environment(struct arena *arena, struct ecs_environment_variables *into,
                              const struct ecs_environment_variables *from)
{
    struct ecs_key_value_pair *items = arena_array(arena, struct ecs_key_value_pair, into->count + from->count + 1);
    size_t count = into->count;

    if (count > 0)
        memcpy(items, into->items, count * sizeof(*items));
    for (size_t i = 0; i < from->count; i++) {
        size_t at = 0;

        while (at < count && !str_eq(items[at].name, from->items[i].name))
            at++;
        items[at] = from->items[i];
        count = at == count ? count + 1 : count;
    }
    into->items = items;
    into->count = count;
}

static const struct ecs_container_definition *with_overrides(struct arena *arena,
                                                             const struct ecs_container_definition *from,
                                                             const struct ecs_container_override *override)
{
    struct ecs_container_definition *to = arena_new(arena, struct ecs_container_definition);

    *to = *from;
    if (override == NULL)
        return to;
    if (override->command.items != NULL)
        to->command = override->command;
    if (override->environment.items != NULL)
        merge_environment(arena, &to->environment, &override->environment);
    if (override->environment_files.items != NULL)
        to->environment_files = override->environment_files;
    if (override->has_cpu)
        SET(to, cpu, override->cpu);
    if (override->has_memory)
        SET(to, memory, override->memory);
    if (override->has_memory_reservation)
        SET(to, memory_reservation, override->memory_reservation);
    return to;
}

struct task *task_new(const struct host_task_assignment *assignment)
{
    struct task *task = calloc(1, sizeof(*task));
    struct host_task_assignment *copy;
    const struct ecs_container_definitions *definitions;

    must(task != NULL);
    arena_init(&task->arena, ARENA_LIMIT_DEFAULT);
    copy = arena_new(&task->arena, struct host_task_assignment);
    value_copy(&host_task_assignment_shape, copy, assignment, &task->arena);
    must(copy->task_definition != NULL);
    definitions = &copy->task_definition->container_definitions;
    task->assignment = copy;
    task->wanted = copy->desired_status != HOST_DESIRED_STATUS_STOPPED;
    task->container_count = definitions->count;
    task->containers = arena_array(&task->arena, struct task_container, definitions->count + 1);
    for (size_t i = 0; i < definitions->count; i++) {
        struct task_container *container = &task->containers[i];

        container->definition =
            with_overrides(&task->arena, &definitions->items[i], override_of(copy, definitions->items[i].name));
        container->runtime_id = arena_printf(&task->arena, "%.*s-%zu", STR_ARG(copy->task_id), i);
        container->memory.health = ECS_HEALTH_STATUS_UNKNOWN;
    }
    return task;
}

void task_supply(struct task *task, const struct host_task_assignment *supplied)
{
    struct host_task_assignment *copy = arena_new(&task->arena, struct host_task_assignment);

    value_copy(&host_task_assignment_shape, copy, supplied, &task->arena);
    if (copy->secrets.items != NULL)
        task->assignment->secrets = copy->secrets;
    if (copy->log_secrets.items != NULL)
        task->assignment->log_secrets = copy->log_secrets;
}

void task_free(struct task *task)
{
    arena_free(&task->arena);
    free(task);
}

/* ---- questions ---- */

static bool is_essential(const struct task_container *container)
{
    return !container->definition->has_essential || container->definition->essential;
}

static bool has_ended(const struct task_container *container)
{
    return container->phase >= CONTAINER_EXITED;
}

/* Not running and not about to: also one that never came to start. */
static bool is_quiet(const struct task_container *container)
{
    return has_ended(container) || container->phase == CONTAINER_WAITING || container->phase == CONTAINER_PULLED;
}

static const struct task_container *container_named(const struct task *task, struct str name)
{
    for (size_t i = 0; i < task->container_count; i++)
        if (str_eq(task->containers[i].definition->name, name))
            return &task->containers[i];
    return NULL;
}

enum verdict { NOT_YET, MET, NEVER };

static enum verdict dependency_verdict(const struct task_container *on, enum ecs_container_condition condition)
{
    bool ended = has_ended(on);

    switch (condition) {
    case ECS_CONTAINER_CONDITION_NONE:
    case ECS_CONTAINER_CONDITION_START:
        return on->started_once ? MET : ended ? NEVER : NOT_YET;
    case ECS_CONTAINER_CONDITION_COMPLETE:
        return ended && on->started_once ? MET : ended ? NEVER : NOT_YET;
    case ECS_CONTAINER_CONDITION_SUCCESS:
        if (!ended)
            return NOT_YET;
        return on->has_exit_code && on->exit_code == 0 ? MET : NEVER;
    case ECS_CONTAINER_CONDITION_HEALTHY:
        return on->memory.health == ECS_HEALTH_STATUS_HEALTHY ? MET : ended ? NEVER : NOT_YET;
    }
    return NEVER;
}

/* How long a dependency may take: its own startTimeout, from its start. WHEN_NEVER without one. */
static int64_t dependency_deadline(const struct task_container *on)
{
    if (!on->definition->has_start_timeout || !on->started_once)
        return WHEN_NEVER;
    return on->started.monotonic_ms + on->definition->start_timeout * SECOND_MS;
}

/* ---- stopping ---- */

static void begin_stop(struct task *task, enum ecs_task_stop_code code, struct str reason)
{
    if (task->phase >= TASK_STOPPING)
        return;
    task->phase = TASK_STOPPING;
    task->stop_code = code;
    task->reason = arena_str(&task->arena, reason);
}

void task_want(struct task *task, bool wanted)
{
    if (wanted || !task->wanted)
        return;
    task->wanted = false;
    begin_stop(task, ECS_TASK_STOP_CODE_USER_INITIATED, STR(""));
}

void task_forget(struct task *task)
{
    task_want(task, false);
    task->forgotten = true;
}

/* A container that others depend on is stopped after them. */
static bool someone_depends_on(const struct task *task, const struct task_container *container)
{
    for (size_t i = 0; i < task->container_count; i++) {
        const struct ecs_container_dependencies *on = &task->containers[i].definition->depends_on;

        if (is_quiet(&task->containers[i]))
            continue;
        for (size_t k = 0; k < on->count; k++)
            if (str_eq(on->items[k].container_name, container->definition->name))
                return true;
    }
    return false;
}

static int64_t stop_timeout_ms(const struct task_container *container)
{
    return (container->definition->has_stop_timeout ? container->definition->stop_timeout : STOP_TIMEOUT_S) * SECOND_MS;
}

/* ---- planning ---- */

struct plan {
    struct action *actions;
    size_t count;
    struct moment now;
    int64_t again_ms; /* monotonic */
};

static void add(struct plan *plan, enum action_kind kind, size_t container)
{
    plan->actions[plan->count++] = (struct action){kind, container};
}

static void again(struct plan *plan, int64_t when_ms)
{
    if (when_ms < plan->again_ms)
        plan->again_ms = when_ms;
}

static void plan_preparation(struct task *task, struct plan *plan)
{
    bool ready = task->network_ready;

    if (!task->network_ready && !task->network_busy) {
        task->network_busy = true;
        add(plan, ACTION_NETWORK, 0);
    }
    for (size_t i = 0; i < task->container_count; i++) {
        if (task->containers[i].phase == CONTAINER_WAITING) {
            task->containers[i].phase = CONTAINER_PULLING;
            if (task->pull_started_ms == 0)
                task->pull_started_ms = plan->now.wall_ms;
            add(plan, ACTION_PULL, i);
        }
        ready = ready && task->containers[i].phase >= CONTAINER_PULLED;
    }
    if (ready)
        task->phase = TASK_ACTIVATING;
}

static void start(struct task *task, struct plan *plan, size_t i)
{
    struct task_container *container = &task->containers[i];

    container->phase = CONTAINER_STARTING;
    container->has_exit_code = false;
    container->ended_early = false;
    add(plan, ACTION_START, i);
}

/* Starts the container when all it depends on is as it asks; fails the task when that cannot happen any more. */
static void plan_start(struct task *task, struct plan *plan, size_t i)
{
    const struct ecs_container_dependencies *on = &task->containers[i].definition->depends_on;

    for (size_t k = 0; k < on->count; k++) {
        const struct task_container *other = container_named(task, on->items[k].container_name);
        enum verdict verdict = other == NULL ? NEVER : dependency_verdict(other, on->items[k].condition);

        if (verdict == MET)
            continue;
        if (verdict == NEVER || plan->now.monotonic_ms >= dependency_deadline(other)) {
            task->containers[i].reason =
                arena_printf(&task->arena, "DependencyError: container %.*s did not reach condition %s",
                             STR_ARG(on->items[k].container_name),
                             enum_name(&ecs_container_condition_shape, (int)on->items[k].condition));
            begin_stop(task, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START, task->containers[i].reason);
            return;
        }
        again(plan, dependency_deadline(other));
        return;
    }
    start(task, plan, i);
}

static void plan_check(struct task *task, struct plan *plan, size_t i)
{
    struct task_container *container = &task->containers[i];

    if (container->definition->health_check == NULL || container->checking)
        return;
    if (plan->now.monotonic_ms < container->next_check_ms) {
        again(plan, container->next_check_ms);
        return;
    }
    container->checking = true;
    add(plan, ACTION_CHECK, i);
}

static bool wants_restart(const struct task_container *container)
{
    const struct ecs_container_restart_policy *policy = container->definition->restart_policy;
    int64_t period_ms;

    if (policy == NULL || !policy->enabled || !container->has_exit_code)
        return false;
    for (size_t i = 0; i < policy->ignored_exit_codes.count; i++)
        if (policy->ignored_exit_codes.items[i] == container->exit_code)
            return false;
    period_ms = (policy->has_restart_attempt_period ? policy->restart_attempt_period : RESTART_PERIOD_S) * SECOND_MS;
    return container->exited.monotonic_ms - container->started.monotonic_ms >= period_ms;
}

static void plan_running(struct task *task, struct plan *plan)
{
    bool all = true;

    for (size_t i = 0; i < task->container_count && task->phase < TASK_STOPPING; i++) {
        struct task_container *container = &task->containers[i];

        if (container->phase == CONTAINER_PULLED)
            plan_start(task, plan, i);
        if (container->phase == CONTAINER_RUNNING)
            plan_check(task, plan, i);
        if (container->phase == CONTAINER_EXITED && wants_restart(container) && !container->checking) {
            container->memory.restart_count++;
            start(task, plan, i);
        }
        all = all && (container->phase == CONTAINER_RUNNING || has_ended(container));
    }
    if (all && task->phase == TASK_ACTIVATING) {
        task->phase = TASK_RUNNING;
        task->started_ms = plan->now.wall_ms;
    }
}

static void plan_stop_of(struct task *task, struct plan *plan, size_t i)
{
    struct task_container *container = &task->containers[i];
    int64_t patience_ms = task->forgotten ? 0 : stop_timeout_ms(container);

    if (container->phase != CONTAINER_RUNNING || (!task->forgotten && someone_depends_on(task, container)))
        return;
    if (!container->stop_asked) {
        container->stop_asked = true;
        container->stop_asked_ms = plan->now.monotonic_ms;
        if (patience_ms > 0)
            add(plan, ACTION_TERMINATE, i);
    }
    if (plan->now.monotonic_ms < container->stop_asked_ms + patience_ms) {
        again(plan, container->stop_asked_ms + patience_ms);
    } else if (!container->killed) {
        container->killed = true;
        add(plan, ACTION_KILL, i);
    }
}

static void plan_stopping(struct task *task, struct plan *plan)
{
    bool quiet = !task->network_busy;

    for (size_t i = 0; i < task->container_count; i++) {
        plan_stop_of(task, plan, i);
        quiet = quiet && is_quiet(&task->containers[i]) && !task->containers[i].checking;
    }
    if (!quiet)
        return;
    task->phase = TASK_CLEANING;
    if (task->execution_stopped_ms == 0) /* else it is recalled */
        task->execution_stopped_ms = plan->now.wall_ms;
}

static void plan_cleaning(struct task *task, struct plan *plan)
{
    bool deleted = true;

    for (size_t i = 0; i < task->container_count; i++) {
        struct task_container *container = &task->containers[i];

        if (container->phase == CONTAINER_EXITED) {
            container->phase = CONTAINER_DELETING;
            add(plan, ACTION_DELETE, i);
        }
        deleted = deleted && container->phase != CONTAINER_DELETING;
    }
    if (deleted && !task->network_busy) {
        task->network_busy = true;
        add(plan, ACTION_REMOVE_NETWORK, 0);
    }
}

size_t task_plan(struct task *task, struct moment now, struct action *ret_actions, int64_t *ret_again_ms)
{
    struct plan plan = {.actions = ret_actions, .now = now, .again_ms = WHEN_NEVER};

    if (task->phase == TASK_PREPARING)
        plan_preparation(task, &plan);
    if (task->phase == TASK_ACTIVATING || task->phase == TASK_RUNNING)
        plan_running(task, &plan);
    if (task->phase == TASK_STOPPING)
        plan_stopping(task, &plan);
    if (task->phase == TASK_CLEANING)
        plan_cleaning(task, &plan);
    *ret_again_ms = plan.again_ms;
    return plan.count;
}

size_t task_actions_max(const struct task *task)
{
    return 3 * task->container_count + 2;
}

/* ---- what happened ---- */

void task_network_done(struct task *task, bool good, struct str text)
{
    task->network_busy = false;
    task->network_ready = good;
    if (!good)
        begin_stop(task, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START, text);
}

void task_pull_done(struct task *task, size_t i, bool good, struct str text, struct moment now)
{
    struct task_container *container = &task->containers[i];
    bool last = true;

    container->phase = CONTAINER_PULLED;
    if (good) {
        container->image_digest = arena_str(&task->arena, text);
    } else {
        container->reason = arena_str(&task->arena, text);
        begin_stop(task, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START, text);
    }
    for (size_t k = 0; k < task->container_count; k++)
        last = last && task->containers[k].phase != CONTAINER_PULLING;
    if (last)
        task->pull_stopped_ms = now.wall_ms;
}

static int64_t next_check_ms(const struct task_container *container, struct moment after)
{
    const struct ecs_health_check *check = container->definition->health_check;

    if (check == NULL)
        return WHEN_NEVER;
    return after.monotonic_ms + (check->has_interval ? check->interval : HEALTH_INTERVAL_S) * SECOND_MS;
}

static void end(struct task *task, struct task_container *container)
{
    container->phase = CONTAINER_EXITED;
    container->has_exit_code = true;
    if (container->out_of_memory)
        container->reason = STR("OutOfMemoryError: Container killed due to memory usage");
    if (is_essential(container) && !wants_restart(container))
        begin_stop(task, ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED, STR("Essential container in task exited"));
}

void task_start_done(struct task *task, size_t i, bool good, struct str text, struct moment now)
{
    struct task_container *container = &task->containers[i];

    if (!good) {
        container->phase = CONTAINER_EXITED;
        container->exited = now;
        container->reason = arena_str(&task->arena, text);
        begin_stop(task, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START, text);
        return;
    }
    container->phase = CONTAINER_RUNNING;
    container->started_once = true;
    container->started = now;
    container->memory.health = ECS_HEALTH_STATUS_UNKNOWN;
    container->memory.health_failures = 0;
    container->next_check_ms = next_check_ms(container, now);
    if (container->ended_early)
        end(task, container);
}

/* A task whose essential container is unhealthy is stopped (developer guide, "Determine Amazon ECS task health"). */
static void stop_if_unhealthy(struct task *task, const struct task_container *container)
{
    if (container->memory.health == ECS_HEALTH_STATUS_UNHEALTHY && is_essential(container))
        begin_stop(task, ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED, STR("Task failed container health checks"));
}

void task_check_void(struct task *task, size_t i, struct moment now)
{
    struct task_container *container = &task->containers[i];

    container->checking = false;
    container->next_check_ms = next_check_ms(container, now);
}

void task_check_done(struct task *task, size_t i, bool healthy, struct moment now)
{
    struct task_container *container = &task->containers[i];
    const struct ecs_health_check *check = container->definition->health_check;
    int64_t start_period_ms = check->has_start_period ? check->start_period * SECOND_MS : 0;

    task_check_void(task, i, now);
    if (has_ended(container))
        return;
    if (healthy) {
        container->memory.health_failures = 0;
        container->memory.health = ECS_HEALTH_STATUS_HEALTHY;
        return;
    }
    if (container->memory.health != ECS_HEALTH_STATUS_HEALTHY &&
        now.monotonic_ms < container->started.monotonic_ms + start_period_ms)
        return; /* failures in the start period do not count */
    container->memory.health_failures++;
    if (container->memory.health_failures < (check->has_retries ? check->retries : HEALTH_RETRIES))
        return;
    container->memory.health = ECS_HEALTH_STATUS_UNHEALTHY;
    stop_if_unhealthy(task, container);
}

void task_exited(struct task *task, size_t i, int exit_code, bool out_of_memory, struct moment when)
{
    struct task_container *container = &task->containers[i];

    if (has_ended(container))
        return;
    container->exit_code = exit_code;
    container->exited = when;
    container->out_of_memory = out_of_memory;
    if (container->phase == CONTAINER_STARTING)
        container->ended_early = true;
    else
        end(task, container);
}

void task_delete_done(struct task *task, size_t i)
{
    task->containers[i].phase = CONTAINER_DELETED;
}

void task_network_removed(struct task *task, int64_t now_ms)
{
    task->network_busy = false;
    task->gone_ms = now_ms;
    task->phase = TASK_GONE;
}

void task_adopt(struct task *task, size_t i, struct str image_digest, struct moment started)
{
    struct task_container *container = &task->containers[i];

    task->network_ready = true; /* what runs has its interface */
    container->phase = CONTAINER_RUNNING;
    container->image_digest = arena_str(&task->arena, image_digest);
    container->started_once = true;
    container->started = started;
    container->next_check_ms = next_check_ms(container, started);
}

void task_recall(struct task *task, size_t i, struct container_memory memory)
{
    struct task_container *container = &task->containers[i];

    container->memory.restart_count = memory.restart_count;
    if (container->phase != CONTAINER_RUNNING)
        return; /* it will be started, with nothing known of its health */
    container->memory = memory;
    stop_if_unhealthy(task, container);
}

static void recall_container_end(struct task *task, const struct host_container_report *end)
{
    for (size_t i = 0; i < task->container_count; i++) {
        struct task_container *container = &task->containers[i];

        if (!str_eq(container->definition->name, end->name) || container->phase == CONTAINER_RUNNING)
            continue;
        container->started_once = end->runtime_id.len > 0;
        container->has_exit_code = end->has_exit_code;
        container->exit_code = end->exit_code;
        container->image_digest = arena_str(&task->arena, end->image_digest);
        container->reason = arena_str(&task->arena, end->reason);
    }
}

void task_recall_end(struct task *task, const struct host_task_report *end)
{
    begin_stop(task, end->stop_code, end->reason);
    task->pull_started_ms = end->pull_started_at;
    task->pull_stopped_ms = end->pull_stopped_at;
    task->started_ms = end->started_at;
    task->execution_stopped_ms = end->execution_stopped_at;
    for (size_t i = 0; i < end->containers.count; i++)
        recall_container_end(task, &end->containers.items[i]);
    for (size_t i = 0; i < task->container_count; i++)
        if (task->containers[i].phase != CONTAINER_RUNNING)
            task->containers[i].phase = CONTAINER_DELETED;
    if (end->status == HOST_TASK_STATUS_GONE)
        task_network_removed(task, end->stopped_at);
}

/* ---- the report ---- */

static const enum host_task_status reported_status[] = {
    [TASK_PREPARING] = HOST_TASK_STATUS_PENDING, [TASK_ACTIVATING] = HOST_TASK_STATUS_ACTIVATING,
    [TASK_RUNNING] = HOST_TASK_STATUS_RUNNING,   [TASK_STOPPING] = HOST_TASK_STATUS_STOPPING,
    [TASK_CLEANING] = HOST_TASK_STATUS_STOPPED,  [TASK_GONE] = HOST_TASK_STATUS_GONE,
};

/* It has ended, and is about to be started again: a container is not STOPPED meanwhile. */
static bool is_between_lives(const struct task *task, const struct task_container *container)
{
    return task->phase < TASK_STOPPING && container->phase == CONTAINER_EXITED && wants_restart(container);
}

static enum host_container_status container_status(const struct task *task, const struct task_container *container)
{
    if (task->phase >= TASK_CLEANING)
        return HOST_CONTAINER_STATUS_STOPPED;
    if (is_between_lives(task, container))
        return HOST_CONTAINER_STATUS_PENDING;
    if (has_ended(container))
        return HOST_CONTAINER_STATUS_STOPPED;
    return container->phase == CONTAINER_RUNNING ? HOST_CONTAINER_STATUS_RUNNING : HOST_CONTAINER_STATUS_PENDING;
}

static struct host_container_report container_report(const struct task *task, const struct task_container *container)
{
    struct host_container_report report = {
        .name = container->definition->name,
        .status = container_status(task, container),
        .image_digest = container->image_digest,
        .network_bindings = container->network_bindings,
        .reason = container->reason,
        .health = container->definition->health_check == NULL ? ECS_HEALTH_STATUS_UNKNOWN : container->memory.health,
    };

    if (container->started_once)
        report.runtime_id = container->runtime_id;
    if (container->has_exit_code && !is_between_lives(task, container))
        SET(&report, exit_code, container->exit_code);
    SET(&report, restart_count, container->memory.restart_count);
    return report;
}

#define SET_TIME(report, member, ms)                                                                                   \
    do {                                                                                                               \
        if ((ms) != 0)                                                                                                 \
            SET(report, member, ms);                                                                                   \
    } while (0)

struct host_task_report task_report(const struct task *task, struct arena *arena)
{
    struct host_task_report report = {
        .task_arn = task->assignment->task_arn,
        .status = reported_status[task->phase],
        .stop_code = task->stop_code,
        .reason = task->reason,
    };

    SET_TIME(&report, pull_started_at, task->pull_started_ms);
    SET_TIME(&report, pull_stopped_at, task->pull_stopped_ms);
    SET_TIME(&report, started_at, task->started_ms);
    SET_TIME(&report, execution_stopped_at, task->execution_stopped_ms);
    SET_TIME(&report, stopped_at, task->gone_ms);
    SET(&report, enable_execute_command, task->assignment->enable_execute_command);
    report.containers.items = arena_array(arena, struct host_container_report, task->container_count + 1);
    for (size_t i = 0; i < task->container_count; i++)
        report.containers.items[report.containers.count++] = container_report(task, &task->containers[i]);
    return report;
}
