#include "plane/ecs/service_check.h"

#include "plane/ecs/field.h"

enum { PERCENT_MAX = 1000, BAKE_MINUTES_MAX = 1440 };

static const struct {
    const char *field, *why;
} refused[] = {
    {"loadBalancers", "Berth has no load balancers yet."},
    {"serviceRegistries", "Berth has no Cloud Map yet."},
    {"serviceConnectConfiguration.enabled", "Berth has no Service Connect yet."},
    {"vpcLatticeConfigurations", "Berth has no VPC Lattice."},
    {"volumeConfigurations", "Amazon EBS volumes are not implemented."},
    {"gatewayConnectors", "Berth has no gateways."},
    {"monitoring", "Berth has no CloudWatch yet."},
    {"deploymentConfiguration.alarms.enable", "Berth has no CloudWatch yet."},
    {"deploymentConfiguration.lifecycleHooks", "Berth has no AWS Lambda."},
    {"deploymentConfiguration.linearConfiguration", "LINEAR deployments shift traffic of load balancers."},
    {"deploymentConfiguration.canaryConfiguration", "CANARY deployments shift traffic of load balancers."},
    {"deploymentConfiguration.earlySuccessCriteria", "It is not implemented."},
};

static bool unsupported(const char *field, const char *why, struct fail *f)
{
    return fail_api(f, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION, "'%s' is not supported: %s", field, why);
}

bool service_fields_check(const struct shape *shape, const void *in, struct fail *f)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        if (field_exists(shape, refused[i].field) && field_is_set(shape, in, refused[i].field))
            return unsupported(refused[i].field, refused[i].why, f);
    if (field_exists(shape, "healthCheckGracePeriodSeconds") &&
        field_is_set(shape, in, "healthCheckGracePeriodSeconds"))
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Health check grace period is only valid for services configured to use load balancers");
    return true;
}

bool service_count_check(int32_t desired_count, struct fail *f)
{
    if (desired_count >= 0 && desired_count <= SERVICE_TASKS_MAX)
        return true;
    return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid desiredCount: %d. It must be between 0 and %d.",
                    desired_count, SERVICE_TASKS_MAX);
}

/* ---- daemons ---- */

bool daemon_fields_check(const struct shape *shape, const void *in, struct fail *f)
{
    static const struct {
        const char *field, *why;
    } rows[] = {
        {"desiredCount", "The daemon scheduling strategy does not support a desired count for services. Remove the "
                         "desired count value and try again"},
        {"placementStrategy", "The daemon scheduling strategy does not support placement strategies. Remove the "
                              "placement strategy and try again"},
        {"capacityProviderStrategy", DAEMON_WITHOUT_PROVIDERS},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (field_is_set(shape, in, rows[i].field))
            return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", rows[i].why);
    return true;
}

static bool check_daemon(const struct ecs_service *service, struct fail *f)
{
    if (service->deployment_configuration->maximum_percent > 100)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The daemon scheduling strategy does not support values above 100 for maximumPercent on a "
                        "deployment configuration. Change the maximumPercent value to 100, and try again");
    if (service->deployment_controller->type != ECS_DEPLOYMENT_CONTROLLER_TYPE_ECS)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The daemon scheduling strategy does not support the EXTERNAL deployment controller. Change "
                        "the deployment controller and try again");
    return true;
}

/* ---- the deployment configuration ---- */

static bool check_number(const char *name, int32_t number, int32_t least, int32_t most, struct fail *f)
{
    if (number >= least && number <= most)
        return true;
    return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid %s: %d. It must be between %d and %d.", name,
                    number, least, most);
}

static bool check_breaker(const struct ecs_deployment_circuit_breaker *breaker, struct fail *f)
{
    const struct ecs_threshold_configuration *threshold = breaker == NULL ? NULL : breaker->threshold_configuration;

    return threshold == NULL || check_number("thresholdConfiguration.value", threshold->value, 1, INT32_MAX, f);
}

