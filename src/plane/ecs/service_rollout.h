/* The rolling update of a service by ECS itself (developer guide, "Deploy Amazon ECS services by replacing tasks"):
 * what look_act does to the tasks, and what becomes of the deployments by it. */
#pragma once

#include "plane/ecs/service_look.h"

void service_roll(struct look *look);
