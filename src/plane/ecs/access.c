#include "plane/ecs/access.h"

#include "plane/ecs/ecs.h"
#include "plane/ecs/tag.h"

static struct str cluster_key(const struct call *call, const struct operation *operation, const void *in)
{
    struct str cluster = request_member(call, operation, in, "cluster");

    if (shape_member(operation_input(operation), STR("cluster")) == NULL)
        return (struct str){NULL, 0};
    return ecs_arn(call, "cluster", cluster.ptr == NULL ? STR("default") : ecs_name(cluster));
}

/* Of requests that are about what belongs to a service. */
static struct str service_key(const struct call *call, const struct operation *operation, const void *in)
{
    struct str service = request_member(call, operation, in, "service");
    struct str cluster = request_member(call, operation, in, "cluster");

    if (service.ptr == NULL || str_starts(service, STR("arn:")))
        return service;
    return ecs_arn(call, "service",
                   arena_printf(call->arena, "%.*s/%.*s",
                                STR_ARG(cluster.ptr == NULL ? STR("default") : ecs_name(cluster)), STR_ARG(service)));
}

struct str task_definition_arn_of(const struct call *call, struct str text)
{
    const struct task_definition_record *definition = task_definition_find(call, text);

    if (definition != NULL)
        return definition->task_definition->task_definition_arn;
    return str_starts(text, STR("arn:")) ? text : ecs_arn(call, "task-definition", text);
}

static struct str task_definition_key(const struct call *call, const struct operation *operation, const void *in)
{
    struct str definition = request_member(call, operation, in, "taskDefinition");

    return definition.ptr == NULL ? definition : task_definition_arn_of(call, definition);
}

/* Of TagResource that another operation asks for besides: that operation. */
static struct str create_action_key(const struct call *call, const struct operation *operation, const void *in)
{
    (void)in;
    return operation == call->operation ? (struct str){NULL, 0} : str_of(operation_name(call->operation));
}

static struct str capacity_provider_arn(const struct call *call, const struct operation *operation, const void *in,
                                        struct str said)
{
    (void)operation;
    (void)in;
    return str_starts(said, STR("arn:")) ? said : ecs_arn(call, "capacity-provider", said);
}

static struct str container_instance_arn(const struct call *call, const struct operation *operation, const void *in,
                                         struct str said)
{
    struct str cluster = request_member(call, operation, in, "cluster");

    if (str_starts(said, STR("arn:")))
        return said;
    return ecs_arn(call, "container-instance",
                   arena_printf(call->arena, "%.*s/%.*s",
                                STR_ARG(cluster.ptr == NULL ? STR("default") : ecs_name(cluster)), STR_ARG(said)));
}

static struct str is_enabled(const struct call *call, const struct operation *operation, const void *in,
                             struct str said)
{
    (void)call;
    (void)operation;
    (void)in;
    return str_is(said, "ENABLED") ? STR("true") : STR("false");
}

static const struct condition_key keys[] = {
    {"ecs:cluster", NULL, cluster_key},
    {"ecs:service", NULL, service_key},
    {"ecs:task-definition", NULL, task_definition_key},
    {"ecs:CreateAction", NULL, create_action_key},
    {"ecs:enable-execute-command", "enableExecuteCommand", NULL},
    {"ecs:container-name", "container", NULL},
    {"ecs:enable-ecs-managed-tags", "enableECSManagedTags", NULL},
    {"ecs:propagate-tags", "propagateTags", NULL},
    {"ecs:task-cpu", "cpu", NULL},
    {"ecs:task-memory", "memory", NULL},
    {"ecs:account-setting", "name", NULL},
};

static const struct condition_list lists[] = {
    {"ecs:subnet", "networkConfiguration.awsvpcConfiguration.subnets", NULL},
    {"ecs:auto-assign-public-ip", "networkConfiguration.awsvpcConfiguration.assignPublicIp", is_enabled},
    {"ecs:capacity-provider", "capacityProviderStrategy.capacityProvider", capacity_provider_arn},
    {"ecs:container-instances", "containerInstances", container_instance_arn},
    {"ecs:compute-compatibility", "requiresCompatibilities", NULL},
    {"ecs:privileged", "containerDefinitions.privileged", NULL},
};

const struct access_spec ecs_access = {
    .keys = keys, .key_count = COUNT_OF(keys), .lists = lists, .list_count = COUNT_OF(lists), .tag = ecs_tag_of};

/* ---- roles of a task ---- */

static bool check_role(const struct call *call, struct str role)
{
    struct str source =
        arena_printf(call->arena, "arn:aws:ecs:%.*s:%.*s:*", STR_ARG(call->region), STR_ARG(call->principal->account));

    if (role.len == 0)
        return true;
    if (!str_starts(role, STR("arn:")))
        role =
            arena_printf(call->arena, "arn:aws:iam::%.*s:role/%.*s", STR_ARG(call->principal->account), STR_ARG(role));
    return iam_role_trusts(call, role, ECS_TASKS_SERVICE, source) ||
           fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION,
                    "ECS was unable to assume the role '%.*s' that was provided for this task. Please verify that the "
                    "role being passed has the proper trust relationship and permissions and that your IAM user has "
                    "permissions to pass this role.",
                    STR_ARG(role));
}

bool task_roles_check(const struct call *call, struct str task_role, struct str execution_role)
{
    return check_role(call, task_role) && check_role(call, execution_role);
}
