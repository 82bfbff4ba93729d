/* The network configuration of RunTask (ECS API reference, AwsVpcConfiguration). The interface itself is made when the
 * task is provisioned. */
#include "base/must.h"
#include "plane/ecs/task_run.h"
#include "plane/vpc/vpc.h"

enum { SUBNETS_MAX = 16 };

static bool check_counts(const struct call *call, const struct ecs_aws_vpc_configuration *network)
{
    const char *type = ECS_ERROR_INVALID_PARAMETER_EXCEPTION;

    if (network->subnets.count == 0)
        return fail_api(call->fail, type, "subnets can not be empty.");
    if (network->subnets.count > SUBNETS_MAX)
        return fail_api(call->fail, type, "subnets can have at most %d items.", SUBNETS_MAX);
    if (network->security_groups.count > SECURITY_GROUPS_PER_INTERFACE_MAX)
        return fail_api(call->fail, type, "securityGroups can have at most %d items.",
                        SECURITY_GROUPS_PER_INTERFACE_MAX);
    return true;
}

static bool check_subnets(const struct call *call, const struct ecs_string_list *subnets, struct str *ret_vpc_id)
{
    struct str vpc_id = {NULL, 0};

    for (size_t i = 0; i < subnets->count; i++) {
        const struct subnet_record *subnet = transaction_get(
            call->tx, &subnet_table, KEY(call->arena, call->principal->account, call->region, subnets->items[i]));

        if (subnet == NULL)
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Error retrieving subnet information for [%.*s]: The subnet ID '%.*s' does not exist "
                            "(ErrorCode: InvalidSubnetID.NotFound)",
                            STR_ARG(ecs_joined(call->arena, subnets->items, subnets->count)),
                            STR_ARG(subnets->items[i]));
        if (vpc_id.ptr != NULL && !str_eq(vpc_id, subnet->subnet->vpc_id))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "All subnets must belong to the same VPC: %.*s belongs to %.*s, %.*s to %.*s.",
                            STR_ARG(subnets->items[0]), STR_ARG(vpc_id), STR_ARG(subnets->items[i]),
                            STR_ARG(subnet->subnet->vpc_id));
        vpc_id = subnet->subnet->vpc_id;
    }
    *ret_vpc_id = vpc_id;
    return true;
}

static bool check_groups(const struct call *call, const struct ecs_string_list *groups, struct str vpc_id)
{
    for (size_t i = 0; i < groups->count; i++) {
        const struct security_group_record *group =
            transaction_get(call->tx, &security_group_table,
                            KEY(call->arena, call->principal->account, call->region, groups->items[i]));

        if (group == NULL)
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Error retrieving security group information for [%.*s]: The security group '%.*s' does "
                            "not exist (ErrorCode: InvalidGroup.NotFound)",
                            STR_ARG(ecs_joined(call->arena, groups->items, groups->count)), STR_ARG(groups->items[i]));
        if (!str_eq(group->group->vpc_id, vpc_id))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Security group %.*s does not appear to belong to the same VPC as the input subnets.",
                            STR_ARG(groups->items[i]));
    }
    return true;
}

bool task_network_check(const struct call *call, const struct ecs_run_task_request *in, struct task_wish *wish)
{
    const struct ecs_aws_vpc_configuration *network =
        in->network_configuration == NULL ? NULL : in->network_configuration->awsvpc_configuration;
    struct str vpc_id = {NULL, 0};

    if (wish->definition->network_mode != ECS_NETWORK_MODE_AWSVPC)
        return network == NULL ||
               fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Network Configuration is not valid for the given networkMode of this task definition.");
    if (network == NULL)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Network Configuration must be provided when networkMode 'awsvpc' is specified.");
    if (!check_counts(call, network) || !check_subnets(call, &network->subnets, &vpc_id) ||
        !check_groups(call, &network->security_groups, vpc_id))
        return false;
    if (wish->launch.instances != NULL && network->assign_public_ip == ECS_ASSIGN_PUBLIC_IP_ENABLED)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Assign public IP is not supported for this launch type.");
    wish->network = network;
    return true;
}
