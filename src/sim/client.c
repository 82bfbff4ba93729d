/* Clients: real handlers called as the API would call them, tried again until the answer is durable. */
#include "base/must.h"
#include "plane/ecs/operations.h"
#include "plane/vpc/vpc.h"
#include "sim/world.h"

static bool client_run(struct job *job, struct transaction *tx)
{
    struct client *client = list_item(&job->link, struct client, job.link);
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

    client->task_arn = (struct str){NULL, 0}; /* of a try that was undone, or cut off by a restart */
    arena_reset(&client->arena);
    client->good = client->kind->call(client, &call);
    return client->good;
}

static void client_free(struct client *client)
{
    arena_free(&client->arena);
    free(client);
}

/* What was undone, and what a restart cut off, is tried again: nobody knows whether it was done. */
static void client_done(struct job *job, bool durable)
{
    struct client *client = list_item(&job->link, struct client, job.link);
    struct world *world = client->world;

    if (world->ending)
        client_free(client); /* NOLINT(bugprone-branch-clone): the order is what matters */
    else if (world->closing)
        list_add_last(&world->unanswered, &job->link);
    else if (!durable || (client->kind->answered != NULL && client->kind->answered(client)))
        sim_client_call(client); /* the request once more */
    else
        client_free(client);
}

struct client *sim_client_new(struct world *world, const struct client_kind *kind)
{
    struct client *client = calloc(1, sizeof(*client));

    must(client != NULL);
    arena_init(&client->arena, ARENA_LIMIT_DEFAULT);
    client->job = (struct job){.actor = "api", .cause = STR("client"), .run = client_run, .done = client_done};
    client->world = world;
    client->kind = kind;
    return client;
}

void sim_client_call(struct client *client)
{
    core_submit(client->world->core, &client->job);
}

static void call_once(struct world *world, const struct client_kind *kind)
{
    struct client *client = sim_client_new(world, kind);

    (void)snprintf(client->token, sizeof(client->token), "token-%llu", (unsigned long long)world->clients++);
    sim_client_call(client);
}

/* ---- the beginning ---- */

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

static bool begin(struct client *client, struct call *call)
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
           sim_services_create(client->world, call);
}

static bool begun(struct client *client)
{
    if (!client->good)
        world_wrong(client->world, "the world could not begin: %s", client->fail.message);
    return false;
}

void sim_client_begin(struct world *world)
{
    static const struct client_kind kind = {begin, begun};

    call_once(world, &kind);
    sim_server_run(world);
}

/* ---- RunTask ---- */

static bool run_one(struct client *client, struct call *call)
{
    struct walk walk = transaction_walk(call->tx, &subnet_table, NULL, STR(""));
    const struct subnet_record *subnet = walk_next(&walk);
    struct str subnet_id = subnet->subnet->subnet_id;
    struct ecs_aws_vpc_configuration awsvpc = {.subnets = {&subnet_id, 1}};
    struct ecs_network_configuration network = {.awsvpc_configuration = &awsvpc};
    struct ecs_run_task_request request = {.task_definition = STR("app"), .network_configuration = &network};
    struct ecs_run_task_response response = {0};

    request.launch_type = ECS_LAUNCH_TYPE_FARGATE;
    if (client->on_instance)
        request = (struct ecs_run_task_request){.task_definition = STR("bridge"), .launch_type = ECS_LAUNCH_TYPE_EC2};
    if (client->world->options.faults) /* nobody tries again where nothing fails */
        request.client_token = str_of(client->token);
    if (!ecs_run_task(call, &request, &response))
        return false;
    if (response.tasks.count > 0) /* none: no host has room */
        client->task_arn = arena_str(&client->arena, response.tasks.items[0].task_arn);
    return true;
}

/* Now and then made again, as by a client that has not heard the answer. */
static bool run_answered(struct client *client)
{
    struct world *world = client->world;

    if (!client->good || client->task_arn.ptr == NULL)
        return false;
    if (client->first_arn[0] != '\0') {
        if (!str_is(client->task_arn, client->first_arn))
            world_wrong(world, "a request for %s made again is answered with %.*s", client->first_arn,
                        STR_ARG(client->task_arn));
        return false;
    }
    world->result.placements++;
    world->tasks_asked++;
    if (map_get(&world->seen, client->task_arn) == NULL)
        world_wrong(world, "task %.*s was acknowledged before its record was durable", STR_ARG(client->task_arn));
    if (!world_chance(world, 30))
        return false;
    must(str_to_buffer(client->task_arn, client->first_arn, sizeof(client->first_arn)));
    world->result.repeated_requests++;
    if (world->options.mutant == MUTANT_TOKENS_FORGOTTEN)
        client->token[0] = 'x';
    return true;
}

void sim_client_run_task(struct world *world)
{
    static const struct client_kind kind = {run_one, run_answered};
    struct client *client = sim_client_new(world, &kind);

    (void)snprintf(client->token, sizeof(client->token), "token-%llu", (unsigned long long)world->clients++);
    client->on_instance = world->options.instances > 0 && random_chance(&world->random, 500);
    sim_client_call(client);
}

/* ---- changes ---- */

static bool stop_one(struct client *client, struct call *call)
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
    static const struct client_kind kind = {stop_one, NULL};

    call_once(world, &kind);
}

static bool change_service(struct client *client, struct call *call)
{
    return sim_service_change(client->world, call);
}

void sim_client_change_service(struct world *world)
{
    static const struct client_kind kind = {change_service, NULL};

    call_once(world, &kind);
}

/* Emptied, taken back into use, or for ever away. */
static bool change_instance(struct client *client, struct call *call)
{
    struct world *world = client->world;
    const struct sim_agent *agent = &world->agents[random_below(&world->random, world->options.instances)];
    struct str arn = str_of(agent->arn);
    struct ecs_update_container_instances_state_request state = {
        .container_instances = {&arn, 1},
        .status = random_chance(&world->random, 600) ? ECS_CONTAINER_INSTANCE_STATUS_ACTIVE
                                                     : ECS_CONTAINER_INSTANCE_STATUS_DRAINING};
    struct ecs_update_container_instances_state_response changed = {0};
    struct ecs_deregister_container_instance_request deregister = {.container_instance = arn};
    struct ecs_deregister_container_instance_response deregistered = {0};

    SET(&deregister, force, true);
    if (arn.len == 0)
        return true;
    return random_chance(&world->random, 900) ? ecs_update_container_instances_state(call, &state, &changed)
                                              : ecs_deregister_container_instance(call, &deregister, &deregistered);
}

void sim_client_change_instance(struct world *world)
{
    static const struct client_kind kind = {change_instance, NULL};

    call_once(world, &kind);
}
