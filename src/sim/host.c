/* A simulated host: keeps what the host protocol promises, starts and stops imaginary containers. */
#include "base/must.h"
#include "sim/world.h"

enum { STEP_MS_MAX = 400, REPORT_EVERY_MS = 10000, SERVER_NOTICES_MS = 15000 };

static struct sim_task *find(const struct sim_host *host, struct str arn)
{
    for (size_t i = 0; i < host->task_count; i++)
        if (str_eq(host->tasks[i].arn, arn))
            return &host->tasks[i];
    return NULL;
}

static struct sim_task *add(struct world *world, struct sim_host *host, struct str arn)
{
    struct sim_task *task;
    char *copy = malloc(arn.len);

    if (host->task_count == host->task_capacity) {
        host->task_capacity = host->task_capacity == 0 ? 4 : host->task_capacity * 2;
        host->tasks = realloc(host->tasks, host->task_capacity * sizeof(*host->tasks));
    }
    must(copy != NULL);
    must(host->tasks != NULL);
    memcpy(copy, arn.ptr, arn.len);
    task = &host->tasks[host->task_count++];
    *task = (struct sim_task){.arn = {copy, arn.len},
                              .status = HOST_TASK_STATUS_PENDING,
                              .wanted = true,
                              .news = true,
                              .next_ms = world->now_ms + 1 + (int64_t)random_below(&world->random, STEP_MS_MAX)};
    return task;
}

static void forget(struct sim_task *task)
{
    free((void *)(uintptr_t)task->arn.ptr);
}

static void unwanted(struct world *world, struct sim_task *task)
{
    if (!task->wanted || world->options.mutant == MUTANT_HOST_RUNS_FOREVER)
        return;
    task->wanted = false;
    task->next_ms = world->now_ms + 1 + (int64_t)random_below(&world->random, STEP_MS_MAX);
}

/* One task of an assignment; returns what the host has of it, or NULL. */
static struct sim_task *take(struct world *world, struct sim_host *host, const struct host_task_assignment *assignment)
{
    struct sim_task *task = find(host, assignment->task_arn);

    if (task == NULL && assignment->desired_status == HOST_DESIRED_STATUS_STOPPED) {
        task = add(world, host, assignment->task_arn);
        task->status = HOST_TASK_STATUS_GONE; /* it never came this far */
    } else if (task == NULL && assignment->task_definition != NULL) {
        check_told(world, assignment->task_arn);
        task = add(world, host, assignment->task_arn);
    } else if (task == NULL) {
        host->complete_due = true; /* the server believes that we have it */
    } else if (assignment->desired_status == HOST_DESIRED_STATUS_STOPPED) {
        unwanted(world, task);
    }
    return task;
}

/* What the server names as not its any more. */
static void take_forgotten(struct sim_host *host, const struct host_strings *forgotten)
{
    for (size_t i = 0; i < forgotten->count; i++) {
        struct sim_task *task = find(host, forgotten->items[i]);

        if (task != NULL)
            task->assigned = false;
    }
}

/* What is not assigned any more ends, and is forgotten when it is gone. */
static void drop_unassigned(struct world *world, struct sim_host *host)
{
    size_t kept = 0;

    for (size_t i = 0; i < host->task_count; i++) {
        struct sim_task *task = &host->tasks[i];

        if (!task->assigned)
            unwanted(world, task);
        if (task->assigned || task->status != HOST_TASK_STATUS_GONE)
            host->tasks[kept++] = *task;
        else
            forget(task);
    }
    host->task_count = kept;
}

void sim_host_receive(struct world *world, unsigned number, struct str bytes)
{
    struct sim_host *host = &world->hosts[number];
    struct host_from_server message = {0};
    const struct host_assignment *assignment;
    struct fail f;

    if (!host->alive)
        return;
    arena_reset(&world->scratch);
    must(value_decode(&host_from_server_shape, bytes, &message, &world->scratch, &f));
    assignment = message.assignment;
    if (assignment == NULL)
        return; /* a session: nobody here looks at terminals */
    if (assignment->generation <= host->generation || (!assignment->complete && host->heard_all == 0))
        return; /* overtaken by a newer one, or a difference from what is not known */
    host->generation = assignment->generation;
    if (assignment->complete)
        host->heard_all = assignment->generation;
    for (size_t i = 0; i < host->task_count && assignment->complete; i++)
        host->tasks[i].assigned = false;
    for (size_t i = 0; i < assignment->tasks.count; i++) {
        struct sim_task *task = take(world, host, &assignment->tasks.items[i]);

        if (task != NULL)
            task->assigned = true;
    }
    take_forgotten(host, &assignment->forgotten);
    drop_unassigned(world, host);
    sim_host_wake(world, number);
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
    enum host_task_status before = task->status;

    if (task->wanted && task->status < HOST_TASK_STATUS_RUNNING)
        task->status = up[task->status];
    else if (task->wanted && world_chance(world, 100))
        task->wanted = false; /* its essential container ended */
    else if (!task->wanted && task->status < HOST_TASK_STATUS_GONE)
        task->status = down[task->status];
    task->news = task->news || task->status != before;
    task->next_ms = world->now_ms + 1 + (int64_t)random_below(&world->random, STEP_MS_MAX);
    if (task->status == HOST_TASK_STATUS_GONE || (task->wanted && task->status == HOST_TASK_STATUS_RUNNING))
        task->next_ms = task->status == HOST_TASK_STATUS_GONE || world->calm
                            ? WHEN_NEVER
                            : world->now_ms + (int64_t)random_below(&world->random, 60 * SECOND_MS);
}

