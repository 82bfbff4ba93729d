/* The kernel's side of an ENI: a task's network namespace with eth0, whose other end is in the VPC's router.
 *
 * Inside, `ip address` shows what the API shows: eth0 with the ENI's MAC and its address with the subnet's prefix
 * length, default route by way of the subnet's first address. Other than on a real subnet no neighbour is on the link:
 * that prefix has no route of its own, so packets to neighbours too pass the router and its security groups. */
#pragma once

#include "node/network/eni.h"
#include "node/network/rtnetlink.h"

/* The MAC of every router at its end of each pair; the gateway, for whom tasks never have to ask. */
extern const uint8_t sandbox_router_mac[MAC_BYTES];

struct sandbox_place {
    const char *name;         /* of the namespace */
    int home_fd;              /* the calling thread's namespace */
    struct rtnetlink *router; /* in the router's namespace */
    uint32_t router_index;    /* unused interface index there, for our end */
    struct cidr subnet;
};

/* Makes namespace, veth pair, addresses and routes; nothing is left behind when it fails. */
checked bool sandbox_make(const struct eni *eni, const struct sandbox_place *place, struct fail *f);

/* The same into a namespace that is there (`place->name`): an interface named as in the router, down, without address
 * and routes. */
checked bool sandbox_join(const struct eni *eni, const struct sandbox_place *place, struct fail *f);
/* Takes it away again, wherever it is by now. */
checked bool sandbox_part(const struct eni *eni, struct rtnetlink *router, struct fail *f);
/* A new namespace of that name with the settings of a task's and nothing in it, and a socket inside. */
checked bool sandbox_open(const char *name, int home_fd, int *ret_fd, struct rtnetlink *ret_inside, struct fail *f);

/* Lets go of the namespace. The pair goes with it, asynchronously: faster than removing the link, which waits for RCU
 * (13-42 ms). A process that is still inside keeps it, but the firewall no longer lets it through. */
checked bool sandbox_drop(const char *name, struct fail *f);
