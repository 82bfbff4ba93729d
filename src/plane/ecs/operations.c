/* The table of ECS operations: handler, IAM action, resource or what all is asked for ("Actions, resources, and
 * condition keys for Amazon Elastic Container Service", service authorization reference). An operation that is not here
 * is refused by name. */
#include "plane/ecs/operations.h"

#include "model/gen/ecs.h"
#include "plane/ecs/access.h"

/* ---- resources ---- */

static struct str cluster_arn_of(const struct call *call, struct str cluster)
{
    return ecs_arn(call, "cluster", cluster.ptr == NULL ? STR("default") : ecs_name(cluster));
}

#define CLUSTER_RESOURCE(operation)                                                                                    \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return cluster_arn_of(call, ((const struct ecs_##operation##_request *)in)->cluster);                          \
    }

CLUSTER_RESOURCE(update_cluster)
CLUSTER_RESOURCE(update_cluster_settings)
CLUSTER_RESOURCE(put_cluster_capacity_providers)
CLUSTER_RESOURCE(delete_cluster)
CLUSTER_RESOURCE(register_container_instance)
CLUSTER_RESOURCE(deregister_container_instance)
CLUSTER_RESOURCE(list_container_instances)
CLUSTER_RESOURCE(list_attributes)
CLUSTER_RESOURCE(submit_task_state_change)
CLUSTER_RESOURCE(submit_container_state_change)
CLUSTER_RESOURCE(submit_attachment_state_changes)

#define TAGGED_RESOURCE(operation)                                                                                     \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        (void)call;                                                                                                    \
        return ((const struct ecs_##operation##_request *)in)->resource_arn;                                           \
    }

TAGGED_RESOURCE(tag_resource)
TAGGED_RESOURCE(untag_resource)
TAGGED_RESOURCE(list_tags_for_resource)

/* "cluster/id" of that kind. An ARN of the caller's own is taken as it is; the handler refuses others. */
static struct str arn_in_cluster(const struct call *call, const char *kind, struct str cluster, struct str id)
{
    struct str name = cluster.ptr == NULL ? STR("default") : ecs_name(cluster);
    struct str own;

    if (str_starts(id, STR("arn:")) && ecs_own_name(call, id, kind, &own))
        return id;
    return ecs_arn(call, kind, arena_printf(call->arena, "%.*s/%.*s", STR_ARG(name), STR_ARG(ecs_name(id))));
}

static struct str stop_task_resource(const struct call *call, const void *in)
{
    const struct ecs_stop_task_request *of = in;

    return arn_in_cluster(call, "task", of->cluster, of->task);
}

static struct str list_tasks_resource(const struct call *call, const void *in)
{
    const struct ecs_list_tasks_request *of = in;

    return arn_in_cluster(call, "container-instance", of->cluster,
                          of->container_instance.ptr == NULL ? STR("*") : of->container_instance);
}

static void execute_command_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_execute_command_request *of = in;

    asks_add(asks, "ecs:ExecuteCommand", cluster_arn_of(call, of->cluster));
    asks_add(asks, "ecs:ExecuteCommand", arn_in_cluster(call, "task", of->cluster, of->task));
}

static struct str update_container_agent_resource(const struct call *call, const void *in)
{
    const struct ecs_update_container_agent_request *of = in;

    return arn_in_cluster(call, "container-instance", of->cluster, of->container_instance);
}

#define SERVICE_RESOURCE(operation, member)                                                                            \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct ecs_##operation##_request *of = in;                                                               \
                                                                                                                       \
        return arn_in_cluster(call, "service", of->cluster, of->member);                                               \
    }

SERVICE_RESOURCE(delete_service, service)
SERVICE_RESOURCE(update_service_primary_task_set, service)
SERVICE_RESOURCE(list_service_deployments, service)

/* "task-set/cluster/service/ecs-svc/number" */
static struct str task_set_arn_of(const struct call *call, struct str cluster, struct str service, struct str set)
{
    if (str_starts(set, STR("arn:")))
        return set;
    return arn_in_cluster(call, "task-set", cluster,
                          arena_printf(call->arena, "%.*s/%.*s", STR_ARG(ecs_name(service)), STR_ARG(set)));
}

