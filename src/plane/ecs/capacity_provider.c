#include "plane/ecs/capacity_provider.h"

#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"

enum {
    LISTED_MAX = 10, /* API reference, "DescribeCapacityProviders" */
    WEIGHT_MAX = 1000,
    BASE_MAX = 100000, /* API reference, "CapacityProviderStrategyItem" */
};

static const struct provider {
    const char *name;
    enum ecs_capacity_provider_type type;
} all[] = {
    {"FARGATE", ECS_CAPACITY_PROVIDER_TYPE_FARGATE},
    {"FARGATE_SPOT", ECS_CAPACITY_PROVIDER_TYPE_FARGATE_SPOT},
};

static const struct provider *provider_named(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (str_is(name, all[i].name))
            return &all[i];
    return NULL;
}

static bool check_providers(const struct ecs_string_list *providers, struct fail *f)
{
    if (providers->count > CAPACITY_PROVIDERS_MAX)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "A cluster can have at most %d capacity providers, but %zu are given.", CAPACITY_PROVIDERS_MAX,
                        providers->count);
    for (size_t i = 0; i < providers->count; i++) {
        struct str name = providers->items[i];

        if (provider_named(name) == NULL)
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "The specified capacity provider '%.*s' was not found. Specify a valid capacity provider "
                            "and try again.",
                            STR_ARG(name));
        if (str_is_among(name, providers->items, i))
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "The capacity provider '%.*s' is given twice.",
                            STR_ARG(name));
    }
    return true;
}

static bool check_item(const struct ecs_string_list *providers, const struct ecs_capacity_provider_strategy_item *item,
                       struct fail *f)
{
    if (!str_is_among(item->capacity_provider, providers->items, providers->count))
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The specified capacity provider strategy cannot contain a capacity provider that is not "
                        "associated with the cluster. Associate the capacity provider with the cluster and try "
                        "again.");
    if (item->weight < 0 || item->weight > WEIGHT_MAX || item->base < 0 || item->base > BASE_MAX)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The capacity provider '%.*s' has weight %d and base %d: weight must be between 0 and %d, base "
                        "between 0 and %d.",
                        STR_ARG(item->capacity_provider), item->weight, item->base, WEIGHT_MAX, BASE_MAX);
    return true;
}

bool capacity_provider_strategy_check(const struct ecs_string_list *providers,
                                      const struct ecs_capacity_provider_strategy *strategy, struct fail *f)
{
    size_t bases = 0;

    for (size_t i = 0; i < strategy->count; i++) {
        const struct ecs_capacity_provider_strategy_item *item = &strategy->items[i];

        if (!check_item(providers, item, f))
            return false;
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
    return check_providers(providers, f) && capacity_provider_strategy_check(providers, strategy, f);
}

/* ---- DescribeCapacityProviders ---- */

static struct ecs_capacity_provider shown(const struct call *call, const struct provider *provider)
{
    return (struct ecs_capacity_provider){
        .capacity_provider_arn = ecs_arn(call, "capacity-provider", str_of(provider->name)),
        .name = str_of(provider->name),
        .status = ECS_CAPACITY_PROVIDER_STATUS_ACTIVE,
        .tags = {arena_alloc(call->arena, 0), 0},
        .type = provider->type,
    };
}

static void describe_named(const struct call *call, const struct ecs_string_list *names,
                           struct ecs_describe_capacity_providers_response *out)
{
    out->capacity_providers.items = arena_array(call->arena, struct ecs_capacity_provider, names->count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, names->count);
    for (size_t i = 0; i < names->count; i++) {
        const struct provider *provider = NULL;
        struct str name;

        if (ecs_own_name(call, names->items[i], "capacity-provider", &name))
            provider = provider_named(name);
        if (provider != NULL)
            out->capacity_providers.items[out->capacity_providers.count++] = shown(call, provider);
        else
            out->failures.items[out->failures.count++] = (struct ecs_failure){
                .arn = str_starts(names->items[i], STR("arn:")) ? names->items[i]
                                                                : ecs_arn(call, "capacity-provider", names->items[i]),
                .reason = STR("MISSING")};
    }
}

static void describe_page(const struct call *call, const struct page *page,
                          struct ecs_describe_capacity_providers_response *out)
{
    out->capacity_providers.items = arena_array(call->arena, struct ecs_capacity_provider, COUNT_OF(all));
    out->failures.items = arena_alloc(call->arena, 0);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (page->after.ptr != NULL && str_compare(str_of(all[i].name), page->after) <= 0)
            continue;
        if (out->capacity_providers.count == page->limit) {
            out->next_token = page_next(call, str_of(all[i - 1].name));
            return;
        }
        out->capacity_providers.items[out->capacity_providers.count++] = shown(call, &all[i]);
    }
}

bool ecs_describe_capacity_providers(struct call *call, const struct ecs_describe_capacity_providers_request *in,
                                     struct ecs_describe_capacity_providers_response *out)
{
    struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    struct page page;

    if (!page_open(call, &request, &page))
        return false;
    if (in->capacity_providers.count > 0)
        describe_named(call, &in->capacity_providers, out);
    else
        describe_page(call, &page, out);
    return true;
}
