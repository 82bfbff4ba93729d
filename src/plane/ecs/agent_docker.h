/* The part of a container that travels to the ECS agent as texts of Docker's Engine API (objects "Config" and
 * "HostConfig" of POST /containers/create): the agent lays them over what it makes itself. */
#pragma once

#include "base/arena.h"
#include "model/agent.h"
#include "model/gen/ecs.h"

struct agent_docker_options {
    struct str network_mode; /* "host", "none", "bridge"; absent: the agent's own business (awsvpc) */
    /* The options of the log driver, with what we put in place of ECS's own. */
    struct ecs_log_configuration_options_map log_options;
};

struct agent_docker_config *agent_docker_config(struct arena *arena, const struct ecs_container_definition *container,
                                                const struct agent_docker_options *options);
