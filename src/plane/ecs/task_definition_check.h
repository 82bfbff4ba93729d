/* What RegisterTaskDefinition accepts (ECS API reference, "RegisterTaskDefinition"; developer guide, "Amazon ECS task
 * definition parameters" for Fargate and for EC2, "Task definition differences for Fargate"). Messages are AWS's where
 * they are known from its answers.
 *
 * What Berth cannot do yet is refused here by name, whatever the launch type, so that a definition that is registered
 * is one that means what it says. Pure: sees the request and nothing else. */
#pragma once

#include "base/fail.h"
#include "model/gen/ecs.h"

/* Checks by the rules of every launch type that requiresCompatibilities names (none: EC2's). Fails with ClientException
 * and the first rule that is broken. */
checked bool task_definition_check(const struct ecs_register_task_definition_request *in, struct fail *f);

/* Whether the definition keeps the rules of one launch type: "compatibilities" in the answer. */
bool task_definition_fits(const struct ecs_register_task_definition_request *in, enum ecs_compatibility by);
