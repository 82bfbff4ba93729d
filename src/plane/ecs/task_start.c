/* Where a task finds its place: on Fargate, the promise of a host. */
#include "plane/ec2/host.h"
#include "plane/ecs/task_run.h"

bool task_start(struct transaction *tx, const struct task_wish *wish, size_t number, const struct ecs_task **ret_task,
                struct ecs_failure *ret_failure)
{
    const struct host_record *host = NULL;

    if (host_reserve(tx, wish->cpu_units, wish->memory_mib, &host) == HOST_ROOM_NONE) {
        *ret_failure = (struct ecs_failure){
            .arn = wish->cluster->cluster->cluster_arn,
            .reason = STR(HOST_NO_CAPACITY),
            .detail = host_room_explain(tx, wish->cpu_units, wish->memory_mib),
        };
        return false;
    }
    *ret_task = task_make(tx, wish, number, host == NULL ? (struct str){NULL, 0} : host->host_id);
    return true;
}
