/* The server's side of a world: the real core, driven turn by turn, and clients that call real handlers. */
#include "base/must.h"
#include "plane/ec2/ec2.h"
#include "plane/ec2/host.h"
#include "plane/ecs/operations.h"
#include "plane/iam/iam.h"
#include "plane/vpc/vpc.h"
#include "sim/world.h"

enum { DISK_MS_MAX = 40 };

static const struct domain_spec *const domains[] = {&iam_domain, &vpc_domain, &ec2_domain, &ecs_domain};

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

    world->service = (struct sim_service){.loading = true};
    if (!core_open(&options, world->now_ms, &world->core, &f)) {
        world_wrong(world, "the server did not start: %s", f.message);
        return;
    }
    world->service.loading = false;
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

/* ---- clients ---- */

struct client_job {
    struct job job;
    struct world *world;
    bool (*call)(struct client_job *client, struct call *call);
    struct arena arena;
    struct fail fail;
    char token[32];      /* run: the same each time this is tried */
    struct str task_arn; /* run: the task that was made */
    char first_arn[128]; /* run: what was answered the first time, "" before */
    bool good;
};

static bool client_run(struct job *job, struct transaction *tx)
{
    struct client_job *client = list_item(&job->link, struct client_job, job.link);
    struct principal principal = {.kind = PRINCIPAL_ROOT,
                                  .account = client->world->settings.default_account,
                                  .arn = STR("arn:aws:iam::000000000000:root")};
    struct call call = {
        .tx = tx,
        .arena = &client->arena,
        .fail = &client->fail,
        .principal = &principal,
        .settings = &client->world->settings,
        .region = client->world->settings.default_region,
    };

    client->good = client->call(client, &call);
    return client->good;
}

static void client_free(struct client_job *client)
{
    arena_free(&client->arena);
    free(client);
}

/* The request once more. */
static void client_again(struct client_job *client)
{
    client->task_arn = (struct str){NULL, 0};
    arena_reset(&client->arena);
    core_submit(client->world->core, &client->job);
}

static void client_answered(struct client_job *client)
{
    struct world *world = client->world;

    if (client->first_arn[0] != '\0') {
        if (!str_is(client->task_arn, client->first_arn))
            world_wrong(world, "a request for %s made again is answered with %.*s", client->first_arn,
                        STR_ARG(client->task_arn));
        client_free(client);
        return;
    }
    world->result.placements++;
    world->tasks_asked++;
    if (map_get(&world->seen, client->task_arn) == NULL)
        world_wrong(world, "task %.*s was acknowledged before its record was durable", STR_ARG(client->task_arn));
    if (!world_chance(world, 30)) {
        client_free(client);
        return;
    }
    must(str_to_buffer(client->task_arn, client->first_arn, sizeof(client->first_arn)));
    world->result.repeated_requests++;
    if (world->options.mutant == MUTANT_TOKENS_FORGOTTEN)
        client->token[0] = 'x';
    client_again(client);
}

/* What was undone, and what a restart cut off, is tried again: nobody knows whether it was done. */
static void client_done(struct job *job, bool durable)
{
    struct client_job *client = list_item(&job->link, struct client_job, job.link);
    struct world *world = client->world;

    if (world->ending)
        client_free(client); /* NOLINT(bugprone-branch-clone): the order is what matters */
    else if (world->closing)
        list_add_last(&world->unanswered, &job->link);
    else if (!durable)
        client_again(client);
    else if (client->good && client->task_arn.ptr != NULL)
        client_answered(client);
    else
        client_free(client);
}

static void client_call(struct world *world, bool (*call)(struct client_job *client, struct call *call))
{
    struct client_job *client = calloc(1, sizeof(*client));

    must(client != NULL);
    arena_init(&client->arena, ARENA_LIMIT_DEFAULT);
    client->job = (struct job){.actor = "api", .cause = STR("client"), .run = client_run, .done = client_done};
    client->world = world;
    client->call = call;
    (void)snprintf(client->token, sizeof(client->token), "token-%llu", (unsigned long long)world->clients++);
    core_submit(world->core, &client->job);
}

/* The default VPC's subnets have 4091 addresses each: too few for the tasks of a large world. */
static void widen_subnet(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &subnet_table, NULL, STR(""));
    const struct subnet_record *before = walk_next(&walk);
    struct ec2_subnet subnet = *before->subnet;
    struct subnet_record record = *before;

    subnet.cidr_block = STR("10.0.0.0/12");
    record.subnet = &subnet;
    must(transaction_put(tx, &subnet_table, &record));
}

static bool begin(struct client_job *client, struct call *call)
{
    struct ecs_create_cluster_request cluster = {.cluster_name = STR("default")};
    struct ecs_create_cluster_response made;
    struct ecs_container_definition container = {.name = STR("app"), .image = STR("busybox")};
    enum ecs_compatibility fargate = ECS_COMPATIBILITY_FARGATE;
    struct ecs_register_task_definition_request definition = {
        .family = STR("app"),
        .container_definitions = {&container, 1},
        .network_mode = ECS_NETWORK_MODE_AWSVPC,
        .requires_compatibilities = {&fargate, 1},
        .cpu = STR("256"),
        .memory = STR("512"),
    };
    struct ecs_register_task_definition_response registered;

    widen_subnet(call->tx);
    return ecs_create_cluster(call, &cluster, &made) && ecs_register_task_definition(call, &definition, &registered) &&
           (!client->world->options.faults || sim_service_create(client->world, call));
}

void sim_client_begin(struct world *world)
{
    client_call(world, begin);
    sim_server_run(world);
}

static bool run_one(struct client_job *client, struct call *call)
{
    struct walk walk = transaction_walk(call->tx, &subnet_table, NULL, STR(""));
    const struct subnet_record *subnet = walk_next(&walk);
    struct str subnet_id = subnet->subnet->subnet_id;
    struct ecs_aws_vpc_configuration awsvpc = {.subnets = {&subnet_id, 1}};
    struct ecs_network_configuration network = {.awsvpc_configuration = &awsvpc};
    struct ecs_run_task_request request = {.task_definition = STR("app"), .network_configuration = &network};
    struct ecs_run_task_response response = {0};

    request.launch_type = ECS_LAUNCH_TYPE_FARGATE;
    if (client->world->options.faults) /* nobody tries again where nothing fails */
        request.client_token = str_of(client->token);
    if (!ecs_run_task(call, &request, &response))
        return false;
    if (response.tasks.count > 0) /* none: no host has room */
        client->task_arn = arena_str(&client->arena, response.tasks.items[0].task_arn);
    return true;
}

void sim_client_run_task(struct world *world)
{
    client_call(world, run_one);
}

static bool stop_one(struct client_job *client, struct call *call)
{
    struct ecs_list_tasks_request list = {0};
    struct ecs_list_tasks_response listed = {0};
    struct ecs_stop_task_request request = {0};
    struct ecs_stop_task_response response = {0};

    call->operation = &ecs_list_tasks_operation; /* page tokens are of an operation */
    if (!ecs_list_tasks(call, &list, &listed))
        return false;
    if (listed.task_arns.count == 0)
        return true;
    request.task = listed.task_arns.items[random_below(&client->world->random, listed.task_arns.count)];
    return ecs_stop_task(call, &request, &response);
}

void sim_client_stop_some_task(struct world *world)
{
    client_call(world, stop_one);
}

static bool change_service(struct client_job *client, struct call *call)
{
    return sim_service_change(client->world, call);
}

void sim_client_change_service(struct world *world)
{
    client_call(world, change_service);
}
