/* The agent's introspection API on port 51678 ("Amazon ECS container agent introspection", developer guide):
 * /v1/metadata, /v1/tasks (also ?taskarn= and ?dockerid=), and / with what there is. */
#pragma once

#include "node/agent/instance_tasks.h"

struct introspection;

checked bool introspection_start(struct instance_tasks *tasks, const struct agent_config *config,
                                 const struct agent_registration *registration, struct introspection **ret,
                                 struct fail *f);
void introspection_stop(struct introspection *of);
