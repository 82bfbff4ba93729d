/* The network mode bridge: a namespace for each container, an address of 172.17.0.0/16, routed by the instance, which
 * hides it behind its own address and hands connections to host ports on. As Docker's default bridge, but without a
 * bridge: neighbours reach each other by way of the instance. */
#pragma once

#include "base/fail.h"
#include "model/host.h"
#include "node/network/network.h"

struct agent_bridge;

enum { BRIDGE_PORTS_MAX = 100 };

struct agent_port {
    uint16_t container, host; /* host 0 is chosen when the container is added */
    bool udp;
};

struct agent_endpoint {
    const struct host_network_interface *interface; /* the network mode awsvpc: agent_eni.h; NULL: another */
    bool is_alone;                                  /* the network mode none: nothing but a loopback interface */
    char path[NETWORK_PATH_SIZE];                   /* of the namespace */
    char name[48];
    struct str address; /* in `text`: of awsvpc the one at which the instance knows it */
    char text[20];
    uint32_t number;
    struct agent_port ports[BRIDGE_PORTS_MAX];
    size_t port_count;
};

/* Begins anew, but for what agent_bridge_adopt names before agent_bridge_tidy. */
checked bool agent_bridge_open(struct agent_bridge **ret_bridge, struct fail *f);
/* Networks stay. */
void agent_bridge_close(struct agent_bridge *bridge);
/* Gives it an address and its ports; `endpoint` has the wished ports. Any thread. */
checked bool agent_bridge_add(struct agent_bridge *bridge, struct agent_endpoint *endpoint, struct fail *f);
/* One that a former process made: `endpoint` has its number and ports. */
checked bool agent_bridge_adopt(struct agent_bridge *bridge, struct agent_endpoint *endpoint, struct fail *f);
/* Takes away what a former process made and nobody adopted. */
checked bool agent_bridge_tidy(struct agent_bridge *bridge, struct fail *f);
void agent_bridge_remove(struct agent_bridge *bridge, struct agent_endpoint *endpoint);