#define TASK_SET_RESOURCE(operation)                                                                                   \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct ecs_##operation##_request *of = in;                                                               \
                                                                                                                       \
        return task_set_arn_of(call, of->cluster, of->service, of->task_set);                                          \
    }

TASK_SET_RESOURCE(update_task_set)
TASK_SET_RESOURCE(delete_task_set)

static struct str stop_service_deployment_resource(const struct call *call, const void *in)
{
    (void)call;
    return ((const struct ecs_stop_service_deployment_request *)in)->service_deployment_arn;
}

/* ---- several of them ---- */

#define TASKS_ASKS(operation, action)                                                                                  \
    static void operation##_asks(const struct call *call, const void *in, struct asks *asks)                           \
    {                                                                                                                  \
        const struct ecs_##operation##_request *of = in;                                                               \
                                                                                                                       \
        for (size_t i = 0; i < of->tasks.count; i++)                                                                   \
            asks_add(asks, action, arn_in_cluster(call, "task", of->cluster, of->tasks.items[i]));                     \
        if (of->tasks.count == 0)                                                                                      \
            asks_add(asks, action, arn_in_cluster(call, "task", of->cluster, STR("*")));                               \
    }

TASKS_ASKS(describe_tasks, "ecs:DescribeTasks")
TASKS_ASKS(get_task_protection, "ecs:GetTaskProtection")
TASKS_ASKS(update_task_protection, "ecs:UpdateTaskProtection")

#define INSTANCES_ASKS(operation, action)                                                                              \
    static void operation##_asks(const struct call *call, const void *in, struct asks *asks)                           \
    {                                                                                                                  \
        const struct ecs_##operation##_request *of = in;                                                               \
                                                                                                                       \
        for (size_t i = 0; i < of->container_instances.count; i++)                                                     \
            asks_add(asks, action,                                                                                     \
                     arn_in_cluster(call, "container-instance", of->cluster, of->container_instances.items[i]));       \
        if (of->container_instances.count == 0)                                                                        \
            asks_add(asks, action, arn_in_cluster(call, "container-instance", of->cluster, STR("*")));                 \
    }

INSTANCES_ASKS(describe_container_instances, "ecs:DescribeContainerInstances")
INSTANCES_ASKS(update_container_instances_state, "ecs:UpdateContainerInstancesState")

#define ATTRIBUTES_ASKS(operation, action)                                                                             \
    static void operation##_asks(const struct call *call, const void *in, struct asks *asks)                           \
    {                                                                                                                  \
        const struct ecs_##operation##_request *of = in;                                                               \
                                                                                                                       \
        for (size_t i = 0; i < of->attributes.count; i++)                                                              \
            asks_add(asks, action,                                                                                     \
                     arn_in_cluster(call, "container-instance", of->cluster, of->attributes.items[i].target_id));      \
        if (of->attributes.count == 0)                                                                                 \
            asks_add(asks, action, arn_in_cluster(call, "container-instance", of->cluster, STR("*")));                 \
    }

ATTRIBUTES_ASKS(put_attributes, "ecs:PutAttributes")
ATTRIBUTES_ASKS(delete_attributes, "ecs:DeleteAttributes")

static void describe_services_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_describe_services_request *of = in;

    for (size_t i = 0; i < of->services.count; i++)
        asks_add(asks, "ecs:DescribeServices", arn_in_cluster(call, "service", of->cluster, of->services.items[i]));
    if (of->services.count == 0)
        asks_add(asks, "ecs:DescribeServices", arn_in_cluster(call, "service", of->cluster, STR("*")));
}

static void describe_task_sets_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_describe_task_sets_request *of = in;

    for (size_t i = 0; i < of->task_sets.count; i++)
        asks_add(asks, "ecs:DescribeTaskSets", task_set_arn_of(call, of->cluster, of->service, of->task_sets.items[i]));
    if (of->task_sets.count == 0)
        asks_add(asks, "ecs:DescribeTaskSets", task_set_arn_of(call, of->cluster, of->service, STR("*")));
}

#define ARNS_ASKS(operation, action, member)                                                                           \
    static void operation##_asks(const struct call *call, const void *in, struct asks *asks)                           \
    {                                                                                                                  \
        const struct ecs_##operation##_request *of = in;                                                               \
                                                                                                                       \
        (void)call;                                                                                                    \
        for (size_t i = 0; i < of->member.count; i++)                                                                  \
            asks_add(asks, action, of->member.items[i]);                                                               \
        if (of->member.count == 0)                                                                                     \
            asks_add(asks, action, STR("*"));                                                                          \
    }

