/* The table of ECS operations: handler, IAM action, resource. An operation that is not here is refused by name. */
#include "plane/ecs/operations.h"

#include "model/gen/ecs.h"

static struct str cluster_resource(const struct call *call, struct str cluster)
{
    return ecs_arn(call, "cluster", cluster.ptr == NULL ? STR("default") : ecs_name(cluster));
}

#define CLUSTER_RESOURCE(operation)                                                                                    \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return cluster_resource(call, ((const struct ecs_##operation##_request *)in)->cluster);                        \
    }

CLUSTER_RESOURCE(run_task)
CLUSTER_RESOURCE(stop_task)
CLUSTER_RESOURCE(describe_tasks)
CLUSTER_RESOURCE(list_tasks)
CLUSTER_RESOURCE(get_task_protection)
CLUSTER_RESOURCE(update_task_protection)

const struct operation_spec ecs_handlers[] = {
    OPERATION(ecs, create_cluster, "ecs:CreateCluster", NULL),
    OPERATION(ecs, register_task_definition, "ecs:RegisterTaskDefinition", NULL),
    OPERATION(ecs, describe_task_definition, "ecs:DescribeTaskDefinition", NULL),
    OPERATION(ecs, run_task, "ecs:RunTask", run_task_resource),
    OPERATION(ecs, stop_task, "ecs:StopTask", stop_task_resource),
    OPERATION(ecs, describe_tasks, "ecs:DescribeTasks", describe_tasks_resource),
    OPERATION(ecs, list_tasks, "ecs:ListTasks", list_tasks_resource),
    OPERATION(ecs, get_task_protection, "ecs:GetTaskProtection", get_task_protection_resource),
    OPERATION(ecs, update_task_protection, "ecs:UpdateTaskProtection", update_task_protection_resource),
};
const size_t ecs_handler_count = COUNT_OF(ecs_handlers);
