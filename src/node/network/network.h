/* The data plane of one machine: VPC routers, elastic network interfaces (ENIs), security groups, NAT, resolver.
 *
 * What it makes. Each VPC is one network namespace "berth-INSTANCE-vpc-...", the VPC's router. Each ENI is a namespace
 * "berth-INSTANCE-eni-..." (both bound under /run/netns, so `ip netns` shows them) whose eth0 is one end of a veth
 * pair; the other end is in the router, which knows a /32 route to it. There is no bridge: every packet passes the
 * router, and its nftables hold one chain a security group. A VPC that the machine or the internet reaches has one more
 * veth pair to the namespace in which network_open was called (the "machine").
 *
 * An ENI may be put into the namespace of another one (`inside`): how an EC2 instance has more than its first.
 *
 * Level-triggered. The caller hands over the whole desired state, again whenever it changes; what exists is compared
 * with it and the difference applied. ENIs come and go one by one with the tasks that use them.
 *
 * Life of the struct network:
 *   1 network_open         takes the instance's lock, finds ENIs that a former process left and keeps them running;
 *                          removes half-made ones
 *   2 network_apply_vpcs   then network_apply_groups, in this order before any ENI is added; again at every change
 *   3 network_list         ENIs whose task is gone: network_eni_remove
 *   4 network_eni_add ...  the daily work, network_eni_update and _remove; network_check now and then
 *   5 network_close        leaves everything running; network_down first removes everything of this instance
 * A crash is the same as 5 without network_down: the next process continues at 1, packets flow all the time.
 *
 * Rules, as documented in the "Amazon VPC User Guide" (Security groups, Subnet CIDR blocks, DNS attributes) and the
 * "Amazon EC2 User Guide" (Security group connection tracking):
 *   - inbound is denied unless a rule of one of the ENI's groups allows it, outbound likewise; answers always pass;
 *   - every connection is tracked. A rule that is taken away is taken away from new connections; one that is
 *     established goes on until it ends or times out, as AWS does with tracked connections;
 *   - a source address that is not the ENI's is dropped (the source/destination check);
 *   - security groups do not filter the resolver and the link-local services;
 *   - the subnet's first address is the gateway, the VPC's base address plus two and 169.254.169.253 the resolver;
 *   - 169.254.0.0/16 never leaves the VPC, so no task reaches the instance metadata of a cloud below us;
 *   - where a subnet's exit is an internet gateway, its ENIs are reached at their public addresses, from the machine
 *     and from other VPCs, as far as their groups let. These addresses are of 198.18.0.0/15 (RFC 2544), which the
 *     internet does not route: "public" ends at this machine.
 *
 * Not here: IPv6 (switched off in every namespace), network ACLs, peering, other hosts.
 *
 * Threads: every function may be called from any thread; one mutex a struct network makes them take turns. A calling
 * thread visits other network namespaces during a call and is back in its own when the call returns. Needs
 * CAP_SYS_ADMIN and CAP_NET_ADMIN. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

enum {
    NETWORK_ID_MAX = 32,         /* bytes of "vpc-...", "subnet-...", "sg-...", "eni-...": [a-z0-9-] */
    NETWORK_INSTANCE_MAX = 6,    /* bytes of an instance's name: [a-z0-9] */
    NETWORK_ENI_GROUPS_MAX = 16, /* AWS: security groups per network interface, at most 16 */
    NETWORK_SERVICES_MAX = 8,    /* addresses a VPC for network_socket */
    NETWORK_PATH_SIZE = 64,
};

struct network;

struct network_options {
    const char *instance; /* prefixes every name, so that installations on one machine never touch each other's */
    const char *run_dir;  /* made if missing; must live as long as /run/netns does (a tmpfs). Each folder above it must
                             let others pass (o+x): the resolver reads its files as an unprivileged user */
};

enum network_exit {
    NETWORK_EXIT_NONE,             /* packets stay in the VPC */
    NETWORK_EXIT_INTERNET_GATEWAY, /* ENIs with a public address reach the internet */
    NETWORK_EXIT_NAT_GATEWAY,      /* all ENIs do */
};

struct network_subnet {
    struct str id;
    struct str cidr; /* inside the VPC's */
    enum network_exit exit;
};

struct network_vpc {
    struct str id;
    struct str cidr;  /* fixed for life */
    bool reachable;   /* the machine has a route to it: the default VPC. The machine's packets come from a link-local
                         address: security groups see a stranger, 0.0.0.0/0 admits it */
    bool dns_support; /* runs a resolver */
    const struct network_subnet *subnets;
    size_t subnet_count;
};

struct network_rule {
    int protocol;     /* IANA number, -1: all */
    int from_port;    /* tcp and udp: 0-65535; icmp: type, -1: all; else unused */
    int to_port;      /* tcp and udp: >= from_port; icmp: code, -1: all */
    struct str cidr;  /* IPv4, "203.0.113.0/24"; exactly one of cidr and group is present */
    struct str group; /* members of this group in the same VPC; an unknown one has none (AWS: a stale rule) */
};

struct network_group {
    struct str id;
    struct str vpc;
    const struct network_rule *ingress;
    size_t ingress_count;
    const struct network_rule *egress;
    size_t egress_count;
};

