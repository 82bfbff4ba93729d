/* Hosts: the machines that lend capacity, each with a `berth host` on it. Not an AWS noun: on AWS nobody sees them.
 *
 * Life: unknown -> CONNECTED (hello) -> DISCONNECTED (link lost) -> CONNECTED ... A host that stays away longer than
 * HOST_LOST_MS is given up: what ran there counts as stopped. Its record stays: it may come back.
 *
 * Invariant: what a host has promised is the sum of the sizes of its tasks that are not STOPPED and
 * of its instances that are neither stopped nor terminated. */
#pragma once

#include "core/core.h"
#include "model/host.h"
#include "plane/ec2/host_record.h"

#define HOST_LOST_MS (2 * MINUTE_MS)

/* What AWS says when Fargate has no room (developer guide, "Amazon ECS API failure reasons"; RESOURCE:CPU and
 * RESOURCE:MEMORY are said of container instances). */
#define HOST_NO_CAPACITY                                                                                               \
    "Capacity is unavailable at this time. Please try again later or in a different availability zone"

extern const struct table_spec host_table; /* struct host_record by host id */

/* For the host link: a host said hello, its link is gone; the server starts, so every link is gone. */
void host_connected(struct transaction *tx, const struct host_hello *hello);
void host_disconnected(struct transaction *tx, struct str host_id);
void host_disconnected_all(struct transaction *tx);

static inline bool host_is_connected(const struct host_record *host)
{
    return host->status == HOST_STATUS_CONNECTED;
}

enum host_room {
    HOST_ROOM_FOUND,
    HOST_ROOM_LATER, /* no host is known yet, or one with room is away and not lost: wait */
    HOST_ROOM_NONE,
};

/* Promises that much of a connected host to a task and gives the host: the one with the most memory left, the lowest id
 * among equals. Without HOST_ROOM_FOUND nothing is promised and *ret_host is not written. How much of a host may be
 * promised is in host.c. */
enum host_room host_reserve(struct transaction *tx, int32_t cpu_units, int32_t memory_mib,
                            const struct host_record **ret_host);
/* The same of a host of that architecture ("x86_64", "arm64"; absent: any). */
enum host_room host_reserve_of(struct transaction *tx, struct str architecture, int32_t cpu_units, int32_t memory_mib,
                               const struct host_record **ret_host);
/* The same of one host: false when it is away or has no room. */
checked bool host_reserve_on(struct transaction *tx, struct str host_id, int32_t cpu_units, int32_t memory_mib);
/* Gives a promise back. */
void host_release(struct transaction *tx, struct str host_id, int32_t cpu_units, int32_t memory_mib);
/* Why there is no room, for a person; in the arena. */
struct str host_room_explain(const struct transaction *tx, int32_t cpu_units, int32_t memory_mib);

/* Whether a change of the record may give room to somebody who found none before. before NULL: the host is new. */
bool host_has_grown(const struct host_record *before, const struct host_record *after);

bool host_is_lost(const struct host_record *host, int64_t now_ms);
