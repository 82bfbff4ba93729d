/* The nftables of one VPC as we believe them to be, and the transactions that change them. Memory changes only after
 * the kernel has committed, so that a refused transaction leaves both as they were.
 *
 * Life: 1 opened: with `current` false, nothing is known of what a former process left, and it keeps filtering;
 *       2 firewall_apply writes all of it in one transaction (old rules out, new rules in, connections untouched), from
 *         then on only what differs; 3 closed; the rules stay with their namespace. */
#pragma once

#include "node/network/eni.h"
#include "node/network/nft.h"

struct firewall {
    struct nft nft;
    struct cidr vpc;
    bool current; /* the kernel holds what the trees say */
    struct tree groups;
    struct tree combinations;
    unsigned combinations_made; /* the last number given */
    uint32_t services[NETWORK_SERVICES_MAX];
    size_t service_count;
};

/* In the calling thread's namespace. */
checked bool firewall_open(struct firewall *firewall, struct cidr vpc, struct fail *f);
void firewall_close(struct firewall *firewall);

/* Writes the VPC's table without any group, for a router that was just made. */
checked bool firewall_start(struct firewall *firewall, struct fail *f);

/* All groups of this VPC (others are passed over) and, when not `current`, all its ENIs: `enis` is the network's tree,
 * of which those with `vpc` are taken. See network_apply_groups. */
checked bool firewall_apply(struct firewall *firewall, struct str vpc, const struct network_group *groups, size_t count,
                            struct tree *enis, struct fail *f);

/* FAIL_NOT_FOUND for an unknown group, FAIL_CONFLICT when not `current`. Sets eni->combination. */
checked bool firewall_add(struct firewall *firewall, struct eni *eni, struct fail *f);
/* When not `current`, the ENI's rules stay until firewall_apply; without its interface no packet meets them. */
checked bool firewall_remove(struct firewall *firewall, struct eni *eni, struct fail *f);
/* Gives `before` the groups and exits of `after`, in one transaction; the combination moves to after. */
checked bool firewall_change(struct firewall *firewall, struct eni *before, struct eni *after, struct fail *f);

/* Lets all ENIs reach this address of the router. FAIL_LIMIT after NETWORK_SERVICES_MAX. */
checked bool firewall_service(struct firewall *firewall, uint32_t address, struct fail *f);
