/* What CreateService, UpdateService and CreateTaskSet accept (ECS API reference, of the same names). What is not built
 * is refused by its name, never kept and ignored. */
#pragma once

#include "plane/ecs/service.h"

#define SERVICE_TASKS_MAX 5000 /* AWS's quota "Tasks per service" */

/* Fields of a request that ask for what is not built; the shape is the request's. */
checked bool service_fields_check(const struct shape *shape, const void *in, struct fail *f);
checked bool service_count_check(int32_t desired_count, struct fail *f);
/* Percentages, strategy, circuit breaker, bake time: of the whole configuration, with its defaults. */
checked bool deployment_configuration_check(const struct ecs_deployment_configuration *configuration, struct fail *f);
/* Whether zones can be evened out under that configuration. */
checked bool rebalancing_check(enum ecs_availability_zone_rebalancing rebalancing,
                               const struct ecs_deployment_configuration *configuration, struct fail *f);

/* `over` laid over `base`; in the arena. base NULL: over the defaults of the API. */
struct ecs_deployment_configuration *deployment_configuration_of(struct arena *arena,
                                                                 const struct ecs_deployment_configuration *base,
                                                                 const struct ecs_deployment_configuration *over);
