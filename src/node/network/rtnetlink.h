/* One routing netlink socket, and the few requests we make with it. The socket belongs to the network namespace in
 * which it was opened, whoever uses it later: changes in a router need no visit there.
 *
 * Changes are collected and sent in one batch: one system call there and one back instead of one pair each. The kernel
 * carries out all of a batch, also those behind one that fails. Not thread-safe. */
#pragma once

#include "base/fail.h"
#include "node/network/address.h"

#include <net/if.h>

enum { RTNETLINK_BATCH_MAX = 16, RTNETLINK_BATCH_BYTES = 4096 };

struct rtnetlink {
    int fd; /* -1: closed */
    uint32_t sequence;
    struct rtnetlink_request {
        const char *what; /* for the failure's text */
        int tolerated;    /* errno that counts as success, or 0 */
    } requests[RTNETLINK_BATCH_MAX];
    size_t count;
    size_t used; /* bytes of batch */
    _Alignas(8) char batch[RTNETLINK_BATCH_BYTES];
};

/* In the calling thread's namespace. */
checked bool rtnetlink_open(struct rtnetlink *rt, struct fail *f);
void rtnetlink_close(struct rtnetlink *rt);

struct rtnetlink_veth_end {
    const char *name;
    uint32_t index;     /* 0: the kernel chooses */
    const uint8_t *mac; /* NULL: random */
};

/* Adds a pair, `peer` in the namespace peer_fd; both down. FAIL_CONFLICT from send when a name or index is taken. */
void rtnetlink_veth(struct rtnetlink *rt, const struct rtnetlink_veth_end *here, const struct rtnetlink_veth_end *peer,
                    int peer_fd);
void rtnetlink_link_up(struct rtnetlink *rt, uint32_t index);
/* Into another namespace, under that name; it is down there. */
void rtnetlink_link_move(struct rtnetlink *rt, uint32_t index, int namespace_fd, const char *name);
/* Slow, 10-30 ms: waits for an RCU grace period. No failure when there is none. */
void rtnetlink_link_remove(struct rtnetlink *rt, const char *name);

/* An address of an interface; without_route: the kernel adds no route to its prefix. */
void rtnetlink_address(struct rtnetlink *rt, uint32_t index, uint32_t address, uint8_t bits, bool without_route);
void rtnetlink_address_remove(struct rtnetlink *rt, uint32_t index, uint32_t address, uint8_t bits);

struct rtnetlink_route {
    struct cidr to;
    uint32_t index;   /* interface; 0 for a black hole */
    uint32_t gateway; /* 0: on the link */
    uint32_t source;  /* preferred; 0: none */
    uint32_t priority;
    bool black_hole;
};

/* Adds a route of the main table, or replaces the one to the same destination of the same priority. */
void rtnetlink_route(struct rtnetlink *rt, const struct rtnetlink_route *route);
/* No failure when there is none. */
void rtnetlink_route_remove(struct rtnetlink *rt, const struct rtnetlink_route *route);
/* A neighbour that is never asked for (no ARP). */
void rtnetlink_neighbour(struct rtnetlink *rt, uint32_t index, uint32_t address, const uint8_t mac[MAC_BYTES]);

/* Sends what was collected and waits until it is done. Returns the first failure: FAIL_CONFLICT for EEXIST and EBUSY,
 * FAIL_NOT_FOUND for ENODEV and ESRCH, else FAIL_SYSTEM. The batch is empty afterwards. */
checked bool rtnetlink_send(struct rtnetlink *rt, struct fail *f);

struct rtnetlink_link {
    uint32_t index;
    char name[IFNAMSIZ];
};
struct rtnetlink_held_address {
    uint32_t index;
    struct cidr address; /* the whole address with its prefix length, host bits kept */
};
struct rtnetlink_held_route {
    struct cidr to;
    uint32_t index; /* 0: none */
};

/* Everything of the namespace; each is called for every item, again when the kernel's list changed while it was read.
 */
typedef void rtnetlink_link_fn(const struct rtnetlink_link *link, void *context);
typedef void rtnetlink_address_fn(const struct rtnetlink_held_address *address, void *context);
typedef void rtnetlink_route_fn(const struct rtnetlink_held_route *route, void *context); /* IPv4, all tables */

checked bool rtnetlink_links(struct rtnetlink *rt, rtnetlink_link_fn *each, void *context, struct fail *f);
checked bool rtnetlink_addresses(struct rtnetlink *rt, rtnetlink_address_fn *each, void *context, struct fail *f);
checked bool rtnetlink_routes(struct rtnetlink *rt, rtnetlink_route_fn *each, void *context, struct fail *f);
/* 0 in *ret_index when there is none of that name. */
checked bool rtnetlink_link_find(struct rtnetlink *rt, const char *name, uint32_t *ret_index, struct fail *f);
