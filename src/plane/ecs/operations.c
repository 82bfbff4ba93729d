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

CLUSTER_RESOURCE(update_cluster)
CLUSTER_RESOURCE(update_cluster_settings)
CLUSTER_RESOURCE(put_cluster_capacity_providers)
CLUSTER_RESOURCE(delete_cluster)
CLUSTER_RESOURCE(run_task)
CLUSTER_RESOURCE(stop_task)
CLUSTER_RESOURCE(describe_tasks)
CLUSTER_RESOURCE(list_tasks)
CLUSTER_RESOURCE(get_task_protection)
CLUSTER_RESOURCE(update_task_protection)

#define TAGGED_RESOURCE(operation)                                                                                     \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        (void)call;                                                                                                    \
        return ((const struct ecs_##operation##_request *)in)->resource_arn;                                           \
    }

TAGGED_RESOURCE(tag_resource)
TAGGED_RESOURCE(untag_resource)
TAGGED_RESOURCE(list_tags_for_resource)

static struct str create_cluster_resource(const struct call *call, const void *in)
{
    return cluster_resource(call, ((const struct ecs_create_cluster_request *)in)->cluster_name);
}

const struct operation_spec ecs_handlers[] = {
    OPERATION(ecs, create_cluster, "ecs:CreateCluster", create_cluster_resource),
    OPERATION(ecs, describe_clusters, "ecs:DescribeClusters", NULL),
    OPERATION(ecs, list_clusters, "ecs:ListClusters", NULL),
    OPERATION(ecs, update_cluster, "ecs:UpdateCluster", update_cluster_resource),
    OPERATION(ecs, update_cluster_settings, "ecs:UpdateClusterSettings", update_cluster_settings_resource),
    OPERATION(ecs, put_cluster_capacity_providers, "ecs:PutClusterCapacityProviders",
              put_cluster_capacity_providers_resource),
    OPERATION(ecs, delete_cluster, "ecs:DeleteCluster", delete_cluster_resource),
    OPERATION(ecs, describe_capacity_providers, "ecs:DescribeCapacityProviders", NULL),
    OPERATION(ecs, register_task_definition, "ecs:RegisterTaskDefinition", NULL),
    OPERATION(ecs, describe_task_definition, "ecs:DescribeTaskDefinition", NULL),
    OPERATION(ecs, deregister_task_definition, "ecs:DeregisterTaskDefinition", NULL),
    OPERATION(ecs, delete_task_definitions, "ecs:DeleteTaskDefinitions", NULL),
    OPERATION(ecs, list_task_definitions, "ecs:ListTaskDefinitions", NULL),
    OPERATION(ecs, list_task_definition_families, "ecs:ListTaskDefinitionFamilies", NULL),
    OPERATION(ecs, tag_resource, "ecs:TagResource", tag_resource_resource),
    OPERATION(ecs, untag_resource, "ecs:UntagResource", untag_resource_resource),
    OPERATION(ecs, list_tags_for_resource, "ecs:ListTagsForResource", list_tags_for_resource_resource),
    OPERATION(ecs, put_account_setting, "ecs:PutAccountSetting", NULL),
    OPERATION(ecs, put_account_setting_default, "ecs:PutAccountSettingDefault", NULL),
    OPERATION(ecs, list_account_settings, "ecs:ListAccountSettings", NULL),
    OPERATION(ecs, delete_account_setting, "ecs:DeleteAccountSetting", NULL),
    OPERATION(ecs, run_task, "ecs:RunTask", run_task_resource),
    OPERATION(ecs, stop_task, "ecs:StopTask", stop_task_resource),
    OPERATION(ecs, describe_tasks, "ecs:DescribeTasks", describe_tasks_resource),
    OPERATION(ecs, list_tasks, "ecs:ListTasks", list_tasks_resource),
    OPERATION(ecs, get_task_protection, "ecs:GetTaskProtection", get_task_protection_resource),
    OPERATION(ecs, update_task_protection, "ecs:UpdateTaskProtection", update_task_protection_resource),
};
const size_t ecs_handler_count = COUNT_OF(ecs_handlers);
