/* The events of Amazon ECS ("Amazon ECS events", developer guide), made of changes of its records. */
#pragma once

#include "plane/events/events.h"

/* The functions of follows_spec, one a table whose changes are told; their rows stand in events.c. */
void ecs_event_of_task(struct transaction *tx, const void *before, const void *after);
void ecs_event_of_container_instance(struct transaction *tx, const void *before, const void *after);
void ecs_event_of_deployment(struct transaction *tx, const void *before, const void *after);
void ecs_event_of_service_event(struct transaction *tx, const void *before, const void *after);
void ecs_event_of_service(struct transaction *tx, const void *before, const void *after);
void ecs_event_of_task_set(struct transaction *tx, const void *before, const void *after);
