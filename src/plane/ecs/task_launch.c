/* Launch type or capacity providers, the platform version and placement (ECS API reference, RunTask; developer guide,
 * "Amazon ECS clusters for Fargate"). */
#include "plane/ecs/capacity_provider.h"
#include "plane/ecs/task_instances.h"

static bool invalid(const struct call *call, const char *text)
{
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", text);
}

/* A cluster may have such a default strategy; nothing can be run with it. */
static bool has_weight(const struct ecs_capacity_provider_strategy *strategy)
{
    for (size_t i = 0; i < strategy->count; i++)
        if (strategy->items[i].weight > 0)
            return true;
    return strategy->count == 1;
}

static bool check_strategy(const struct call *call, const struct ecs_cluster *cluster,
                           const struct ecs_capacity_provider_strategy *strategy)
{
    if (!capacity_provider_strategy_check(&cluster->capacity_providers, strategy, call->fail))
        return false;
    return has_weight(strategy) ||
           invalid(call, "The specified capacity provider strategy must have at least one capacity provider with a "
                         "weight greater than zero.");
}

static bool check_launch_type(const struct call *call, enum ecs_launch_type type)
{
    return type != ECS_LAUNCH_TYPE_MANAGED_INSTANCES || fail_api(call->fail, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                                                                 "The launch type MANAGED_INSTANCES is not supported.");
}

/* EC2 is the default. */
static bool launch_on_instances(const struct call *call, const struct ecs_run_task_request *in, struct task_wish *wish)
{
    enum ecs_launch_type type =
        in->launch_type == ECS_LAUNCH_TYPE_EXTERNAL ? ECS_LAUNCH_TYPE_EXTERNAL : ECS_LAUNCH_TYPE_EC2;

    if (in->platform_version.len > 0)
        return invalid(call, "The platform version must be null when specifying an EC2 launch type.");
    return task_instances_check(call->tx, wish, type, &in->placement_constraints, &in->placement_strategy,
                                &wish->launch.instances, call->fail);
}

/* Compatibility was found out when the definition was registered. */
static bool check_compatible(const struct call *call, const struct ecs_task_definition *definition)
{
    for (size_t i = 0; i < definition->compatibilities.count; i++)
        if (definition->compatibilities.items[i] == ECS_COMPATIBILITY_FARGATE)
            return true;
    return invalid(call, "Task definition does not support launch_type FARGATE.");
}

/* Fargate has one way to run tasks here: as 1.4.0 does. */
static bool check_platform(const struct call *call, struct str version)
{
    if (version.ptr == NULL || str_is(version, "LATEST") || str_is(version, "1.4.0"))
        return true;
    return fail_api(call->fail, ECS_ERROR_PLATFORM_UNKNOWN_EXCEPTION,
                    "The specified platform version does not exist: '%.*s'. Use LATEST or 1.4.0.", STR_ARG(version));
}

bool task_launch_check(const struct call *call, const struct ecs_run_task_request *in, struct task_wish *wish)
{
    const struct ecs_cluster *cluster = wish->cluster->cluster;
    const struct ecs_capacity_provider_strategy *strategy = &in->capacity_provider_strategy;

    if (strategy->count > 0 && in->launch_type != ECS_LAUNCH_TYPE_NONE)
        return invalid(call, "Specifying both a launch type and capacity provider strategy is not supported. Remove "
                             "one and try again.");
    if (strategy->count == 0 && in->launch_type == ECS_LAUNCH_TYPE_NONE)
        strategy = &cluster->default_capacity_provider_strategy;
    if (strategy->count > 0 && !check_strategy(call, cluster, strategy))
        return false;
    if (strategy->count == 0 && !check_launch_type(call, in->launch_type))
        return false;
    if (strategy->count == 0 && in->launch_type != ECS_LAUNCH_TYPE_FARGATE)
        return launch_on_instances(call, in, wish);
    if (in->placement_constraints.count > 0)
        return invalid(call, "Placement constraints are not supported with FARGATE launch type.");
    if (in->placement_strategy.count > 0)
        return invalid(call, "Placement strategies are not supported with FARGATE launch type.");
    wish->launch.strategy = strategy->count > 0 ? strategy : NULL;
    return check_compatible(call, wish->definition) && check_platform(call, in->platform_version);
}

/* Whether a provider that has `have` tasks comes before one that has `other_have`: the least served for its weight. */
static bool is_less_served(int32_t have, int32_t weight, int32_t other_have, int32_t other_weight)
{
    return (int64_t)have * other_weight < (int64_t)other_have * weight;
}

/* The base first, then by weight; among equals the first in the list. */
struct str task_launch_provider(const struct task_launch *launch, size_t number)
{
    const struct ecs_capacity_provider_strategy *strategy = launch->strategy;
    int32_t weighed[CAPACITY_PROVIDERS_MAX] = {0};
    size_t base = 0;
    size_t best = 0;

    if (strategy == NULL)
        return (struct str){NULL, 0};
    for (size_t i = 0; i < strategy->count; i++) {
        base += (size_t)strategy->items[i].base;
        if (number < base)
            return strategy->items[i].capacity_provider;
    }
    for (size_t n = base; n <= number; n++) {
        best = strategy->count;
        for (size_t i = 0; i < strategy->count; i++)
            if ((strategy->items[i].weight > 0 || strategy->count == 1) &&
                (best == strategy->count ||
                 is_less_served(weighed[i], strategy->items[i].weight, weighed[best], strategy->items[best].weight)))
                best = i;
        weighed[best]++;
    }
    return strategy->items[best].capacity_provider;
}
