/* The task sets of a service of an EXTERNAL controller, each brought to its own scale. */
#pragma once

#include "plane/ecs/service_look.h"

void task_sets_roll(struct look *look);
