/* The server's side of a world: the real core, driven turn by turn. */
#include "base/must.h"
#include "plane/cloudwatch/cloudwatch.h"
#include "plane/ec2/ec2.h"
#include "plane/ec2/host.h"
#include "plane/ecs/agent.h"
#include "plane/iam/iam.h"
#include "plane/vpc/vpc.h"
#include "sim/world.h"

enum { DISK_MS_MAX = 40 };

static const struct domain_spec *const domains[] = {&iam_domain, &vpc_domain, &cloudwatch_domain, &ec2_domain,
                                                    &ecs_domain};

unsigned sim_host_number(struct str id)
{
    uint64_t number = 0;

    must(str_to_uint64(str_from(id, 5), &number));
    return (unsigned)number;
}

static void release(void *context, const char *kind, struct str target, struct str bytes)
{
    struct world *world = context;
    bool complete = str_is(str_of(kind), ASSIGNMENT_COMPLETE);

    if (str_is(str_of(kind), AGENT_MESSAGE) || str_is(str_of(kind), AGENT_END)) {
        sim_server_agent_tell(world, kind, target, bytes);
        return;
    }
    must(complete || str_is(str_of(kind), ASSIGNMENT_DIFFERENCE));
    if (world->options.mutant == MUTANT_DIFFERENCES_LOST && !complete)
        return;
    if (world->hosts[sim_host_number(target)].connected)
        world_send(world, EVENT_TO_HOST, sim_host_number(target), bytes);
}

static void changed(void *context, const struct change *change)
{
    check_change(context, change);
    check_service_change(context, change);
    check_room_change(context, change);
}

static void secret(void *bytes, size_t len)
{
    memset(bytes, 7, len); /* nobody in the simulation has to guess it */
}

void sim_server_open(struct world *world)
{
    struct core_options options = {
        .domains = domains,
        .domain_count = COUNT_OF(domains),
        .engine = world->engine,
        .settings = &world->settings,
        .seed = random_next(&world->random),
        .secret = secret,
        .context = world,
        .release = release,
        .changed = changed,
    };
    struct fail f;

    world->loading = true;
    check_services_load(world);
    check_rooms_load(world);
    if (!core_open(&options, world->now_ms, &world->core, &f)) {
        world_wrong(world, "the server did not start: %s", f.message);
        return;
    }
    world->loading = false;
    check_rooms(world);
    if (world->options.instances > 0)
        sim_server_agents_open(world);
    while (!list_empty(&world->unanswered)) /* their clients try again */
        core_submit(world->core, list_item(list_take_first(&world->unanswered), struct job, link));
}

static bool commit(struct world *world)
{
    size_t count;
    const struct row *rows = turn_rows(world->unsettled[0], &count);
    struct fail f;

    if (count > 0 && world_chance(world, world->full_disk_permille))
        engine_memory_fail(world->engine, 1);
    if (world->options.mutant == MUTANT_COMMIT_LIES && !random_chance(&world->random, 900))
        return true;
    return world->engine->kind->commit(world->engine, rows, count, &f);
}

static void settle(struct world *world, bool durable)
{
    size_t settled = core_settle(world->core, world->unsettled[0], durable);

    check_rooms(world);
    world->unsettled_count -= (unsigned)settled;
    memmove((void *)world->unsettled, (void *)(world->unsettled + settled),
            world->unsettled_count * sizeof(world->unsettled[0]));
}

/* How long the disk takes, from now on. Without faults it takes no time. */
static void start_commit(struct world *world)
{
    world->committed_ms = world->now_ms;
    if (world_chance(world, 500))
        world->committed_ms += (int64_t)random_below(&world->random, DISK_MS_MAX);
}

/* Turns that the disk has, or not: of what nobody was told, the next server may find some. */
void sim_server_close(struct world *world)
{
    world->result.turns += core_count(world->core).turns;
    world->closing = true;
    if (world->unsettled_count > 0 && world_chance(world, 500))
        (void)commit(world);
    if (world->unsettled_count > 0)
        settle(world, false);
    core_close(world->core);
    world->closing = false;
    world->core = NULL;
}

