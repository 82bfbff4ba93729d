/* What the agent publishes on its TCS session (protocol notes, "TCS"): every 20 seconds how much CPU and memory the
 * containers take, from a sample a second, and how healthy they and the container runtime are; a container's health
 * also as soon as it has changed. Nothing of containers without a health check is in the latter. */
#pragma once

#include "node/agent/agent_session.h"
#include "node/agent/instance_tasks.h"

struct agent_telemetry;

checked bool agent_telemetry_start(const struct agent_config *config, const struct agent_registration *registration,
                                   struct instance_tasks *tasks, struct agent_telemetry **ret_telemetry,
                                   struct fail *f);
void agent_telemetry_stop(struct agent_telemetry *telemetry);
/* Tasks have changed. Any thread. */
void agent_telemetry_wake(struct agent_telemetry *telemetry);