struct network_eni {
    struct str id;
    struct str vpc;
    struct str subnet;
    struct str address;        /* inside the subnet's CIDR */
    struct str mac;            /* "02:ab:..." */
    struct str public_address; /* of 198.18.0.0/15, nobody else's in the instance; absent: none */
    const struct str *groups;  /* 1 to NETWORK_ENI_GROUPS_MAX */
    size_t group_count;
    int namespace_fd;  /* of a new network namespace that shall become the ENI's; 0: one is made, owned by the machine's
                          root. Not asked for when the ENI exists */
    struct str inside; /* absent; or the ENI in whose namespace this one is put, down and without an address: whoever
                          is inside takes it from there. It ends with the namespace that it is in */
};

struct network_name {
    struct str name;    /* "ip-172-31-0-5.ec2.internal" */
    struct str address; /* several rows for a name with several addresses */
};

/* FAIL_CONFLICT when another process holds this instance. options may go away after the call. */
checked bool network_open(const struct network_options *options, struct network **ret_network, struct fail *f);

/* Gives the handle back and leaves all namespaces, rules and resolvers at work. NULL is fine. */
void network_close(struct network *network);

/* Removes everything of this instance: namespaces, interfaces, tables, resolvers, files, and net.ipv4.ip_forward if
 * no other instance needs what one of them switched on. Goes on at a failure and returns the first one. Only
 * network_close may follow. */
checked bool network_down(struct network *network, struct fail *f);

/* FAIL_CONFLICT, naming the route, when part of cidr is already routed on this machine other than by this instance or
 * the default route. Then no VPC with that range can be `reachable`. */
checked bool network_cidr_free(struct network *network, struct str cidr, struct fail *f);

/* All VPCs of this machine. New ones are made, changed ones changed (exits take effect on running ENIs), others
 * removed; one that still has ENIs stays (FAIL_CONFLICT). A failure of one VPC does not keep the others from being
 * applied; the first failure is returned. */
checked bool network_apply_vpcs(struct network *network, const struct network_vpc *vpcs, size_t count, struct fail *f);

/* All security groups. One atomic nftables transaction a VPC that rewrites changed groups only, and takes effect on
 * running ENIs when the call returns. A group that is gone from the list but still worn by an ENI keeps its last rules
 * (none, if they are from before network_open) until an apply finds it unused. All input is checked before anything
 * changes (FAIL_INPUT; FAIL_NOT_FOUND for an unknown VPC). */
checked bool network_apply_groups(struct network *network, const struct network_group *groups, size_t count,
                                  struct fail *f);

/* Makes the ENI and its namespace, ready for use: ret_path is "/run/netns/...". One that exists is updated, as below.
 * FAIL_NOT_FOUND: unknown VPC, subnet or group. FAIL_CONFLICT: the address is another ENI's, or the ENI exists with
 * another address, MAC, subnet or VPC, or the groups were not applied since network_open. */
checked bool network_eni_add(struct network *network, const struct network_eni *eni, char ret_path[NETWORK_PATH_SIZE],
                             struct fail *f);

/* Brings groups and the public address of an ENI up to date, without disturbing it. Fails as above. True also when
 * there is none of that id: another thread may have removed it since the caller looked, and it must not come back. */
checked bool network_eni_update(struct network *network, const struct network_eni *eni, struct fail *f);

/* Takes the ENI off the network at once and lets go of its namespace, which ends with its last process. Connections of
 * its address are forgotten, so the address may be used again at once. True also when there is none of that id. */
checked bool network_eni_remove(struct network *network, struct str id, struct fail *f);

/* All ENIs of this instance by id, in the arena; at most ENIs that fit the arena (FAIL_LIMIT). */
checked bool network_list(struct network *network, struct arena *arena, const struct network_eni **ret_enis,
                          size_t *ret_count, struct fail *f);

/* A socket inside the VPC's router, at which all its ENIs reach a service: type SOCK_STREAM (listening) or SOCK_DGRAM
 * (bound), close-on-exec, owned by the caller. address: in 169.254.0.0/16, such as 169.254.170.2. The peer's address
 * tells the ENI and cannot be forged. Ask again after a restart: sockets die with their process. */
checked bool network_socket(struct network *network, struct str vpc, struct str address, uint16_t port, int type,
                            int *ret_fd, struct fail *f);

/* The names that the VPC's resolver answers itself, all of them; it reads them a moment later. Names below one of the
 * zones that are not in the list do not exist; all others are asked of the machine's own name servers, provided that a
 * subnet of the VPC has an exit. Other record types than A are not answered here. FAIL_NOT_FOUND: no such VPC. Without
 * dns_support they are kept for when it is switched on. */
checked bool network_names_set(struct network *network, struct str vpc, const struct str *zones, size_t zone_count,
                               const struct network_name *names, size_t name_count, struct fail *f);

/* A descriptor that becomes readable when a resolver has died: call network_check then. Owned by the network. */
int network_watch_fd(const struct network *network);

/* Starts resolvers that have died again, each at most once in RESOLVER_PAUSE_MS (10 s); call it also on a slow clock.
 */
checked bool network_check(struct network *network, struct fail *f);
