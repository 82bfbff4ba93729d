/* Where a task finds its place: on Fargate, the promise of a host; else a container instance (task_instances.h). */
#include "plane/ec2/host.h"
#include "plane/ecs/task_instances.h"

static bool start_on_instance(struct transaction *tx, const struct task_wish *wish, size_t number,
                              const struct ecs_task **ret_task, struct ecs_failure *ret_failure)
{
    struct task_place place = {.instance = task_instances_place(tx, wish, ret_failure)};

    if (place.instance == NULL)
        return false;
    *ret_task = task_make(tx, wish, number, &place);
    return true;
}

bool task_start(struct transaction *tx, const struct task_wish *wish, size_t number, const struct ecs_task **ret_task,
                struct ecs_failure *ret_failure)
{
    const struct host_record *host = NULL;
    struct task_place place = {.instance = NULL};

    if (wish->launch.instances != NULL)
        return start_on_instance(tx, wish, number, ret_task, ret_failure);
    if (host_reserve(tx, wish->cpu_units, wish->memory_mib, &host) == HOST_ROOM_NONE) {
        *ret_failure = (struct ecs_failure){
            .arn = wish->cluster->cluster->cluster_arn,
            .reason = STR(HOST_NO_CAPACITY),
            .detail = host_room_explain(tx, wish->cpu_units, wish->memory_mib),
        };
        return false;
    }
    if (host != NULL)
        place.host_id = host->host_id;
    *ret_task = task_make(tx, wish, number, &place);
    return true;
}
