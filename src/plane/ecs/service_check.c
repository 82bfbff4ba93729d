#include "plane/ecs/service_check.h"

#include "plane/ecs/field.h"

enum { PERCENT_DEFAULT_MINIMUM = 100, PERCENT_DEFAULT_MAXIMUM = 200, PERCENT_MAX = 1000, BAKE_MINUTES_MAX = 1440 };

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

bool deployment_configuration_check(const struct ecs_deployment_configuration *configuration, struct fail *f)
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

bool rebalancing_check(enum ecs_availability_zone_rebalancing rebalancing,
                       const struct ecs_deployment_configuration *configuration, struct fail *f)
{
    if (rebalancing != ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED || configuration->maximum_percent > 100)
        return true;
    return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "availabilityZoneRebalancing cannot be ENABLED when maximumPercent is %d: it starts tasks before "
                    "it stops others.",
                    configuration->maximum_percent);
}

static struct ecs_deployment_configuration *defaults(struct arena *arena)
{
    struct ecs_deployment_configuration *to = arena_new(arena, struct ecs_deployment_configuration);

    to->deployment_circuit_breaker = arena_new(arena, struct ecs_deployment_circuit_breaker);
    SET(to->deployment_circuit_breaker, enable, false);
    SET(to->deployment_circuit_breaker, rollback, false);
    to->strategy = ECS_DEPLOYMENT_STRATEGY_ROLLING;
    SET(to, minimum_healthy_percent, PERCENT_DEFAULT_MINIMUM);
    SET(to, maximum_percent, PERCENT_DEFAULT_MAXIMUM);
    SET(to, bake_time_in_minutes, 0);
    return to;
}

struct ecs_deployment_configuration *deployment_configuration_of(struct arena *arena,
                                                                 const struct ecs_deployment_configuration *base,
                                                                 const struct ecs_deployment_configuration *over)
{
    struct ecs_deployment_configuration *to = defaults(arena);

    if (base != NULL)
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
