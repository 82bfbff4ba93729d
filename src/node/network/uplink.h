/* The way out of a VPC's router: a veth pair to the machine's namespace, with a link-local /30 of its own; and the
 * machine's side of NAT.
 *
 * Two VPCs, also of different instances, may have the same addresses: the router translates to its end of the /30, and
 * the machine only ever sees that. Foreign tables, routes and interfaces are never touched.
 *
 * Not here: a FORWARD chain of someone else that drops (Docker's does) drops our packets to the internet too; only its
 * owner can let them through. */
#pragma once

#include "node/network/nft.h"
#include "node/network/rtnetlink.h"

#define UPLINK_INSIDE "up" /* the router's end; ENIs' are "eni..." */

/* Where the /30s lie: 169.254.192.0/18. RFC 3927, section 2.1 reserves .0 and .255; the services of clouds and of ECS
 * (169.254.169.x, .170.x, .172.0/22) are below. */
extern const struct cidr uplink_space;

/* Interface indexes in a router are chosen by us, so that requests can name an interface before it is made: the
 * uplink's, and ENIs' from UPLINK_INDEX + 1 on. The fallback tunnels that modules put into every namespace are below.
 */
enum { UPLINK_INDEX = 100 };

struct uplink {
    char name[IFNAMSIZ]; /* the machine's end: "bINSTANCE-" and 28 bits of a hash of the VPC's id */
    struct cidr range;   /* its /30: .1 the machine, .2 the router; bits 0: there is no uplink */
};

void uplink_name(struct uplink *uplink, const char *instance, struct str vpc);

struct uplink_ends {
    struct rtnetlink *machine;
    struct rtnetlink *router;
    int router_fd; /* the router's namespace */
};

/* Makes the pair, or what is missing of it, and the router's default route. */
checked bool uplink_make(struct uplink *uplink, const struct uplink_ends *ends, struct fail *f);
/* True also when there is none. */
checked bool uplink_remove(struct uplink *uplink, struct rtnetlink *machine, struct fail *f);

/* Adds or takes away the machine's route to the VPC. FAIL_CONFLICT: it is routed elsewhere. */
checked bool uplink_route(const struct uplink *uplink, struct rtnetlink *machine, struct cidr vpc, bool wanted,
                          struct fail *f);

/* Adds or takes away the machine's route to a public address, of a kind of its own that replaces nobody else's. True
 * also when there is nothing to take away. */
checked bool uplink_public(const struct uplink *uplink, struct rtnetlink *machine, uint32_t address, bool wanted,
                           struct fail *f);

/* FAIL_CONFLICT when part of the range is routed other than by a default route or by interfaces whose names start with
 * own_prefix. */
checked bool uplink_cidr_free(struct rtnetlink *machine, const char *own_prefix, struct cidr cidr, struct fail *f);

/* One row an uplink, for the machine's table. */
struct uplink_row {
    const struct uplink *uplink;
    bool exit; /* its VPC reaches the internet */
};

/* The text of the machine's table "inet berth-INSTANCE", in place of one that may exist; without rows just gone. */
void uplink_table(struct buf *out, const char *instance, const struct uplink_row *rows, size_t count);
