#include "plane/ecs/capacity_provider.h"

enum { PROVIDERS_MAX = 20 }; /* API reference, "PutClusterCapacityProviders" */

static bool contains(const struct ecs_string_list *list, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(list->items[i], name))
            return true;
    return false;
}

static bool check_providers(const struct ecs_string_list *providers, struct fail *f)
{
    if (providers->count > PROVIDERS_MAX)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "A cluster can have at most %d capacity providers, but %zu are given.", PROVIDERS_MAX,
                        providers->count);
    for (size_t i = 0; i < providers->count; i++) {
        struct str name = providers->items[i];

        if (!str_is(name, "FARGATE") && !str_is(name, "FARGATE_SPOT"))
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "The specified capacity provider '%.*s' was not found. Specify a valid capacity provider "
                            "and try again.",
                            STR_ARG(name));
        if (contains(providers, i, name))
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "The capacity provider '%.*s' is given twice.",
                            STR_ARG(name));
    }
    return true;
}

static bool check_strategy(const struct ecs_string_list *providers,
                           const struct ecs_capacity_provider_strategy *strategy, struct fail *f)
{
    size_t bases = 0;

    for (size_t i = 0; i < strategy->count; i++) {
        const struct ecs_capacity_provider_strategy_item *item = &strategy->items[i];

        if (!contains(providers, providers->count, item->capacity_provider))
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "The specified capacity provider strategy cannot contain a capacity provider that is not "
                            "associated with the cluster. Associate the capacity provider with the cluster and try "
                            "again.");
        for (size_t k = 0; k < i; k++)
            if (str_eq(strategy->items[k].capacity_provider, item->capacity_provider))
                return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                                "The capacity provider '%.*s' stands twice in the capacity provider strategy.",
                                STR_ARG(item->capacity_provider));
        bases += item->base > 0;
    }
    if (bases > 1)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The specified capacity provider strategy contains multiple capacity providers with a base "
                        "value defined. Specify only one capacity provider with a base value and try again.");
    return true;
}

bool capacity_providers_check(const struct ecs_string_list *providers,
                              const struct ecs_capacity_provider_strategy *strategy, struct fail *f)
{
    return check_providers(providers, f) && check_strategy(providers, strategy, f);
}
