/* A simulated host: keeps what the host protocol promises, starts and stops imaginary containers. */
#include "base/must.h"
#include "sim/world.h"

enum { STEP_MS_MAX = 400, REPORT_EVERY_MS = 10000 };

static struct sim_task *find(const struct sim_host *host, struct str arn)
{
    for (struct sim_task *task = host->tasks; task != NULL; task = task->next)
        if (str_eq(task->arn, arn))
            return task;
    return NULL;
}

static struct sim_task *add(struct world *world, struct sim_host *host, struct str arn)
{
    struct sim_task *task = calloc(1, sizeof(*task) + arn.len);

    must(task != NULL);
    memcpy(task->space, arn.ptr, arn.len);
    task->arn = (struct str){task->space, arn.len};
    task->status = HOST_TASK_STATUS_PENDING;
    task->wanted = true;
    task->next_ms = world->now_ms + 1 + (int64_t)random_below(&world->random, STEP_MS_MAX);
    task->next = host->tasks;
    host->tasks = task;
    return task;
}

static void unwanted(struct world *world, struct sim_task *task)
{
    if (!task->wanted || world->options.mutant == MUTANT_HOST_RUNS_FOREVER)
        return;
    task->wanted = false;
    task->next_ms = world->now_ms + 1 + (int64_t)random_below(&world->random, STEP_MS_MAX);
}

static bool assigned(const struct host_assignment *assignment, struct str arn)
{
    for (size_t i = 0; i < assignment->tasks.count; i++)
        if (str_eq(assignment->tasks.items[i].task_arn, arn))
            return true;
    return false;
}

static void forget_gone(struct sim_host *host, const struct host_assignment *assignment)
{
    struct sim_task **link = &host->tasks;

    while (*link != NULL) {
        struct sim_task *task = *link;

        if (task->status != HOST_TASK_STATUS_GONE || assigned(assignment, task->arn)) {
            link = &task->next;
            continue;
        }
        *link = task->next;
        free(task);
    }
}

void sim_host_receive(struct world *world, unsigned number, struct str bytes)
{
    struct sim_host *host = &world->hosts[number];
    struct host_from_server message = {0};
    struct arena arena;
    struct fail f;

    if (!host->alive)
        return;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    must(value_decode(&host_from_server_shape, bytes, &message, &arena, &f));
    if (message.assignment->generation < host->generation) {
        arena_free(&arena); /* overtaken by a newer one */
        return;
    }
    host->generation = message.assignment->generation;
    for (size_t i = 0; i < message.assignment->tasks.count; i++) {
        const struct host_task_assignment *assignment = &message.assignment->tasks.items[i];
        struct sim_task *task = find(host, assignment->task_arn);

        if (task == NULL && assignment->desired_status == HOST_DESIRED_STATUS_STOPPED)
            add(world, host, assignment->task_arn)->status = HOST_TASK_STATUS_GONE; /* it never came this far */
        else if (task == NULL && assignment->task_definition != NULL)
            (void)add(world, host, assignment->task_arn);
        else if (task != NULL && assignment->desired_status == HOST_DESIRED_STATUS_STOPPED)
            unwanted(world, task);
    }
    for (struct sim_task *task = host->tasks; task != NULL; task = task->next)
        if (!assigned(message.assignment, task->arn))
            unwanted(world, task);
    forget_gone(host, message.assignment);
    host->report_due = true;
    host->next_ms = 0;
    arena_free(&arena);
}

