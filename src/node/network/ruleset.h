/* The texts of a VPC's nftables: pure functions from what is wanted to nft commands. All of them work on table
 * "inet vpc" of the VPC's own namespace.
 *
 * How a packet goes. `spoofed` drops what does not come from its ENI's address. Forwarded packets pass two base chains,
 * both of which must accept: `leave` looks the source up in map `egress`, `enter` the destination in map `ingress`. The
 * maps lead to the chains of the ENI's combination of groups ("ce-7", "ci-7"; one combination serves all ENIs that wear
 * the same groups), those jump to the chains of each group ("e-sg-...", "i-sg-..."), which hold the rules. So adding an
 * ENI adds elements, not rules. Packets to the router itself pass `local`: only services are reached. `arrive` puts an
 * ENI's own address in the place of its public one before anything but `spoofed` looks, for what comes from outside and
 * from ENIs that may leave: their packets need not go out to come back. */
#pragma once

#include "base/buf.h"
#include "base/fail.h"
#include "node/network/eni.h"

#define RULESET_TABLE "inet vpc"

/* A VPC's table with its base chains, empty of ENIs and groups, in place of one that may exist. */
void ruleset_table(struct buf *out, struct cidr vpc);

/* Empty chains and the member set of a group; and their removal, once they are clear of rules. */
void ruleset_group_add(struct buf *out, const char *group);
void ruleset_group_clear(struct buf *out, const char *group);
void ruleset_group_remove(struct buf *out, const char *group);

/* FAIL_INPUT when a rule or an id is malformed. */
checked bool ruleset_group_check(const struct network_group *group, struct fail *f);

/* Says whether the group of that id is known in this VPC. */
typedef bool ruleset_known_fn(struct str group, const void *context);

/* The rules of a group: replaces those in its chains. Rules of equal protocol and ports share one line. FAIL_INPUT when
 * a rule is malformed; what was added to out is then of no use. */
checked bool ruleset_group_rules(struct buf *out, const struct network_group *group, ruleset_known_fn *known,
                                 const void *context, struct fail *f);

/* The chains of a combination. */
void ruleset_combination_add(struct buf *out, unsigned number, const struct network_id *groups, size_t count);
void ruleset_combination_remove(struct buf *out, unsigned number);

/* An ENI's elements in all sets and maps, and their removal. */
void ruleset_eni_add(struct buf *out, const struct eni *eni, unsigned combination);
void ruleset_eni_remove(struct buf *out, const struct eni *eni);

void ruleset_service_add(struct buf *out, uint32_t address);