static struct host_task_report report_of(const struct world *world, const struct sim_task *task)
{
    struct host_task_report report = {.task_arn = task->arn, .status = task->status};

    if (!task->wanted) {
        report.stop_code = ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED;
        report.reason = STR("Essential container in task exited");
    }
    if (world->options.mutant == MUTANT_REPORTS_BACKWARDS && task->status == HOST_TASK_STATUS_GONE)
        report.status = HOST_TASK_STATUS_RUNNING;
    return report;
}

/* What is new, or everything. */
static void report(struct world *world, unsigned number)
{
    struct sim_host *host = &world->hosts[number];
    struct host_report report = {0};
    struct host_from_host message = {.report = &report};
    auto_buf bytes = {.ptr = NULL};
    size_t count = 0;

    arena_reset(&world->scratch);
    for (size_t i = 0; i < host->task_count; i++)
        count += host->tasks[i].news || host->complete_due ? 1 : 0;
    report.tasks.items = arena_array(&world->scratch, struct host_task_report, count + 1);
    for (size_t i = 0; i < host->task_count; i++) {
        if (host->tasks[i].news || host->complete_due)
            report.tasks.items[report.tasks.count++] = report_of(world, &host->tasks[i]);
        host->tasks[i].news = false;
    }
    SET(&report, complete, host->complete_due);
    if (host->heard_all != 0)
        SET(&report, generation, host->heard_all);
    if (report.tasks.count > 0 || host->complete_due) {
        value_encode(&host_from_host_shape, &message, &bytes);
        world_send(world, EVENT_TO_SERVER, number, buf_str(&bytes));
    }
    host->complete_due = false;
}

static int64_t next_ms(const struct sim_host *host)
{
    int64_t next = host->next_report_ms;

    if (!host->alive)
        return host->back_ms;
    if (host->dials && host->cut_ms < next)
        next = host->cut_ms;
    for (size_t i = 0; i < host->task_count; i++) {
        if (host->tasks[i].news)
            return 0;
        next = host->tasks[i].next_ms < next ? host->tasks[i].next_ms : next;
    }
    return host->complete_due ? 0 : next;
}

void sim_host_wake(struct world *world, unsigned number)
{
    struct sim_host *host = &world->hosts[number];
    int64_t when_ms = next_ms(host);

    if (when_ms == WHEN_NEVER || (host->wake_ms != WHEN_NEVER && host->wake_ms <= when_ms))
        return;
    host->wake_ms = when_ms > world->now_ms ? when_ms : world->now_ms;
    world_post(world, EVENT_WAKE, number, STR(""), host->wake_ms - world->now_ms);
}

void sim_host_step(struct world *world, unsigned number)
{
    struct sim_host *host = &world->hosts[number];

    host->wake_ms = WHEN_NEVER;
    if (!host->alive && world->now_ms >= host->back_ms)
        sim_host_return(world, number);
    if (host->alive && host->dials && world->now_ms >= host->cut_ms)
        sim_host_dial(world, number);
    if (host->alive) {
        for (size_t i = 0; i < host->task_count; i++)
            if (host->tasks[i].next_ms <= world->now_ms)
                advance(world, &host->tasks[i]);
        if (host->next_report_ms <= world->now_ms) {
            host->complete_due = true;
            host->next_report_ms = world->now_ms + REPORT_EVERY_MS;
        }
        report(world, number);
    }
    sim_host_wake(world, number);
}

void sim_host_die(struct world *world, unsigned number, bool for_ever)
{
    struct sim_host *host = &world->hosts[number];

    host->alive = false;
    host->cut_ms = 0;
    host->dials = false;
    host->back_ms = for_ever ? WHEN_NEVER : world->now_ms + 1 + (int64_t)random_below(&world->random, 5 * MINUTE_MS);
    for (size_t i = 0; i < host->task_count; i++)
        forget(&host->tasks[i]);
    host->task_count = 0;
    world_send(world, EVENT_DISCONNECT, number, STR(""));
    sim_host_wake(world, number);
}

void sim_host_return(struct world *world, unsigned number)
{
    struct sim_host *host = &world->hosts[number];

    host->alive = true;
    host->back_ms = WHEN_NEVER;
    host->complete_due = false;
    host->next_report_ms = world->now_ms + REPORT_EVERY_MS;
    sim_host_dial(world, number);
    sim_host_wake(world, number);
}

/* Nothing gets through. The server notices after a while, and the host dials when it is over: what it runs goes on. */
void sim_host_cut(struct world *world, unsigned number, int64_t for_ms)
{
    struct sim_host *host = &world->hosts[number];

    world->result.cuts++;
    host->cut_ms = world->now_ms + for_ms;
    host->dials = for_ms > SERVER_NOTICES_MS;
    if (host->dials)
        world_post_session(world, &(struct event){.kind = EVENT_DISCONNECT, .host = number, .session = host->session},
                           SERVER_NOTICES_MS);
    sim_host_wake(world, number);
}

void sim_host_dial(struct world *world, unsigned number)
{
    world->hosts[number].session++;
    world->hosts[number].cut_ms = 0;
    world->hosts[number].dials = false;
    world->hosts[number].generation = 0;
    world->hosts[number].heard_all = 0;
    world_send(world, EVENT_CONNECT, number, STR(""));
}
