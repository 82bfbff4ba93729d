/* The handlers of ECS operations, declared for the table in operations.c. Core thread; see core/call.h. */
#pragma once

#include "plane/ecs/ecs.h"

#define ECS_HANDLER(name)                                                                                              \
    bool name(struct call *call, const struct ecs_##name##_request *in, struct ecs_##name##_response *out)

ECS_HANDLER(create_cluster);
ECS_HANDLER(register_task_definition);
ECS_HANDLER(describe_task_definition);
ECS_HANDLER(run_task);
ECS_HANDLER(stop_task);
ECS_HANDLER(describe_tasks);
ECS_HANDLER(list_tasks);
ECS_HANDLER(get_task_protection);
ECS_HANDLER(update_task_protection);
