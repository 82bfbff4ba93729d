/* The networks of an instance's tasks, for the task engine: bridge, none and host (agent_bridge.h), and awsvpc, where
 * the task has the interface that came for it. What was made stands in the task's folder, for whoever adopts it. */
#pragma once

#include "node/agent/agent_bridge.h"
#include "node/task/engine.h"

struct agent_network;

checked bool agent_network_open(struct agent_network **ret_network, struct fail *f);
void agent_network_close(struct agent_network *network); /* NULL is fine; networks stay */

/* After the adoptions: takes away what is nobody's. */
checked bool agent_network_tidy(struct agent_network *network, struct fail *f);

/* As struct task_engine_port says. */
checked bool agent_network_make(struct agent_network *network, struct hosted *hosted, struct fail *f);
checked bool agent_network_adopt(struct agent_network *network, struct hosted *hosted, struct fail *f);
/* Whether a request to the instance from that address comes from one of the task's containers. The engine's lock is
 * held. */
bool agent_network_asks(const struct hosted *hosted, struct str peer);
void agent_network_remove(struct agent_network *network, struct hosted *hosted);
