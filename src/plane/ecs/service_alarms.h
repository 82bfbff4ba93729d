/* Deployment alarms: CloudWatch alarms that fail a deployment (developer guide, "How CloudWatch alarms detect Amazon
 * ECS deployment failures").
 *
 * They are watched from the begin of a service deployment to the end of its bake time; its record says so (alarms:
 * MONITORING, then TRIGGERED or MONITORING_COMPLETE). When one is in ALARM at the begin, none is watched for the whole
 * of that deployment (DISABLED). A rollback is not watched. */
#pragma once

#include "plane/ecs/service.h"

/* What a service deployment that begins now shows of them. */
struct ecs_service_deployment_alarms *service_alarms_begin(struct transaction *tx,
                                                           const struct service_record *service);
/* The names of those that are in ALARM. */
struct ecs_string_list service_alarms_in_alarm(const struct transaction *tx, const struct service_record *service);

/* How long new tasks are watched where the service says nothing of it: as long as the slowest alarm takes to be sure.
 */
int64_t service_alarms_bake_ms(const struct transaction *tx, const struct service_record *service);

/* For dirties: of alarms. */
void services_mark_of_alarm(const struct transaction *tx, const void *before, const void *after, struct marks *marks);
/* Whether the service has alarms to watch at all. */
bool service_has_alarms(const struct service_record *service);
