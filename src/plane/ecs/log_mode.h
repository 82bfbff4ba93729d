/* The account setting defaultLogDriverMode, made true: what a host is told of a task whose account wants its logs
 * non-blocking. */
#pragma once

#include "base/arena.h"
#include "model/gen/ecs.h"

/* The definition with mode=non-blocking in each configuration of awslogs or splunk that does not say a mode itself. In
 * the arena, and pointing into `definition`. */
struct ecs_task_definition *log_mode_non_blocking(const struct ecs_task_definition *definition, struct arena *arena);
