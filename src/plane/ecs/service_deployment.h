/* Service deployments: the story of one change of a service, from its revisions before to the one wished for (API
 * reference, "ServiceDeployment"; developer guide, "View service history using Amazon ECS service deployments").
 *
 * Life: PENDING -> IN_PROGRESS -> SUCCESSFUL, or STOPPED (failed without a rollback, or overtaken by a newer one), or
 * ROLLBACK_REQUESTED (by StopServiceDeployment) -> ROLLBACK_IN_PROGRESS -> ROLLBACK_SUCCESSFUL or ROLLBACK_FAILED. A
 * service has one that is not over; of those that are, the last SERVICE_DEPLOYMENTS_MAX are kept. */
#pragma once

#include "plane/ecs/service.h"

enum { SERVICE_DEPLOYMENTS_MAX = 100 };

extern const struct table_spec service_deployment_table; /* by service and id; index "time", newest first */

/* The one that the service is in, or was in last; NULL: none (EXTERNAL). */
const struct service_deployment_record *service_deployment_current(const struct transaction *tx,
                                                                   const struct service_record *service);
bool service_deployment_is_over(const struct service_deployment_record *deployment);

/* A new one to that revision, which overtakes one that is not over. Before the service shows the revision. */
void service_deployment_begin(struct transaction *tx, struct service_edit *service, struct str revision_id);
/* The steps of the current one; nothing when it is over. */
void service_deployment_start(struct transaction *tx, const struct service_record *service);
void service_deployment_trip(struct transaction *tx, const struct service_record *service, int32_t failures);
bool service_deployment_is_rolling_back(const struct transaction *tx, const struct service_record *service);
/* Whether alarms are watched for it now; that one was found. */
bool service_deployment_watches_alarms(const struct transaction *tx, const struct service_record *service);
void service_deployment_alarm(struct transaction *tx, const struct service_record *service,
                              struct ecs_string_list triggered);
void service_deployment_roll_back(struct transaction *tx, const struct service_record *service, struct str revision_id,
                                  struct str reason);
void service_deployment_finish(struct transaction *tx, const struct service_record *service, bool is_success,
                               struct str reason);

/* The failures that the service's circuit breaker puts up with; for the desired count as it is. */
int32_t circuit_breaker_threshold(const struct service_record *service);
