/* The machine's side of all VPCs: the namespace network_open was called in, its NAT, the instance's files. */
#pragma once

#include "node/network/namespace.h"
#include "node/network/network.h"
#include "node/network/nft.h"
#include "node/network/resolver.h"
#include "node/network/rtnetlink.h"
#include "node/network/uplink.h"

struct machine {
    char instance[NETWORK_INSTANCE_MAX + 1];
    char run_dir[RESOLVER_PATH_SIZE];
    int lock;    /* held for life: one process an instance */
    int records; /* the directory of ENIs' records */
    int fd;      /* the namespace */
    struct rtnetlink rt;
    struct nft nft;
    struct buf table; /* the text of its table as committed; empty: not known */
};

struct machine_name {
    char text[NAMESPACE_NAME_SIZE];
};

/* The name of the namespace of a VPC or an ENI: "berth-INSTANCE-ID". */
struct machine_name machine_name(const struct machine *machine, const char *id);

/* See network_open. */
checked bool machine_open(struct machine *machine, const struct network_options *options, struct fail *f);
void machine_close(struct machine *machine);

/* Brings NAT to these uplinks: table "inet berth-INSTANCE" and, with an exit among them, net.ipv4.ip_forward. */
checked bool machine_translate(struct machine *machine, const struct uplink_row *rows, size_t count, struct fail *f);

/* Removes table, records, files, and switches net.ipv4.ip_forward off again if we switched it on. */
checked bool machine_clear(struct machine *machine, struct fail *f);

/* Calls each(id) for every record; each may remove it. */
typedef bool machine_record_fn(const char *id, void *context, struct fail *f);
checked bool machine_records(const struct machine *machine, machine_record_fn *each, void *context, struct fail *f);
