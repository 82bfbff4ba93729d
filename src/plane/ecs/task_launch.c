/* Launch type or capacity providers, and the platform version (ECS API reference, RunTask; developer guide, "Amazon ECS
 * clusters for Fargate"). Only Fargate is here. */
#include "plane/ecs/task_run.h"

enum { PROVIDERS_MAX = 20, WEIGHT_MAX = 1000, BASE_MAX = 100000 };

static bool invalid(const struct call *call, const char *text)
{
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", text);
}

static bool is_of_cluster(const struct cluster_record *cluster, struct str provider)
{
    for (size_t i = 0; i < cluster->cluster->capacity_providers.count; i++)
        if (str_eq(cluster->cluster->capacity_providers.items[i], provider))
            return true;
    return false;
}

static bool check_item(const struct call *call, const struct cluster_record *cluster,
                       const struct ecs_capacity_provider_strategy_item *item)
{
    if (!is_of_cluster(cluster, item->capacity_provider))
        return invalid(call, "The specified capacity provider strategy cannot contain a capacity provider that is not "
                             "associated with the cluster. Associate the capacity provider with the cluster and try "
                             "again.");
    if (!str_is(item->capacity_provider, "FARGATE") && !str_is(item->capacity_provider, "FARGATE_SPOT"))
        return fail_api(call->fail, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                        "The capacity provider '%.*s' is not supported: only FARGATE and FARGATE_SPOT are.",
                        STR_ARG(item->capacity_provider));
    if (item->weight < 0 || item->weight > WEIGHT_MAX || item->base < 0 || item->base > BASE_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The capacity provider '%.*s' has weight %d and base %d: weight must be between 0 and %d, base "
                        "between 0 and %d.",
                        STR_ARG(item->capacity_provider), item->weight, item->base, WEIGHT_MAX, BASE_MAX);
    return true;
}

static bool check_strategy(const struct call *call, const struct cluster_record *cluster,
                           const struct ecs_capacity_provider_strategy *strategy)
{
    int32_t weights = 0;
    size_t bases = 0;

    if (strategy->count > PROVIDERS_MAX)
        return invalid(call, "capacityProviderStrategy can have at most 20 items.");
    for (size_t i = 0; i < strategy->count; i++) {
        const struct ecs_capacity_provider_strategy_item *item = &strategy->items[i];

        if (!check_item(call, cluster, item))
            return false;
        for (size_t k = 0; k < i; k++)
            if (str_eq(strategy->items[k].capacity_provider, item->capacity_provider))
                return invalid(call, "A capacity provider may only appear once in a capacity provider strategy.");
        weights += item->weight;
        bases += item->base > 0 ? 1 : 0;
    }
    if (bases > 1)
        return invalid(call, "Only one capacity provider in a capacity provider strategy can have a base defined.");
    if (strategy->count > 1 && weights == 0)
        return invalid(call, "The specified capacity provider strategy must have at least one capacity provider with a "
                             "weight greater than zero.");
    return true;
}

static bool check_launch_type(const struct call *call, enum ecs_launch_type type)
{
    switch (type) {
    case ECS_LAUNCH_TYPE_FARGATE:
        return true;
    case ECS_LAUNCH_TYPE_NONE: /* EC2 is the default */
    case ECS_LAUNCH_TYPE_EC2:
    case ECS_LAUNCH_TYPE_EXTERNAL:
        return invalid(call, "No Container Instances were found in your cluster.");
    case ECS_LAUNCH_TYPE_MANAGED_INSTANCES:
        break;
    }
    return fail_api(call->fail, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                    "The launch type MANAGED_INSTANCES is not supported.");
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
    if (strategy->count > 0 && !check_strategy(call, wish->cluster, strategy))
        return false;
    if (strategy->count == 0 && !check_launch_type(call, in->launch_type))
        return false;
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
    int32_t weighed[PROVIDERS_MAX] = {0};
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
