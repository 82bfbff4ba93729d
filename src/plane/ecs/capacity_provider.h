/* The capacity providers that a cluster can have. FARGATE and FARGATE_SPOT exist in every account; others do not exist
 * yet. On FARGATE_SPOT a task runs as on FARGATE: Berth has no spare capacity to take back. */
#pragma once

#include "core/call.h"
#include "model/gen/ecs.h"

enum { CAPACITY_PROVIDERS_MAX = 20 }; /* of a cluster; API reference, "PutClusterCapacityProviders" */

/* Providers and default strategy of a cluster: known, each once, the strategy among the providers (API reference,
 * "PutClusterCapacityProviders"). Fails with InvalidParameterException. */
checked bool capacity_providers_check(const struct ecs_string_list *providers,
                                      const struct ecs_capacity_provider_strategy *strategy, struct fail *f);

/* A strategy over a cluster's providers: among them, so at most as many, each once, one base at most. Fails with
 * InvalidParameterException. */
checked bool capacity_provider_strategy_check(const struct ecs_string_list *providers,
                                              const struct ecs_capacity_provider_strategy *strategy, struct fail *f);