static bool deployment_configuration_check(const struct ecs_deployment_configuration *configuration, struct fail *f)
{
    int32_t minimum = configuration->minimum_healthy_percent;
    int32_t maximum = configuration->maximum_percent;

    if (configuration->strategy != ECS_DEPLOYMENT_STRATEGY_ROLLING)
        return unsupported("deploymentConfiguration.strategy",
                           "BLUE_GREEN, LINEAR and CANARY deployments shift traffic of load balancers, which Berth "
                           "does not have yet.",
                           f);
    if (!check_number("minimumHealthyPercent", minimum, 0, 100, f) ||
        !check_number("maximumPercent", maximum, 100, PERCENT_MAX, f) ||
        !check_number("bakeTimeInMinutes", configuration->bake_time_in_minutes, 0, BAKE_MINUTES_MAX, f))
        return false;
    if (minimum == 100 && maximum == 100)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.");
    return check_breaker(configuration->deployment_circuit_breaker, f);
}

/* Developer guide, "Balancing an Amazon ECS service across Availability Zones". */
static const char *why_not_rebalanced(const struct ecs_service *service)
{
    static const char zone[] = "attribute:ecs.availability-zone";
    const struct ecs_placement_strategies *strategies = &service->placement_strategy;

    if (service->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON)
        return "the scheduling strategy DAEMON";
    if (service->launch_type == ECS_LAUNCH_TYPE_EXTERNAL)
        return "the launch type EXTERNAL";
    if (service->deployment_configuration->maximum_percent <= 100)
        return "a maximumPercent of 100";
    if (strategies->count > 0 &&
        (strategies->items[0].type != ECS_PLACEMENT_STRATEGY_TYPE_SPREAD || !str_is(strategies->items[0].field, zone)))
        return "a first placement strategy that is not spread over attribute:ecs.availability-zone";
    for (size_t i = 0; i < service->placement_constraints.count; i++) {
        struct str expression = service->placement_constraints.items[i].expression;

        if (str_search(expression, str_of(zone)) < expression.len)
            return "a placement constraint on attribute:ecs.availability-zone";
    }
    return NULL;
}

enum ecs_availability_zone_rebalancing rebalancing_default(const struct ecs_service *service)
{
    return why_not_rebalanced(service) == NULL ? ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED
                                               : ECS_AVAILABILITY_ZONE_REBALANCING_DISABLED;
}

bool service_settings_check(const struct ecs_service *service, struct fail *f)
{
    const char *why_not = why_not_rebalanced(service);

    if (!deployment_configuration_check(service->deployment_configuration, f) ||
        (service->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON && !check_daemon(service, f)))
        return false;
    if (service->availability_zone_rebalancing != ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED || why_not == NULL)
        return true;
    return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "Availability Zone rebalancing does not support services with %s.", why_not);
}

struct ecs_deployment_configuration *deployment_configuration_default(struct arena *arena,
                                                                      enum ecs_scheduling_strategy strategy)
{
    struct ecs_deployment_configuration *to = arena_new(arena, struct ecs_deployment_configuration);
    bool is_daemon = strategy == ECS_SCHEDULING_STRATEGY_DAEMON;

    to->deployment_circuit_breaker = arena_new(arena, struct ecs_deployment_circuit_breaker);
    SET(to->deployment_circuit_breaker, enable, false);
    SET(to->deployment_circuit_breaker, rollback, false);
    to->strategy = ECS_DEPLOYMENT_STRATEGY_ROLLING;
    SET(to, minimum_healthy_percent, is_daemon ? 0 : 100);
    SET(to, maximum_percent, is_daemon ? 100 : 200);
    SET(to, bake_time_in_minutes, 0);
    return to;
}

struct ecs_deployment_configuration *deployment_configuration_of(struct arena *arena,
                                                                 const struct ecs_deployment_configuration *base,
                                                                 const struct ecs_deployment_configuration *over)
{
    struct ecs_deployment_configuration *to = arena_new(arena, struct ecs_deployment_configuration);

    *to = *base;
    if (over == NULL)
        return to;
    if (over->deployment_circuit_breaker != NULL)
        to->deployment_circuit_breaker = over->deployment_circuit_breaker;
    if (over->strategy != ECS_DEPLOYMENT_STRATEGY_NONE)
        to->strategy = over->strategy;
    if (over->has_minimum_healthy_percent)
        SET(to, minimum_healthy_percent, over->minimum_healthy_percent);
    if (over->has_maximum_percent)
        SET(to, maximum_percent, over->maximum_percent);
    if (over->has_bake_time_in_minutes)
        SET(to, bake_time_in_minutes, over->bake_time_in_minutes);
    if (over->alarms != NULL) /* switched off: others are refused */
        to->alarms = over->alarms;
    return to;
}
