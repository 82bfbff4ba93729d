#include "sim/sim.h"

#include "base/must.h"
#include "sim/world.h"

#include <stdarg.h>
#include <time.h>

enum {
    LATENCY_MS_MAX = 50,
    SAFETY_MS = 3 * 60 * 1000,      /* virtual time with faults */
    TASKS_A_SECOND = 20,            /* a host, without */
    CHECK_EVERY = 512,              /* steps between two looks at the whole world, and a few more for large ones */
    CALM_LIMIT_MS = 30 * 60 * 1000, /* how long the liveness phase may take, in virtual time */
};

void world_wrong(struct world *world, const char *format, ...)
{
    char text[700];
    va_list args;

    if (world->broken)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* NOLINT(clang-analyzer-valist.Uninitialized): it is not */
    va_end(args);
    world->broken = !fail(&world->fail, FAIL_CONFLICT, "at %.3f s: %s",
                          (double)(world->now_ms - world->result.virtual_ms) / 1000.0, text);
}

bool world_chance(struct world *world, unsigned permille)
{
    return world->options.faults && !world->calm && random_chance(&world->random, permille);
}

void world_post(struct world *world, enum event_kind kind, unsigned host, struct str bytes, int64_t delay_ms)
{
    struct event *event = malloc(sizeof(*event) + bytes.len);

    must(event != NULL);
    event->kind = kind;
    event->host = host;
    memcpy(event->space, bytes.ptr, bytes.len);
    event->bytes = (struct str){event->space, bytes.len};
    heap_add(&world->events, &event->node, world->now_ms + delay_ms);
}

void world_send(struct world *world, enum event_kind kind, unsigned host, struct str bytes)
{
    bool message = kind == EVENT_TO_HOST || kind == EVENT_TO_SERVER;
    unsigned copies = 1;

    world->result.messages += message ? 1 : 0;
    if (message && world_chance(world, 50)) {
        copies = 0;
        world->result.lost_messages++;
    } else if (message && world_chance(world, 20)) {
        copies = 2;
    }
    for (unsigned i = 0; i < copies; i++) {
        int64_t *last_ms = &world->hosts[host].last_delivery_ms[kind == EVENT_TO_HOST ? 0 : 1];
        int64_t when_ms = world->now_ms + 1 + (int64_t)random_below(&world->random, LATENCY_MS_MAX);

        *last_ms = when_ms > *last_ms ? when_ms : *last_ms;
        world_post(world, kind, host, bytes, *last_ms - world->now_ms);
    }
}

static void deliver(struct world *world, struct event *event)
{
    struct sim_host *host = &world->hosts[event->host];

    switch (event->kind) {
    case EVENT_WAKE:
        if (event->node.when_ms == host->wake_ms)
            sim_host_step(world, event->host);
        break;
    case EVENT_TO_HOST:
        sim_host_receive(world, event->host, event->bytes);
        break;
    case EVENT_DISCONNECT:
        sim_server_receive(world, event->kind, event->host, event->bytes);
        break;
    case EVENT_CONNECT:
        if (host->alive)
            sim_server_receive(world, event->kind, event->host, event->bytes);
        break;
    case EVENT_TO_SERVER:
        if (host->alive && host->connected)
            sim_server_receive(world, event->kind, event->host, event->bytes);
        break;
    }
}

/* The server dies at once and starts again on what was durable; every link is new. */
static void restart_server(struct world *world)
{
    world->result.restarts++;
    sim_server_close(world);
    sim_server_open(world);
    if (world->broken)
        return;
    for (unsigned i = 0; i < world->options.hosts; i++) {
        world->hosts[i].connected = false;
        sim_server_receive(world, EVENT_DISCONNECT, i, STR(""));
        if (world->hosts[i].alive)
            sim_host_dial(world, i);
    }
}

static void fault(struct world *world)
{
    unsigned host = (unsigned)random_below(&world->random, world->options.hosts);

    world->next_fault_ms = world->now_ms + 100 + (int64_t)random_below(&world->random, 20 * SECOND_MS);
    if (random_chance(&world->random, 200)) {
        restart_server(world);
    } else if (world->hosts[host].alive) {
        world->result.host_losses++;
        sim_host_die(world, host, false);
    }
}

static int64_t next_event_ms(const struct world *world)
{
    const struct heap_node *first = heap_first(&world->events);
    int64_t next = sim_server_next_ms(world);

    if (first != NULL && first->when_ms < next)
        next = first->when_ms;
    return next;
}

static void deliver_due(struct world *world)
{
    struct heap_node *node;

    while (!world->broken && (node = heap_first(&world->events)) != NULL && node->when_ms <= world->now_ms) {
        struct event *event = heap_item(node, struct event, node);

        heap_remove(&world->events, node);
        deliver(world, event);
        free(event);
    }
}

static void step(struct world *world)
{
    int64_t next_ms = next_event_ms(world);

    world->now_ms = next_ms > world->now_ms ? next_ms : world->now_ms + 1;
    deliver_due(world);
    sim_server_run(world);
    if (world->options.faults && !world->calm && world->now_ms >= world->next_fault_ms)
        fault(world);
}

/* With faults, tasks come in fits and starts over the whole phase; without, twenty a second for each host. */
static int64_t safety_ms(const struct sim_options *options)
{
    return options->faults ? SAFETY_MS
                           : (int64_t)options->tasks * SECOND_MS / ((int64_t)TASKS_A_SECOND * options->hosts) + 1;
}

