/* The network mode awsvpc: the interface that came into the instance for a task, found by its MAC, moves into a
 * namespace of the task's and is set up there as on a subnet. A second pair leads to the instance alone, for
 * 169.254.170.2. What the interface may reach is decided where its other end is, outside of the instance. */
#pragma once

#include "node/agent/agent_bridge.h"
#include "node/network/rtnetlink.h"

/* The index of the interface of that MAC ("02:...") in the calling thread's namespace; FAIL_NOT_FOUND. */
checked bool agent_eni_find(struct str mac, uint32_t *ret_index, struct fail *f);
/* Makes the endpoint's namespace; `machine` is a socket of the instance's, link_index unused there. Nothing is left
 * behind when it fails. */
checked bool agent_eni_make(const struct agent_endpoint *endpoint, int home_fd, struct rtnetlink *machine,
                            uint32_t link_index, struct fail *f);
