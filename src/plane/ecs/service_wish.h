/* What RunTask would be asked for a task of a service: the same wish, checked by the same rules, each time that tasks
 * are started, since roles and subnets may have gone since the service was made. */
#pragma once

#include "plane/ecs/service.h"
#include "plane/ecs/task_run.h"

/* Fails as RunTask does. The service need not be stored yet. */
checked bool service_wish_make(const struct call *call, const struct service_record *service,
                               const struct ecs_service_revision *revision, struct task_wish *ret_wish);

/* The zones that its subnets are in, each once and in their order, with a subnet of it. */
struct service_zones {
    struct str *names, *subnets;
    size_t count;
};
struct service_zones service_zones_of(const struct transaction *tx, const struct task_wish *wish);

/* The capacity provider that the next task takes, when each of the strategy's has so many: the base first, then the
 * least served for its weight. */
size_t service_next_provider(const struct ecs_capacity_provider_strategy *strategy, const int32_t *counts);
/* How many of so many tasks each provider has. */
int32_t *service_provider_shares(struct arena *arena, const struct ecs_capacity_provider_strategy *strategy,
                                 int32_t tasks);
/* Which of the strategy it is; one beyond: none. */
size_t service_provider_number(const struct ecs_capacity_provider_strategy *strategy, struct str name);
