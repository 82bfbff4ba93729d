/* What agents publish on the telemetry session: health of containers and of the instance become part of their records.
 * Metrics are taken and acknowledged by the session alone: edge/usage_keeper.h. */
#include "base/must.h"
#include "plane/ecs/agent.h"

/* ---- containers ---- */

static void health_of_task(struct transaction *tx, const struct container_instance_record *instance,
                           const struct agent_task_health *health)
{
    const struct task_record *task = task_of_arn(tx, health->task_arn);
    struct host_task_report report = {.task_arn = health->task_arn};

    if (task == NULL || !str_eq(task->container_instance_id, instance->instance_id))
        return;
    report.containers.items = arena_array(tx->arena, struct host_container_report, health->containers.count + 1);
    for (size_t i = 0; i < health->containers.count; i++) {
        const struct agent_container_health *container = &health->containers.items[i];

        report.containers.items[report.containers.count++] = (struct host_container_report){
            .name = container->container_name,
            .health = (enum ecs_health_status)enum_value(&ecs_health_status_shape, container->health_status)};
    }
    task_observe_agent(tx, task, &report);
}

/* ---- the instance ---- */

static struct ecs_instance_health_check_result result_of(const struct agent_instance_status *status)
{
    struct ecs_instance_health_check_result result = {
        .type = str_is(status->type, "ContainerRuntime") ? ECS_INSTANCE_HEALTH_CHECK_TYPE_CONTAINER_RUNTIME
                                                         : ECS_INSTANCE_HEALTH_CHECK_TYPE_NONE,
        .status =
            (enum ecs_instance_health_check_state)enum_value(&ecs_instance_health_check_state_shape, status->status),
        .status_reason = status->status_reason,
    };

    if (status->has_last_updated)
        SET(&result, last_updated, status->last_updated);
    if (status->has_last_status_change)
        SET(&result, last_status_change, status->last_status_change);
    return result;
}

/* The worst of its parts. */
static enum ecs_instance_health_check_state overall(const struct ecs_instance_health_check_result_list *list)
{
    static const enum ecs_instance_health_check_state order[] = {ECS_INSTANCE_HEALTH_CHECK_STATE_IMPAIRED,
                                                                 ECS_INSTANCE_HEALTH_CHECK_STATE_INSUFFICIENT_DATA,
                                                                 ECS_INSTANCE_HEALTH_CHECK_STATE_INITIALIZING};

    for (size_t i = 0; i < COUNT_OF(order); i++)
        for (size_t k = 0; k < list->count; k++)
            if (list->items[k].status == order[i])
                return order[i];
    return ECS_INSTANCE_HEALTH_CHECK_STATE_OK;
}

static void health_of_instance(struct transaction *tx, const struct container_instance_record *instance,
                               const struct agent_instance_statuses *statuses)
{
    struct container_instance_edit *edit = container_instance_edit_begin(tx, instance);
    struct ecs_container_instance_health_status *health =
        arena_new(tx->arena, struct ecs_container_instance_health_status);

    health->details.items = arena_array(tx->arena, struct ecs_instance_health_check_result, statuses->count + 1);
    for (size_t i = 0; i < statuses->count; i++) {
        struct ecs_instance_health_check_result result = result_of(&statuses->items[i]);

        if (result.type != ECS_INSTANCE_HEALTH_CHECK_TYPE_NONE && (int)result.status != 0)
            health->details.items[health->details.count++] = result;
    }
    health->overall_status = overall(&health->details);
    edit->instance.health_status = health;
    must(container_instance_edit_put(tx, edit));
}

void agent_telemetry_heard(struct transaction *tx, struct str instance_arn, const struct agent_from_telemetry *message)
{
    const struct container_instance_record *instance = container_instance_of_arn(tx, instance_arn);

    if (instance == NULL || container_instance_is_gone(instance))
        return;
    if (message->health != NULL)
        for (size_t i = 0; i < message->health->tasks.count; i++)
            health_of_task(tx, instance, &message->health->tasks.items[i]);
    if (message->instance_status != NULL)
        health_of_instance(tx, instance, &message->instance_status->statuses);
}
