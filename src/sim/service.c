/* Services in the world: clients that make and change them, and the checker of what they promise at every durable
 * change. The first is on Fargate, the others on container instances, one of them a daemon; their tasks have no health
 * checks. */
#include "plane/ecs/service.h"

#include "base/must.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/service_tasks.h"
#include "plane/vpc/vpc.h"
#include "sim/world.h"

/* At less than 200 one task alone could not be replaced. */
enum { FARGATE_DESIRED_MAX = 8, MINIMUM_PERCENT = 60, MAXIMUM_PERCENT = 200, FIRST_PORT = 20000 };

static struct str name_of(struct arena *arena, unsigned number)
{
    return arena_printf(arena, "s-%06u", number);
}

static unsigned number_of(struct str name)
{
    uint64_t number = 0;

    must(str_to_uint64(str_from(name, 2), &number));
    return (unsigned)number;
}

enum { DAEMON = 2 };

bool sim_service_is_daemon(struct str name)
{
    return name.ptr != NULL && number_of(name) == DAEMON;
}

/* What the tasks of services on instances are, by the service's number. */
enum service_kind { KIND_PLAIN, KIND_PORT, KIND_INTERFACE };

static enum service_kind kind_of(unsigned number)
{
    return number % 10 == 3 ? KIND_PORT : number % 10 == 6 ? KIND_INTERFACE : KIND_PLAIN;
}

/* ---- clients ---- */

static struct ecs_network_configuration *network_of(struct call *call)
{
    struct walk walk = transaction_walk(call->tx, &subnet_table, NULL, STR(""));
    struct ecs_network_configuration *network = arena_new(call->arena, struct ecs_network_configuration);
    struct ecs_aws_vpc_configuration *awsvpc = arena_new(call->arena, struct ecs_aws_vpc_configuration);
    const struct subnet_record *subnet = walk_next(&walk);

    awsvpc->subnets = (struct ecs_string_list){arena_new(call->arena, struct str), 1};
    awsvpc->subnets.items[0] = subnet->subnet->subnet_id;
    network->awsvpc_configuration = awsvpc;
    return network;
}

static bool define(struct call *call, struct str family, enum service_kind kind, int32_t port)
{
    enum ecs_compatibility ec2 = ECS_COMPATIBILITY_EC2;
    struct ecs_port_mapping mapping = {.protocol = ECS_TRANSPORT_PROTOCOL_TCP};
    struct ecs_container_definition container = {.name = STR("app"), .image = STR("busybox")};
    struct ecs_register_task_definition_request request = {
        .family = family,
        .container_definitions = {&container, 1},
        .network_mode = kind == KIND_INTERFACE ? ECS_NETWORK_MODE_AWSVPC : ECS_NETWORK_MODE_BRIDGE,
        .requires_compatibilities = {&ec2, 1},
    };
    struct ecs_register_task_definition_response response;

    SET(&container, cpu, 64);
    SET(&container, memory, 128);
    SET(&mapping, container_port, 80);
    SET(&mapping, host_port, port);
    if (kind == KIND_PORT)
        container.port_mappings = (struct ecs_port_mapping_list){&mapping, 1};
    return ecs_register_task_definition(call, &request, &response);
}

/* Room for twice as many, where each takes what an instance has few of. */
static int32_t desired_max(const struct sim_options *options, unsigned number)
{
    int32_t even = (int32_t)(options->service_tasks / options->services);
    int32_t scarce = (int32_t)options->instances / 3;

    if (kind_of(number) == KIND_INTERFACE)
        scarce = (int32_t)(options->instances / (options->services / 10 + 1));
    return kind_of(number) == KIND_PLAIN || even < scarce ? even : scarce;
}

static const struct {
    struct ecs_placement_strategy items[2];
    size_t count;
} strategies[] = {
    {{{.type = ECS_PLACEMENT_STRATEGY_TYPE_SPREAD, .field = STR_INIT("attribute:ecs.availability-zone")},
      {.type = ECS_PLACEMENT_STRATEGY_TYPE_BINPACK, .field = STR_INIT("memory")}},
     2},
    {{{.type = ECS_PLACEMENT_STRATEGY_TYPE_SPREAD, .field = STR_INIT("instanceId")}}, 1},
    {{{.type = ECS_PLACEMENT_STRATEGY_TYPE_BINPACK, .field = STR_INIT("cpu")}}, 1},
    {{{.type = ECS_PLACEMENT_STRATEGY_TYPE_RANDOM}}, 1},
    {{{.type = ECS_PLACEMENT_STRATEGY_TYPE_NONE}}, 0}, /* the default */
};

static bool create(struct world *world, struct call *call, unsigned number)
{
    struct str family = number == 0 ? STR("app") : arena_printf(call->arena, "family-%u", number);
    struct ecs_deployment_configuration configuration = {.strategy = ECS_DEPLOYMENT_STRATEGY_ROLLING};
    struct ecs_create_service_request request = {.service_name = name_of(call->arena, number),
                                                 .task_definition = family,
                                                 .launch_type =
                                                     number == 0 ? ECS_LAUNCH_TYPE_FARGATE : ECS_LAUNCH_TYPE_EC2,
                                                 .deployment_configuration = &configuration};
    struct ecs_create_service_response response;
    int32_t most = world->services[number].desired_max;

    if (number > 0) {
        size_t row = number % COUNT_OF(strategies);

        request.placement_strategy = (struct ecs_placement_strategies){
            (struct ecs_placement_strategy *)(uintptr_t)strategies[row].items, strategies[row].count};
        if (!define(call, family, kind_of(number), (int32_t)(FIRST_PORT + number)))
            return false;
    }
    if (number == 0 || kind_of(number) == KIND_INTERFACE)
        request.network_configuration = network_of(call);
    SET(&configuration, minimum_healthy_percent, MINIMUM_PERCENT);
    if (number == DAEMON) {
        request.scheduling_strategy = ECS_SCHEDULING_STRATEGY_DAEMON;
        request.placement_strategy.count = 0;
    } else {
        SET(&request, desired_count, number > 0 ? most : (int32_t)random_below(&world->random, (uint64_t)most + 1));
        SET(&configuration, maximum_percent, MAXIMUM_PERCENT);
    }
    return ecs_create_service(call, &request, &response);
}

