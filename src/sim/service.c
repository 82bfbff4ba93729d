/* A service in the world: clients that make and change it, and the checker of what it promises at every durable change.
 * One service, whose tasks have no health checks. */
#include "plane/ecs/service.h"

#include "base/must.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/service_tasks.h"
#include "plane/vpc/vpc.h"
#include "sim/world.h"

/* At less than 200 one task alone could not be replaced. */
enum { DESIRED_MAX = 8, MINIMUM_PERCENT = 60, MAXIMUM_PERCENT = 200 };

/* ---- clients ---- */

bool sim_service_create(struct world *world, struct call *call)
{
    struct walk walk = transaction_walk(call->tx, &subnet_table, NULL, STR(""));
    const struct subnet_record *subnet = walk_next(&walk);
    struct str subnet_id = subnet->subnet->subnet_id;
    struct ecs_aws_vpc_configuration awsvpc = {.subnets = {&subnet_id, 1}};
    struct ecs_network_configuration network = {.awsvpc_configuration = &awsvpc};
    struct ecs_deployment_configuration configuration = {.strategy = ECS_DEPLOYMENT_STRATEGY_ROLLING};
    struct ecs_create_service_request request = {.service_name = STR("web"),
                                                 .task_definition = STR("app"),
                                                 .launch_type = ECS_LAUNCH_TYPE_FARGATE,
                                                 .network_configuration = &network,
                                                 .deployment_configuration = &configuration};
    struct ecs_create_service_response response;

    SET(&request, desired_count, (int32_t)random_below(&world->random, DESIRED_MAX + 1));
    SET(&configuration, minimum_healthy_percent, MINIMUM_PERCENT);
    SET(&configuration, maximum_percent, MAXIMUM_PERCENT);
    return ecs_create_service(call, &request, &response);
}

bool sim_service_change(struct world *world, struct call *call)
{
    struct ecs_update_service_request request = {.service = STR("web")};
    struct ecs_update_service_response response;

    if (random_chance(&world->random, 500))
        SET(&request, desired_count, (int32_t)random_below(&world->random, DESIRED_MAX + 1));
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

static void check_task(struct world *world, const struct task_record *before, const struct task_record *after)
{
    struct sim_service *service = &world->service;
    int32_t minimum = (service->desired * MINIMUM_PERCENT + 99) / 100;
    int32_t maximum = service->desired * MAXIMUM_PERCENT / 100;

    service->there += is_there(after) - is_there(before);
    service->healthy += is_healthy(after) - is_healthy(before);
    if (before == NULL && is_there(after) && service->there > maximum)
        world_wrong(world, "the service has %d tasks, %d of %d at most", service->there, maximum, service->desired);
    if (is_healthy(before) && after != NULL && !task_wants_to_run(after) &&
        after->task->stop_code == ECS_TASK_STOP_CODE_SERVICE_SCHEDULER_INITIATED && service->healthy < minimum)
        world_wrong(world, "the service stopped a task and has %d healthy ones, %d of %d at least", service->healthy,
                    minimum, service->desired);
}

void check_service_change(struct world *world, const struct change *change)
{
    if (change->table == &service_table && change->after != NULL)
        world->service.desired = ((const struct service_record *)change->after)->service->desired_count;
    if (change->table == &task_table && !world->service.loading)
        check_task(world, change->before, change->after);
    else if (change->table == &task_table) {
        world->service.there += is_there(change->after);
        world->service.healthy += is_healthy(change->after);
    }
}

bool check_service_finished(const struct transaction *view, struct buf *why)
{
    struct walk walk = transaction_walk(view, &service_table, NULL, STR(""));
    const struct service_record *service = walk_next(&walk);
    struct service_task_counts counts;

    if (service == NULL || service->has_unplaced_at)
        return true;
    counts = service_tasks_count(view, service, service->primary_id);
    if (service->has_steady_at && counts.running == service->service->desired_count)
        return true;
    buf_printf(why, "the service has %d of %d tasks and is%s steady", counts.running, service->service->desired_count,
               service->has_steady_at ? "" : " not");
    return false;
}
