/* Hosts: the machines that lend capacity, each with a `berth host` on it. Not an AWS noun: on AWS nobody sees them.
 *
 * Life: unknown -> CONNECTED (hello) -> DISCONNECTED (link lost) -> CONNECTED ... A host that stays away longer than
 * HOST_LOST_MS is given up: what ran there counts as stopped. */
#pragma once

#include "core/core.h"
#include "model/host.h"
#include "plane/ec2/host_record.h"

#define HOST_LOST_MS (2 * MINUTE_MS)

extern const struct domain_spec ec2_domain;
extern const struct table_spec host_table; /* struct host_record by host id */

/* Both are for the host link: a host said hello, its link is gone. */
void host_connected(struct transaction *tx, const struct host_hello *hello);
void host_disconnected(struct transaction *tx, struct str host_id);

static inline bool host_is_connected(const struct host_record *host)
{
    return host->status == HOST_STATUS_CONNECTED;
}

/* Promises that much of a connected host to a task and returns the host, the one with the most memory left (lowest id
 * among equals), or NULL when none has room. How much of a host may be promised is in host.c. */
const struct host_record *host_reserve(struct transaction *tx, int32_t cpu_units, int32_t memory_mib);
void host_release(struct transaction *tx, struct str host_id, int32_t cpu_units, int32_t memory_mib);

bool host_is_lost(const struct host_record *host, int64_t now_ms);
