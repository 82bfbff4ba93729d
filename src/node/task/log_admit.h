/* Before a container starts: whether its log configuration can be, and that its log stream exists. */
#pragma once

#include "node/task/log_route.h"

struct log_admission {
    const char *logs_dir;
    const char *address; /* of the server */
    const _Atomic bool *cancel;
    const struct log_identity *identity; /* of tasks without an execution role; NULL: such a task cannot log */
};

/* Writes the container's route and, for driver awslogs, makes the stream (again and again while the server is away, for
 * a quarter of a minute) and opens the route; for lines that stay on the host *ret_route is NULL. Fails with what
 * Fargate says behind "ResourceInitializationError: ". Worker threads. */
checked bool log_admit(const struct log_admission *admission, const struct host_task_assignment *task,
                       const struct ecs_container_definition *container, size_t i, struct log_route **ret_route,
                       struct fail *f);
