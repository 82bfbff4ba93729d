/* What CreateService, UpdateService and CreateTaskSet accept (ECS API reference, of the same names). What is not built
 * is refused by its name, never kept and ignored. */
#pragma once

#include "plane/ecs/service.h"

#define SERVICE_TASKS_MAX 5000 /* AWS's quota "Tasks per service" */

/* Fields of a request that ask for what is not built; the shape is the request's. */
checked bool service_fields_check(const struct shape *shape, const void *in, struct fail *f);
checked bool service_count_check(int32_t desired_count, struct fail *f);

#define DAEMON_WITHOUT_PROVIDERS                                                                                       \
    "Specifying a capacity provider strategy is not supported when you create a service using the DAEMON scheduling "  \
    "strategy."
/* Fields of a request for a daemon that daemons do not have. */
checked bool daemon_fields_check(const struct shape *shape, const void *in, struct fail *f);

/* The service as it would be: its deployment configuration with the defaults, and what goes together. */
checked bool service_settings_check(const struct ecs_service *service, struct fail *f);
/* availabilityZoneRebalancing of a new service that says nothing of it: on, where it can be. */
enum ecs_availability_zone_rebalancing rebalancing_default(const struct ecs_service *service);

/* API reference, "DeploymentConfiguration"; in the arena. */
struct ecs_deployment_configuration *deployment_configuration_default(struct arena *arena,
                                                                      enum ecs_scheduling_strategy strategy);
/* `over`, which may be NULL, laid over `base`; in the arena. */
struct ecs_deployment_configuration *deployment_configuration_of(struct arena *arena,
                                                                 const struct ecs_deployment_configuration *base,
                                                                 const struct ecs_deployment_configuration *over);
