#include "sim/sim.h"

#include "base/must.h"
#include "sim/world.h"

#include <stdarg.h>
#include <time.h>

enum {
    LATENCY_MS_MAX = 50,
    SAFETY_MS = 3 * 60 * 1000,         /* virtual time with faults */
    SAFETY_AGENTS_MS = 30 * 60 * 1000, /* the same where an agent counts as lost after ten minutes */
    TASKS_A_SECOND = 20,               /* a host, without */
    FAULTS_ONE_IN = 1000,              /* instances: at each moment of a fault */
    DIAL_JITTER_MS = 10 * 1000,        /* of agents that lost the server */
    REPLACED = 25000,                  /* tasks of services, by changes of the services, in a world */
    LARGE = 5000,                      /* tasks of services: a restart, which reads all of them, is rarer then */
    CHECK_EVERY = 512,                 /* steps between two looks at the whole world, and more for large ones */
    CALM_LIMIT_MS = 30 * 60 * 1000,    /* how long the liveness phase may take, in virtual time */
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

void world_post_session(struct world *world, const struct event *of, int64_t delay_ms)
{
    struct event *event = malloc(sizeof(*event) + of->bytes.len);

    must(event != NULL);
    *event = *of;
    if (of->bytes.len > 0)
        memcpy(event->space, of->bytes.ptr, of->bytes.len);
    event->bytes = (struct str){event->space, of->bytes.len};
    heap_add(&world->events, &event->node, world->now_ms + delay_ms);
}

void world_post(struct world *world, enum event_kind kind, unsigned host, struct str bytes, int64_t delay_ms)
{
    world_post_session(world, &(struct event){.kind = kind, .host = host, .bytes = bytes}, delay_ms);
}

void world_send(struct world *world, enum event_kind kind, unsigned host, struct str bytes)
{
    bool message = kind == EVENT_TO_HOST || kind == EVENT_TO_SERVER;
    unsigned copies = 1;

    world->result.messages += message ? 1 : 0;
    if (message && (world->hosts[host].cut_ms > world->now_ms || world_chance(world, 50))) {
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

static void deliver_to_agent(struct world *world, const struct event *event)
{
    struct sim_agent *agent = &world->agents[event->host];

    if (event->kind == EVENT_AGENT_WAKE) {
        if (event->node.when_ms == agent->wake_ms)
            sim_agent_step(world, event->host);
    } else if (!agent->alive || agent->cut_ms > world->now_ms) {
        world->result.lost_messages++;
    } else if (event->kind == EVENT_AGENT_ANSWER) {
        struct sim_agent_call answer;

        memcpy(&answer, event->bytes.ptr, sizeof(answer));
        sim_agent_answered(world, event->host, &answer);
    } else if (agent->linked && event->session == agent->session) {
        sim_agent_receive(world, event->host, event->bytes);
    }
}

static bool is_cut_off(const struct world *world, const struct event *event)
{
    return world->agents[event->host].cut_ms > world->now_ms && event->kind != EVENT_AGENT_DISCONNECT;
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
        if (host->cut_ms <= world->now_ms)
            sim_host_receive(world, event->host, event->bytes);
        break;
    case EVENT_DISCONNECT:
        if (event->session == 0 || event->session == host->session)
            sim_server_receive(world, event->kind, event->host, event->bytes);
        break;
    case EVENT_CONNECT:
        if (host->alive)
            sim_server_receive(world, event->kind, event->host, event->bytes);
        break;
    case EVENT_TO_SERVER:
        if (host->alive && host->connected && host->cut_ms <= world->now_ms)
            sim_server_receive(world, event->kind, event->host, event->bytes);
        break;
    case EVENT_FROM_AGENT:
    case EVENT_AGENT_CONNECT:
    case EVENT_AGENT_DISCONNECT:
    case EVENT_AGENT_CALL:
        if (!is_cut_off(world, event))
            sim_server_agent_event(world, event);
        break;
    case EVENT_TO_AGENT:
    case EVENT_AGENT_ANSWER:
    case EVENT_AGENT_WAKE:
        deliver_to_agent(world, event);
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
        if (world->hosts[i].cut_ms > world->now_ms)
            world->hosts[i].dials = true;
        else if (world->hosts[i].alive)
            sim_host_dial(world, i);
    }
    for (unsigned i = 0; i < world->options.instances; i++) {
        world->agents[i].server_session = 0;
        if (world->agents[i].alive && world->agents[i].linked) /* all at once */
            sim_agent_unlink(world, i, 1 + (int64_t)random_below(&world->random, DIAL_JITTER_MS));
    }
}

static int64_t cut_length(struct world *world)
{
    static const int64_t lengths[] = {SECOND_MS, MINUTE_MS, 10 * MINUTE_MS, 12 * MINUTE_MS};

    return lengths[random_below(&world->random, COUNT_OF(lengths))];
}

static void fault_of_host(struct world *world, unsigned host)
{
    if (!world->hosts[host].alive)
        return;
    if (random_chance(&world->random, 300) && world->hosts[host].cut_ms == 0) {
        sim_host_cut(world, host, cut_length(world));
    } else {
        world->result.host_losses++;
        sim_host_die(world, host, false);
    }
}

static void fault_of_agent(struct world *world, unsigned agent)
{
    if (!world->agents[agent].alive || world->agents[agent].cut_ms > world->now_ms)
        return;
    if (random_chance(&world->random, 600))
        sim_agent_cut(world, agent, cut_length(world));
    else
        sim_agent_die(world, agent);
}

/* Instances have faults in proportion to their number: in a world of 5,000, some seven hundred. */
static void fault(struct world *world)
{
    unsigned instances = world->options.instances;

    world->next_fault_ms = world->now_ms + 100 + (int64_t)random_below(&world->random, 20 * SECOND_MS);
    if (random_chance(&world->random, world->options.service_tasks > LARGE ? 60 : 200)) {
        restart_server(world);
        return;
    }
    fault_of_host(world, (unsigned)random_below(&world->random, world->options.hosts));
    for (unsigned i = 0; i < instances; i += FAULTS_ONE_IN)
        fault_of_agent(world, (unsigned)random_below(&world->random, instances));
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
    if (options->instances > 0)
        return SAFETY_AGENTS_MS;
    return options->faults ? SAFETY_MS
                           : (int64_t)options->tasks * SECOND_MS / ((int64_t)TASKS_A_SECOND * options->hosts) + 1;
}

/* As a look costs as much as there are tasks, it comes less often: what changes is looked at as it changes. */
static unsigned long check_interval(const struct world *world)
{
    return CHECK_EVERY + world->seen.count;
}

/* Changes replace so many tasks in all: the larger the services are, the rarer one is changed. */
static void change_service(struct world *world)
{
    const struct sim_options *options = &world->options;
    uint64_t apart_ms = (uint64_t)SAFETY_AGENTS_MS * options->service_tasks / (options->services + 1) / REPLACED;

    if (world->now_ms < world->next_service_change_ms || !random_chance(&world->random, 5))
        return;
    world->next_service_change_ms = world->now_ms + (int64_t)random_below(&world->random, 1 + 2 * apart_ms);
    sim_client_change_service(world);
}

static void safety(struct world *world)
{
    int64_t begin_ms = world->now_ms;
    int64_t last_ms = safety_ms(&world->options);
    unsigned long next_check = CHECK_EVERY;
    unsigned long next_mutation = CHECK_EVERY / 2;
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
        if (world->options.faults)
            change_service(world);
        if (world->options.faults && world->options.instances > 0 && random_chance(&world->random, 2))
            sim_client_change_instance(world);
        step(world);
        if (++steps == next_mutation)
            sim_mutate(world);
        if (steps < next_check)
            continue;
        check_world(world);
        next_check = steps + check_interval(world);
        next_mutation = steps + check_interval(world) / 2;
    }
}

static void begin_calm_agents(struct world *world)
{
    for (unsigned i = 0; i < world->options.instances; i++) {
        struct sim_agent *agent = &world->agents[i];

        if (agent->cut_ms > world->now_ms) {
            agent->cut_ms = world->now_ms;
            if (!agent->linked)
                agent->link_ms = world->now_ms + 1;
        }
        if (!agent->alive)
            agent->back_ms = i > 0 && random_chance(&world->random, 300) ? WHEN_NEVER : world->now_ms + 1;
        sim_agent_wake(world, i);
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
    for (unsigned i = 0; i < world->options.hosts; i++) {
        if (world->hosts[i].cut_ms > world->now_ms)
            world->hosts[i].cut_ms = world->now_ms;
        sim_host_wake(world, i);
    }
    begin_calm_agents(world);
}

static void liveness(struct world *world)
{
    int64_t limit_ms = world->now_ms + CALM_LIMIT_MS;
    int64_t prompt_ms = world->now_ms;
    unsigned long next_check = 0;
    unsigned long steps = 0;
    auto_buf why = {.limit = 1000};

    begin_calm(world);
    while (!world->broken && !check_finished(world, &why)) {
        unsigned long until = steps + 64 + world->seen.count / 16;

        for (; steps < until && world->now_ms <= limit_ms && !world->broken; steps++)
            step(world);
        if (steps >= next_check) {
            check_world(world);
            next_check = steps + check_interval(world);
        }
        if (world->now_ms > prompt_ms + PROMPT_MS) {
            check_prompt(world);
            prompt_ms = world->now_ms;
        }
        buf_clear(&why);
        if (world->now_ms > limit_ms && !check_finished(world, &why))
            world_wrong(world, "this has not come true in %d virtual minutes without faults: %.*s",
                        CALM_LIMIT_MS / 60000, STR_ARG(buf_str(&why)));
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
    list_init(&world->touched_rooms);
    world->services = calloc(options->services + 1, sizeof(*world->services));
    world->agents = calloc(options->instances + 1, sizeof(*world->agents));
    must(world->services != NULL);
    must(world->agents != NULL);
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
    world->calm = true; /* nothing fails before there is a world */
    sim_client_begin(world);
    world->calm = false;
    for (unsigned i = 0; i < options->hosts; i++)
        sim_host_return(world, i);
    for (unsigned i = 0; i < options->instances; i++) {
        world->agents[i].wake_ms = WHEN_NEVER;
        sim_agent_return(world, i);
    }
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
    check_rooms_free(world);
    sim_agents_free(world);
    arena_free(&world->scratch);
    free(world->services);
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
    must(options->services == 0 || options->instances > 0);
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
