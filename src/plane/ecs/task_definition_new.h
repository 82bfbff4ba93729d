/* The task definition that a request describes, as the API shows it: defaults filled in, sizes as plain numbers, roles
 * as ARNs, requiresAttributes and compatibilities computed. */
#pragma once

#include "base/arena.h"
#include "model/gen/ecs.h"

/* `in` has passed task_definition_check. ARN, revision, status and times are the caller's to fill in. In the arena, and
 * pointing into `in`. */
struct ecs_task_definition *task_definition_new(const struct ecs_register_task_definition_request *in,
                                                struct str account, struct arena *arena);

/* What a container instance must be able to do for this definition (requires_attributes.c). */
struct ecs_requires_attributes requires_attributes(const struct ecs_register_task_definition_request *in,
                                                   struct arena *arena);

/* For the test that walks the tables: every field of theirs is in the model. */
bool requires_attributes_fields_exist(void);
