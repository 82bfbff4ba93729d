/* Service revisions: what the tasks of a deployment or task set are made of (API reference, "ServiceRevision"). One is
 * made for each and never changed; they go with the story of their deployment (service_deployment.h) or their service.
 */
#pragma once

#include "plane/ecs/service.h"

extern const struct table_spec service_revision_table; /* by service and id */

/* NULL: there is none. */
const struct service_revision_record *service_revision_of(const struct transaction *tx,
                                                          const struct service_record *service, struct str id);
/* How its tasks are launched, where launch_type and strategy are as they were asked for: by the cluster's default
 * strategy when neither was, and without a strategy on container instances unless FARGATE was asked for (API reference,
 * "CreateService", "CreateTaskSet"). Instances have no platform: a version that is asked for all the same is refused
 * when a task is wished for. */
void service_revision_set_launch(struct ecs_service_revision *revision, const struct cluster_record *cluster,
                                 struct str platform_version);
/* Puts one with a new id, which it gives; what it is made of is given without names and times. */
struct str service_revision_make(struct transaction *tx, const struct service_record *service,
                                 const struct ecs_service_revision *made_of);
