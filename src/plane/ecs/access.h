/* What ECS tells a policy decision: its condition keys and its resources' tags ("Actions, resources, and condition keys
 * for Amazon Elastic Container Service", service authorization reference). */
#pragma once

#include "plane/iam/authorize.h"

extern const struct access_spec ecs_access;

/* Who gets the roles of a task. */
#define ECS_TASKS_SERVICE "ecs-tasks.amazonaws.com"

/* The ARN of the definition that a request means: of the revision, when there is one. */
struct str task_definition_arn_of(const struct call *call, struct str text);

/* Whether ECS can take these roles on for a task; absent ones need none. Fails with ClientException. */
checked bool task_roles_check(const struct call *call, struct str task_role, struct str execution_role);