static void safety(struct world *world)
{
    int64_t begin_ms = world->now_ms;
    int64_t last_ms = safety_ms(&world->options);
    unsigned long check_every = CHECK_EVERY + world->options.tasks / 8;
    unsigned long steps = 0;
    int64_t asked = 0;

    while (!world->broken && (asked < world->options.tasks || world->now_ms < begin_ms + last_ms)) {
        unsigned burst = (unsigned)random_below(&world->random, 8 + world->options.hosts / 4);

        if (asked * last_ms > world->options.tasks * (world->now_ms - begin_ms))
            burst = 0;
        for (; burst > 0 && asked < world->options.tasks; burst--, asked++)
            sim_client_run_task(world);
        if (world->options.faults && random_chance(&world->random, 30))
            sim_client_stop_some_task(world);
        if (world->options.faults && random_chance(&world->random, 5))
            sim_client_change_service(world);
        step(world);
        if (++steps % check_every == 0)
            check_world(world);
        if (steps % check_every == check_every / 2)
            sim_mutate(world);
    }
}

static void begin_calm(struct world *world)
{
    world->calm = true;
    world->calm_ms = world->now_ms;
    for (unsigned i = 0; i < world->options.hosts; i++)
        if (!world->hosts[i].alive && (i > 0 && random_chance(&world->random, 300)))
            world->hosts[i].back_ms = WHEN_NEVER;
        else if (!world->hosts[i].alive)
            world->hosts[i].back_ms = world->now_ms + 1;
    for (unsigned i = 0; i < world->options.hosts; i++)
        sim_host_wake(world, i);
}

static void liveness(struct world *world)
{
    int64_t limit_ms = world->now_ms + CALM_LIMIT_MS;
    int64_t prompt_ms = world->now_ms;
    unsigned look_every = 64 + world->options.tasks / 64; /* a look costs more in a large world */
    unsigned long steps = 0;
    auto_buf why = {.limit = 1000};

    begin_calm(world);
    while (!world->broken && !check_finished(world, &why)) {
        for (unsigned i = 0; i < look_every && !world->broken; i++)
            step(world);
        if (++steps % 16 == 0)
            check_world(world);
        if (world->now_ms > prompt_ms + PROMPT_MS) {
            check_prompt(world);
            prompt_ms = world->now_ms;
        }
        if (world->now_ms > limit_ms)
            world_wrong(world, "this has not come true in %d virtual minutes without faults: %.*s",
                        CALM_LIMIT_MS / 60000, STR_ARG(buf_str(&why)));
        buf_clear(&why);
    }
    check_world(world);
}

static void world_begin(struct world *world, const struct sim_options *options)
{
    static const unsigned full_disk_permilles[] = {0, 5, 50, 300};

    world->options = *options;
    list_init(&world->unanswered);
    arena_init(&world->scratch, ARENA_LIMIT_DEFAULT);
    random_seed(&world->random, options->seed);
    world->full_disk_permille = full_disk_permilles[random_below(&world->random, COUNT_OF(full_disk_permilles))];
    world->settings = (struct settings){.endpoint = STR("127.0.0.1:4566"),
                                        .default_region = STR("us-east-1"),
                                        .default_account = STR("000000000000"),
                                        .default_vpc_cidr = STR("10.0.0.0/8")};
    world->now_ms = INT64_C(1800000000000);
    world->result.virtual_ms = world->now_ms;
    world->next_fault_ms = world->now_ms + 5 * SECOND_MS;
    world->engine = engine_memory_new();
    world->hosts = calloc(options->hosts, sizeof(*world->hosts));
    must(world->hosts != NULL);
    for (unsigned i = 0; i < options->hosts; i++) {
        char *id = calloc(1, 16);

        must(id != NULL);
        (void)snprintf(id, 16, "host-%06u", i);
        world->hosts[i].id = str_of(id);
        world->hosts[i].wake_ms = WHEN_NEVER;
    }
    sim_server_open(world);
    if (world->broken)
        return;
    sim_client_begin(world);
    for (unsigned i = 0; i < options->hosts; i++)
        sim_host_return(world, i);
}

static void world_end(struct world *world)
{
    struct heap_node *node;
    size_t at = 0;
    void *seen;

    world->broken = true; /* nothing more is posted */
    world->ending = true;
    while (!list_empty(&world->unanswered)) {
        struct job *job = list_item(list_take_first(&world->unanswered), struct job, link);

        job->done(job, false);
    }
    if (world->core != NULL)
        sim_server_close(world);
    for (unsigned i = 0; i < world->options.hosts; i++) {
        sim_host_die(world, i, true);
        free((void *)(uintptr_t)world->hosts[i].id.ptr);
        free(world->hosts[i].tasks);
    }
    while ((node = heap_first(&world->events)) != NULL) {
        heap_remove(&world->events, node);
        free(heap_item(node, struct event, node));
    }
    heap_free(&world->events);
    while ((seen = map_next(&world->seen, &at)) != NULL)
        free(seen);
    map_free(&world->seen);
    arena_free(&world->scratch);
    free(world->hosts);
    world->engine->kind->close(world->engine);
}

bool sim_run(const struct sim_options *options, struct sim_result *ret_result, struct fail *f)
{
    struct world *world = calloc(1, sizeof(*world));
    struct timespec begin;
    struct timespec end;
    bool good;

    must(world != NULL);
    must(options->hosts > 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    world_begin(world, options);
    if (!world->broken)
        safety(world);
    if (!world->broken)
        liveness(world);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    good = !world->broken;
    world->result.virtual_ms = world->now_ms - world->result.virtual_ms;
    world->result.wall_s = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    *f = world->fail;
    world_end(world);
    *ret_result = world->result;
    free(world);
    return good;
}
