/* The ECS agent: registers this machine as a container instance, and runs the tasks that the server sends. It speaks
 * the protocol of the amazon-ecs-agent and nothing else, so it works with any server that does. */
#pragma once

#include "node/agent/agent_config.h"

/* Runs until SIGTERM, which the caller has blocked (main/signals.h) and `wait` waits for: so many milliseconds at most
 * (WHEN_NEVER: until it comes), and true when it has come. The exit status: 0, 1 (start me again), 5 (do not). */
int agent_run(const struct agent_config *config, bool (*wait)(int64_t ms));
