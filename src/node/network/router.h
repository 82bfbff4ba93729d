/* A VPC on this machine: the namespace that is its router, with firewall, uplink and resolver.
 *
 * Life: 1 router_open finds the namespace of a former process or makes one; 2 router_apply brings it to what the VPC
 *       wants, again at each change; 3 router_close lets it work on, router_remove ends it. */
#pragma once

#include "node/network/firewall.h"
#include "node/network/machine.h"

struct subnet {
    struct network_id id;
    struct cidr cidr;
    enum network_exit exit;
};

/* A VPC as it is wanted, checked and in numbers. */
struct vpc {
    struct network_id id;
    struct cidr cidr;
    bool reachable;
    bool dns_support;
    struct subnet *subnets; /* owned by whoever holds the struct vpc */
    size_t subnet_count;
};

struct router {
    struct tree_node node; /* of the network's tree, by id */
    struct vpc vpc;
    struct machine_name name; /* of the namespace */
    int fd;                   /* the namespace */
    struct rtnetlink rt;      /* in it */
    int conntrack;            /* in it */
    uint32_t index_next;      /* the next unused interface index in it */
    struct firewall firewall;
    struct uplink uplink;
    bool has_resolver;
    struct resolver resolver;
};

/* FAIL_INPUT when something is malformed. *ret_vpc owns its subnets: vpc_free. */
checked bool vpc_set(const struct network_vpc *wanted, struct vpc *ret_vpc, struct fail *f);
void vpc_free(struct vpc *vpc);
const struct subnet *vpc_subnet(const struct vpc *vpc, const char *id); /* NULL: none */
bool vpc_has_exit(const struct vpc *vpc);
/* Whether packets of the ENI may leave the VPC. */
bool vpc_lets_out(const struct vpc *vpc, const struct eni *eni);
/* Whether it is reached at its public address. */
bool vpc_exposes(const struct vpc *vpc, const struct eni *eni);

/* Looks only at the id and CIDR of vpc. */
checked bool router_open(struct machine *machine, const struct vpc *vpc, struct router **ret_router, struct fail *f);
void router_close(struct router *router);

/* Takes over vpc. FAIL_CONFLICT when its CIDR is another than before, or, with everything else applied, when it cannot
 * be made reachable. */
checked bool router_apply(struct router *router, struct machine *machine, struct vpc *vpc, struct fail *f);

/* Starts the resolver if it is wanted and does not run, stops it if it is not wanted. */
checked bool router_resolve(struct router *router, struct machine *machine, struct fail *f);

/* Removes namespace, uplink and resolver of the VPC of that id, which is not open (any more). */
checked bool router_remove(struct machine *machine, const char *id, struct fail *f);

/* See network_socket. */
checked bool router_socket(struct router *router, const struct machine *machine, uint32_t address, uint16_t port,
                           int type, int *ret_fd, struct fail *f);

/* Removes the interfaces of ENIs that are not in the tree: leavings of a crash. */
checked bool router_sweep(struct router *router, const struct tree *enis, struct fail *f);
