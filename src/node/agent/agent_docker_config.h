/* The member dockerConfig of a payload's container: Docker Engine API objects (Config and HostConfig of "Create a
 * container") in texts, which become what a container definition says in words of its own. Pure. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/agent.h"

/* Adds to the definition what the texts say. FAIL_INPUT names the member that is malformed or cannot be. */
checked bool agent_docker_config_read(const struct agent_docker_config *docker, struct arena *arena,
                                      struct ecs_container_definition *definition, struct fail *f);
/* HostConfig.NetworkMode, in the arena; absent without. */
struct str agent_docker_config_mode(const struct agent_docker_config *docker, struct arena *arena);