/* While a turn waits for the disk to take it, only jobs run, as in the product. */
static bool reconciles(const struct world *world)
{
    return world->unsettled_count < 2;
}

int64_t sim_server_next_ms(const struct world *world)
{
    int64_t next = core_next_ms(world->core);

    if (!reconciles(world))
        next = core_has_jobs(world->core) ? 0 : WHEN_NEVER;
    if (world->unsettled_count == UNSETTLED_MAX)
        next = WHEN_NEVER;
    return world->unsettled_count > 0 && world->committed_ms < next ? world->committed_ms : next;
}

static void settle_due(struct world *world)
{
    while (world->unsettled_count > 0 && world->committed_ms <= world->now_ms) {
        bool durable = commit(world);

        world->result.failed_commits += durable ? 0 : 1;
        settle(world, durable);
        start_commit(world);
    }
}

/* As the loop does it: turns go on while older ones are under way to the disk. */
void sim_server_run(struct world *world)
{
    struct turn *turn;

    settle_due(world);
    while (!world->broken && world->unsettled_count < UNSETTLED_MAX &&
           (turn = reconciles(world) ? core_turn(world->core, world->now_ms)
                                     : core_turn_jobs(world->core, world->now_ms)) != NULL) {
        if (world->unsettled_count == 0)
            start_commit(world);
        world->unsettled[world->unsettled_count++] = turn;
        settle_due(world);
    }
}

/* ---- jobs ---- */

struct message_job {
    struct job job;
    struct world *world;
    enum event_kind kind;
    unsigned host;
    struct str bytes;
};

static bool message_run(struct job *job, struct transaction *tx)
{
    struct message_job *message = list_item(&job->link, struct message_job, job.link);
    struct str id = message->world->hosts[message->host].id;
    struct host_from_host decoded = {0};
    struct host_hello hello = {.host_id = id, .name = id, .version = STR("sim")};
    struct fail f;

    /* Whether there is a link is asked anew: what a full disk undid comes again in any order. */
    if (message->kind == EVENT_DISCONNECT) {
        if (!message->world->hosts[message->host].connected)
            host_disconnected(tx, id);
        return true;
    }
    if (message->kind == EVENT_CONNECT) {
        if (!message->world->hosts[message->host].connected)
            return true;
        SET(&hello, cpu_units, 64 * 1024);
        SET(&hello, memory_mib, 256 * 1024);
        host_connected(tx, &hello);
        return true;
    }
    must(value_decode(&host_from_host_shape, message->bytes, &decoded, tx->arena, &f));
    tasks_observe(tx, id, decoded.report);
    return true;
}

static void message_done(struct job *job, bool durable)
{
    struct message_job *message = list_item(&job->link, struct message_job, job.link);

    /* What the link knows must get into the records, however often the disk is full: the product's link tries again. */
    if (!durable && !message->world->closing && message->kind != EVENT_TO_SERVER)
        core_submit(message->world->core, job);
    else
        free(message);
}

void sim_server_receive(struct world *world, enum event_kind kind, unsigned host, struct str bytes)
{
    struct message_job *message = calloc(1, sizeof(*message) + bytes.len);

    must(message != NULL);
    memcpy(message + 1, bytes.ptr, bytes.len);
    message->job = (struct job){.actor = "host", .cause = STR("host"), .run = message_run, .done = message_done};
    message->world = world;
    message->kind = kind;
    message->host = host;
    message->bytes = (struct str){(const char *)(message + 1), bytes.len};
    if (kind == EVENT_CONNECT || kind == EVENT_DISCONNECT)
        world->hosts[host].connected = kind == EVENT_CONNECT;
    core_submit(world->core, &message->job); /* run with all that came in the same millisecond */
}