ARNS_ASKS(describe_service_deployments, "ecs:DescribeServiceDeployments", service_deployment_arns)
ARNS_ASKS(describe_service_revisions, "ecs:DescribeServiceRevisions", service_revision_arns)

static void describe_clusters_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_describe_clusters_request *of = in;

    for (size_t i = 0; i < of->clusters.count; i++)
        asks_add(asks, "ecs:DescribeClusters", cluster_arn_of(call, of->clusters.items[i]));
    if (of->clusters.count == 0)
        asks_add(asks, "ecs:DescribeClusters", cluster_arn_of(call, (struct str){NULL, 0}));
}

static void delete_task_definitions_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_delete_task_definitions_request *of = in;

    for (size_t i = 0; i < of->task_definitions.count; i++)
        asks_add(asks, "ecs:DeleteTaskDefinitions", task_definition_arn_of(call, of->task_definitions.items[i]));
    if (of->task_definitions.count == 0)
        asks_add(asks, "ecs:DeleteTaskDefinitions", STR("*"));
}

/* ---- roles that are handed over ---- */

static void register_task_definition_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_register_task_definition_request *of = in;

    asks_add(asks, "ecs:RegisterTaskDefinition", STR("*"));
    asks_pass_role(asks, call, of->task_role_arn, ECS_TASKS_SERVICE);
    asks_pass_role(asks, call, of->execution_role_arn, ECS_TASKS_SERVICE);
}

/* The roles of the definition, where `over` (NULL: nothing) has no others: whoever runs it hands them to the task
 * (service authorization reference, RunTask, "Dependent actions"). */
static void asks_pass_roles_of(struct asks *asks, const struct call *call, struct str definition_name,
                               const struct ecs_task_override *over)
{
    const struct task_definition_record *definition = task_definition_find(call, definition_name);
    struct str task_role = over == NULL ? (struct str){NULL, 0} : over->task_role_arn;
    struct str execution_role = over == NULL ? (struct str){NULL, 0} : over->execution_role_arn;

    if (task_role.ptr == NULL && definition != NULL)
        task_role = definition->task_definition->task_role_arn;
    if (execution_role.ptr == NULL && definition != NULL)
        execution_role = definition->task_definition->execution_role_arn;
    asks_pass_role(asks, call, task_role, ECS_TASKS_SERVICE);
    asks_pass_role(asks, call, execution_role, ECS_TASKS_SERVICE);
}

static void run_task_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_run_task_request *of = in;

    asks_add(asks, "ecs:RunTask", task_definition_arn_of(call, of->task_definition));
    asks_pass_roles_of(asks, call, of->task_definition, of->overrides);
}

static void start_task_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_start_task_request *of = in;

    asks_add(asks, "ecs:StartTask", task_definition_arn_of(call, of->task_definition));
    asks_pass_roles_of(asks, call, of->task_definition, of->overrides);
}

static void create_service_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_create_service_request *of = in;

    asks_add(asks, "ecs:CreateService", arn_in_cluster(call, "service", of->cluster, of->service_name));
    asks_pass_role(asks, call, of->role, "ecs.amazonaws.com");
    asks_pass_roles_of(asks, call, of->task_definition, /* over= */ NULL);
}

static void update_service_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_update_service_request *of = in;

    asks_add(asks, "ecs:UpdateService", arn_in_cluster(call, "service", of->cluster, of->service));
    asks_pass_roles_of(asks, call, of->task_definition, /* over= */ NULL);
}

static void create_task_set_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecs_create_task_set_request *of = in;

    asks_add(asks, "ecs:CreateTaskSet", task_set_arn_of(call, of->cluster, of->service, STR("*")));
    asks_pass_roles_of(asks, call, of->task_definition, /* over= */ NULL);
}

/* ---- the table ---- */

#define ROW(name, action)      OPERATION_GUARDED(ecs, name, "ecs:" action, name##_resource, NULL, NULL, &ecs_access)
#define ROW_ANY(name, action)  OPERATION_GUARDED(ecs, name, "ecs:" action, NULL, NULL, NULL, &ecs_access)
#define ROW_ASKS(name, action) OPERATION_GUARDED(ecs, name, "ecs:" action, NULL, NULL, name##_asks, &ecs_access)

