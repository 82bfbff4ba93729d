/* A service as the API shows it: its tasks, deployments, task sets and events counted and listed as they are now. */
#pragma once

#include "plane/ecs/service.h"

struct ecs_service *service_shown(const struct call *call, const struct service_record *service, bool with_tags);