/* Also the task definition that RunTask takes for tasks on instances. */
bool sim_services_create(struct world *world, struct call *call)
{
    if (world->options.instances > 0 && !define(call, STR("bridge"), KIND_PLAIN, 0))
        return false;
    for (unsigned i = world->options.faults ? 0 : 1; i <= world->options.services; i++) {
        world->services[i].desired_max = i == 0 ? FARGATE_DESIRED_MAX : desired_max(&world->options, i);
        if (!create(world, call, i))
            return false;
    }
    return true;
}

bool sim_service_change(struct world *world, struct call *call)
{
    unsigned number = (unsigned)random_below(&world->random, world->options.services + 1);
    struct ecs_update_service_request request = {.service = name_of(call->arena, number)};
    struct ecs_update_service_response response;

    if (random_chance(&world->random, 500) && number != DAEMON)
        SET(&request, desired_count,
            (int32_t)random_below(&world->random, (uint64_t)world->services[number].desired_max + 1));
    else
        SET(&request, force_new_deployment, true);
    return ecs_update_service(call, &request, &response);
}

/* ---- what must hold ---- */

static bool is_there(const struct task_record *task)
{
    return task != NULL && task->service_name.ptr != NULL && task_status(task) < TASK_DEPROVISIONING;
}

static bool is_healthy(const struct task_record *task)
{
    return is_there(task) && task->proven && task_wants_to_run(task) && task_status(task) == TASK_RUNNING;
}

static void count(struct sim_service *service, const struct task_record *before, const struct task_record *after)
{
    service->there += is_there(after) - is_there(before);
    service->healthy += is_healthy(after) - is_healthy(before);
}

static void check_task(struct world *world, const struct task_record *before, const struct task_record *after)
{
    struct str name = (after != NULL ? after : before)->service_name;
    struct sim_service *service = name.ptr == NULL ? NULL : &world->services[number_of(name)];
    int32_t minimum;
    int32_t maximum;

    if (service == NULL)
        return;
    count(service, before, after);
    if (world->loading)
        return;
    world->result.service_tasks += before == NULL ? 1 : 0;
    if (sim_service_is_daemon(name)) /* one on each instance: instance_checker.c */
        return;
    minimum = (service->desired * MINIMUM_PERCENT + 99) / 100;
    maximum = service->desired * MAXIMUM_PERCENT / 100;
    if (before == NULL && is_there(after) && service->there > maximum)
        world_wrong(world, "service %.*s has %d tasks, %d of %d at most", STR_ARG(name), service->there, maximum,
                    service->desired);
    if (is_healthy(before) && after != NULL && !task_wants_to_run(after) &&
        after->task->stop_code == ECS_TASK_STOP_CODE_SERVICE_SCHEDULER_INITIATED && service->healthy < minimum)
        world_wrong(world, "service %.*s stopped a task and has %d healthy ones, %d of %d at least", STR_ARG(name),
                    service->healthy, minimum, service->desired);
}

void check_service_change(struct world *world, const struct change *change)
{
    const struct service_record *service = change->after;

    if (change->table == &service_table && service != NULL)
        world->services[number_of(service->service_name)].desired = service->service->desired_count;
    if (change->table == &task_table)
        check_task(world, change->before, change->after);
}

void check_services_load(struct world *world)
{
    for (unsigned i = 0; i <= world->options.services; i++) {
        world->services[i].there = 0;
        world->services[i].healthy = 0;
    }
}

static int32_t active_instances(const struct transaction *view)
{
    struct walk walk = transaction_walk(view, &container_instance_table, NULL, STR(""));
    const struct container_instance_record *instance;
    int32_t active = 0;

    while ((instance = walk_next(&walk)) != NULL)
        active += container_instance_is_active(instance);
    return active;
}

static bool is_finished(const struct transaction *view, const struct service_record *service, struct buf *why)
{
    struct service_task_counts counts;

    if (sim_service_is_daemon(service->service_name) && service->service->desired_count != active_instances(view)) {
        buf_printf(why, "the daemon is for %d of %d instances", service->service->desired_count,
                   active_instances(view));
        return false;
    }
    if (service->has_unplaced_at)
        return true;
    counts = service_tasks_count(view, service, service->primary_id);
    if (service->has_steady_at && counts.running == service->service->desired_count)
        return true;
    buf_printf(why, "service %.*s has %d of %d tasks and is%s steady", STR_ARG(service->service_name), counts.running,
               service->service->desired_count, service->has_steady_at ? "" : " not");
    return false;
}

bool check_services_finished(const struct transaction *view, struct buf *why)
{
    struct walk walk = transaction_walk(view, &service_table, NULL, STR(""));
    const struct service_record *service;

    while ((service = walk_next(&walk)) != NULL)
        if (!is_finished(view, service, why))
            return false;
    return true;
}