const struct operation_spec ecs_handlers[] = {
    ROW_ANY(create_cluster, "CreateCluster"),
    ROW_ASKS(describe_clusters, "DescribeClusters"),
    ROW_ANY(list_clusters, "ListClusters"),
    ROW(update_cluster, "UpdateCluster"),
    ROW(update_cluster_settings, "UpdateClusterSettings"),
    ROW(put_cluster_capacity_providers, "PutClusterCapacityProviders"),
    ROW(delete_cluster, "DeleteCluster"),
    ROW_ANY(describe_capacity_providers, "DescribeCapacityProviders"),
    ROW_ASKS(register_task_definition, "RegisterTaskDefinition"),
    ROW_ANY(describe_task_definition, "DescribeTaskDefinition"),
    ROW_ANY(deregister_task_definition, "DeregisterTaskDefinition"),
    ROW_ASKS(delete_task_definitions, "DeleteTaskDefinitions"),
    ROW_ANY(list_task_definitions, "ListTaskDefinitions"),
    ROW_ANY(list_task_definition_families, "ListTaskDefinitionFamilies"),
    ROW(tag_resource, "TagResource"),
    ROW(untag_resource, "UntagResource"),
    ROW(list_tags_for_resource, "ListTagsForResource"),
    ROW_ANY(put_account_setting, "PutAccountSetting"),
    ROW_ANY(put_account_setting_default, "PutAccountSettingDefault"),
    ROW_ANY(list_account_settings, "ListAccountSettings"),
    ROW_ANY(delete_account_setting, "DeleteAccountSetting"),
    ROW_ASKS(run_task, "RunTask"),
    ROW(stop_task, "StopTask"),
    OPERATION_GUARDED(ecs, execute_command, "ecs:ExecuteCommand", NULL, ecs_execute_command_finish,
                      execute_command_asks, &ecs_access),
    ROW_ASKS(describe_tasks, "DescribeTasks"),
    ROW(list_tasks, "ListTasks"),
    ROW_ASKS(get_task_protection, "GetTaskProtection"),
    ROW_ASKS(update_task_protection, "UpdateTaskProtection"),
    ROW(register_container_instance, "RegisterContainerInstance"),
    ROW(deregister_container_instance, "DeregisterContainerInstance"),
    ROW_ASKS(describe_container_instances, "DescribeContainerInstances"),
    ROW(list_container_instances, "ListContainerInstances"),
    ROW_ASKS(update_container_instances_state, "UpdateContainerInstancesState"),
    ROW(update_container_agent, "UpdateContainerAgent"),
    ROW_ASKS(put_attributes, "PutAttributes"),
    ROW_ASKS(delete_attributes, "DeleteAttributes"),
    ROW(list_attributes, "ListAttributes"),
    ROW_ASKS(start_task, "StartTask"),
    ROW_ASKS(create_service, "CreateService"),
    ROW_ASKS(update_service, "UpdateService"),
    ROW(delete_service, "DeleteService"),
    ROW_ASKS(describe_services, "DescribeServices"),
    ROW_ANY(list_services, "ListServices"),
    ROW_ANY(list_services_by_namespace, "ListServicesByNamespace"),
    ROW(list_service_deployments, "ListServiceDeployments"),
    ROW_ASKS(describe_service_deployments, "DescribeServiceDeployments"),
    ROW_ASKS(describe_service_revisions, "DescribeServiceRevisions"),
    ROW(stop_service_deployment, "StopServiceDeployment"),
    ROW_ASKS(create_task_set, "CreateTaskSet"),
    ROW(update_task_set, "UpdateTaskSet"),
    ROW(delete_task_set, "DeleteTaskSet"),
    ROW_ASKS(describe_task_sets, "DescribeTaskSets"),
    ROW(update_service_primary_task_set, "UpdateServicePrimaryTaskSet"),
    ROW_ANY(discover_poll_endpoint, "DiscoverPollEndpoint"),
    ROW(submit_task_state_change, "SubmitTaskStateChange"),
    ROW(submit_container_state_change, "SubmitContainerStateChange"),
    ROW(submit_attachment_state_changes, "SubmitAttachmentStateChanges"),
};
const size_t ecs_handler_count = COUNT_OF(ecs_handlers);