static void advance(struct world *world, struct sim_task *task)
{
    static const enum host_task_status up[] = {
        [HOST_TASK_STATUS_PENDING] = HOST_TASK_STATUS_ACTIVATING,
        [HOST_TASK_STATUS_ACTIVATING] = HOST_TASK_STATUS_RUNNING,
    };
    static const enum host_task_status down[] = {
        [HOST_TASK_STATUS_PENDING] = HOST_TASK_STATUS_STOPPED,
        [HOST_TASK_STATUS_ACTIVATING] = HOST_TASK_STATUS_STOPPING,
        [HOST_TASK_STATUS_RUNNING] = HOST_TASK_STATUS_STOPPING,
        [HOST_TASK_STATUS_STOPPING] = HOST_TASK_STATUS_STOPPED,
        [HOST_TASK_STATUS_STOPPED] = HOST_TASK_STATUS_GONE,
    };

    if (task->wanted && task->status < HOST_TASK_STATUS_RUNNING)
        task->status = up[task->status];
    else if (task->wanted && world_chance(world, 100))
        task->wanted = false; /* its essential container ended */
    else if (!task->wanted && task->status < HOST_TASK_STATUS_GONE)
        task->status = down[task->status];
    task->next_ms = world->now_ms + 1 + (int64_t)random_below(&world->random, STEP_MS_MAX);
    if (task->status == HOST_TASK_STATUS_GONE || (task->wanted && task->status == HOST_TASK_STATUS_RUNNING))
        task->next_ms = task->status == HOST_TASK_STATUS_GONE || world->calm
                            ? WHEN_NEVER
                            : world->now_ms + (int64_t)random_below(&world->random, 60 * SECOND_MS);
}

static void report(struct world *world, unsigned number)
{
    struct sim_host *host = &world->hosts[number];
    struct host_report report = {0};
    struct host_from_host message = {.report = &report};
    struct arena arena;
    auto_buf bytes = {.ptr = NULL};
    size_t count = 0;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (struct sim_task *task = host->tasks; task != NULL; task = task->next)
        count++;
    report.tasks.items = arena_array(&arena, struct host_task_report, count + 1);
    for (struct sim_task *task = host->tasks; task != NULL; task = task->next) {
        struct host_task_report *row = &report.tasks.items[report.tasks.count++];

        row->task_arn = task->arn;
        row->status = task->status;
        if (!task->wanted) {
            row->stop_code = ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED;
            row->reason = STR("Essential container in task exited");
        }
        if (world->options.mutant == MUTANT_REPORTS_BACKWARDS && task->status == HOST_TASK_STATUS_GONE)
            row->status = HOST_TASK_STATUS_RUNNING;
    }
    SET(&report, complete, true);
    value_encode(&host_from_host_shape, &message, &bytes);
    world_send(world, EVENT_TO_SERVER, number, buf_str(&bytes));
    arena_free(&arena);
    host->report_due = false;
    host->next_report_ms = world->now_ms + REPORT_EVERY_MS;
}

static int64_t next_ms(const struct sim_host *host)
{
    int64_t next = host->next_report_ms;

    if (!host->alive)
        return host->back_ms;
    for (const struct sim_task *task = host->tasks; task != NULL; task = task->next)
        next = task->next_ms < next ? task->next_ms : next;
    return next;
}

void sim_host_step(struct world *world, unsigned number)
{
    struct sim_host *host = &world->hosts[number];

    if (!host->alive) {
        if (world->now_ms >= host->back_ms)
            sim_host_return(world, number);
        host->next_ms = next_ms(host);
        return;
    }
    for (struct sim_task *task = host->tasks; task != NULL; task = task->next)
        if (task->next_ms <= world->now_ms) {
            advance(world, task);
            host->report_due = true;
        }
    if (host->report_due || host->next_report_ms <= world->now_ms)
        report(world, number);
    host->next_ms = next_ms(host);
}

void sim_host_die(struct world *world, unsigned number, bool for_ever)
{
    struct sim_host *host = &world->hosts[number];

    host->alive = false;
    host->next_ms = 0;
    host->back_ms = for_ever ? WHEN_NEVER : world->now_ms + 1 + (int64_t)random_below(&world->random, 5 * MINUTE_MS);
    while (host->tasks != NULL) {
        struct sim_task *task = host->tasks;

        host->tasks = task->next;
        free(task);
    }
    world_send(world, EVENT_DISCONNECT, number, STR(""));
}

void sim_host_return(struct world *world, unsigned number)
{
    struct sim_host *host = &world->hosts[number];

    host->alive = true;
    host->next_ms = 0;
    host->back_ms = WHEN_NEVER;
    host->report_due = false;
    host->generation = 0;
    host->next_report_ms = world->now_ms + REPORT_EVERY_MS;
    world_send(world, EVENT_CONNECT, number, STR(""));
}
