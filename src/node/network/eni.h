/* An ENI as we keep it: checked, in numbers, and its record file, which is what a restart learns from.
 *
 * Life: 1 checked from what the caller wants; 2 its sandbox and rules are made (sandbox.h, firewall.h); 3 its record is
 * written, last, so that a namespace without a record is a half-made one; 4 its record is removed, first; then the
 * rest.
 */
#pragma once

#include "base/buf.h"
#include "base/tree.h"
#include "node/network/address.h"
#include "node/network/network.h"

struct network_id {
    char text[NETWORK_ID_MAX + 1];
};

struct eni {
    struct tree_node node; /* of the network's tree, by id */
    struct network_id id;
    struct network_id vpc;
    struct network_id subnet;
    uint32_t address;
    uint8_t mac[MAC_BYTES];
    uint32_t public_address;                          /* 0: none */
    size_t group_count;                               /* 1 to NETWORK_ENI_GROUPS_MAX */
    struct network_id groups[NETWORK_ENI_GROUPS_MAX]; /* in order, each once */
    struct network_id inside;                         /* as in struct network_eni; "": a namespace of its own */

    int namespace_fd;                /* as in struct network_eni; only while the ENI is made */
    bool leaves;                     /* its packets may leave the VPC: follows from subnet and public address */
    bool exposed;                    /* it is reached at its public address: follows from both, too */
    struct combination *combination; /* its groups in the firewall; NULL until the firewall holds it */
};

/* Copies an id; FAIL_INPUT unless it is 1 to NETWORK_ID_MAX of [a-z0-9-] and starts with prefix ("eni-"): ids become
 * names of chains and files. */
checked bool network_id_set(struct network_id *id, struct str text, const char *prefix, struct fail *f);

/* Public addresses: a range for benchmarks (RFC 2544), which the internet does not route. */
extern const struct cidr eni_public_space;

/* FAIL_INPUT when something is malformed. Groups are sorted, doubles dropped. */
checked bool eni_set(struct eni *eni, const struct network_eni *wanted, struct fail *f);

/* As network_list gives it, copied into the arena; false when there is no room. */
checked bool eni_show(const struct eni *eni, struct arena *arena, struct network_eni *out);

/* The record's text, and back; false when it is not one (cut short by a crash). */
void eni_write(const struct eni *eni, struct buf *out);
checked bool eni_read(struct eni *eni, struct str text);

/* The record of the ENI in that directory. Saved whole or not at all, unless the machine itself stops: then its
 * namespace is gone as well, so nothing is synchronised (that would double the time an ENI takes). */
checked bool eni_save(const struct eni *eni, int directory_fd, struct fail *f);
/* FAIL_NOT_FOUND when there is none or it is no record. */
checked bool eni_load(struct eni *eni, int directory_fd, struct str id, struct fail *f);
/* True also when there is none. */
checked bool eni_forget(struct str id, int directory_fd, struct fail *f);

/* The name of its interface in the router; of one inside another's namespace, in both. */
struct eni_link {
    char name[16];
};
struct eni_link eni_link(const struct eni *eni);
