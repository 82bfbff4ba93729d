/* The event log of a service: the last SERVICE_EVENTS_MAX, in AWS's sentences (developer guide, "Amazon ECS service
 * event messages"). A sentence that was the last one already is not said again within SERVICE_EVENT_QUIET_MS. */
#pragma once

#include "plane/ecs/service.h"

#define SERVICE_EVENT_QUIET_MS (6 * HOUR_MS)
enum { SERVICE_EVENTS_MAX = 100 };

extern const struct table_spec service_event_table; /* by service and number */

/* Writes "(service NAME) " and the text. Its number is counted in the service, which the caller puts. */
void service_event_add(struct transaction *tx, struct service_edit *edit, const char *format, ...) printf_like(3, 4);
/* The same of a task that could not be placed: the record keeps why. */
void service_event_add_failure(struct transaction *tx, struct service_edit *edit, const struct ecs_failure *failure,
                               const char *format, ...) printf_like(4, 5);
/* All, newest first; in the arena, pointing into records. */
struct ecs_service_events service_events(const struct transaction *tx, const struct service_record *service,
                                         struct arena *arena);
