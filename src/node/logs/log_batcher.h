/* Makes requests out of events, within the limits of PutLogEvents (API reference): 10,000 events and 1,048,576 bytes,
 * counting 26 for each event beside its message; 24 hours from the first to the last; in the order of time.
 *
 * Messages are made valid UTF-8; one of more than 262,118 bytes (256 KiB with its 26) becomes several events, cut
 * between characters. Empty messages, which PutLogEvents refuses, are left out.
 *
 * Life of an event: added to the open batch -> the batch is sealed when the next event does not fit, or handed out when
 * the flush interval has passed -> taken, in the order of adding -> the caller sends it, again and again if need be,
 * and frees it. Within a batch events are sorted by time, those of one time in the order of adding. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "node/logs/line.h"

enum {
    LOG_BATCH_EVENTS_MAX = 10000,
    LOG_BATCH_BYTES_MAX = 1048576,
    LOG_BATCH_OVERHEAD_BYTES = 26,
    LOG_BATCH_MESSAGE_BYTES_MAX = 262144 - LOG_BATCH_OVERHEAD_BYTES,
    LOG_BATCHER_BYTES_MAX = 4 * LOG_BATCH_BYTES_MAX, /* waiting; then nothing more is taken */
};

/* One PutLogEvents request. */
struct log_batch {
    struct list link; /* the batcher's */
    struct line *events;
    size_t count;
    size_t bytes; /* as PutLogEvents counts them */
    int64_t first_ms, last_ms;
    size_t capacity; /* of events */
    char *text;      /* what the events point into; room for all that a batch may hold, so that it never moves */
    size_t text_len;
};

void log_batch_free(struct log_batch *batch); /* NULL is fine */

struct log_batcher {
    struct list sealed;     /* batches that are full, oldest first */
    struct log_batch *open; /* or NULL */
    struct buf repaired;    /* the message being added */
    int64_t flush_interval_ms;
    int64_t next_flush_ms;
    size_t events_max; /* waiting */
    size_t events;     /* waiting, in all batches */
    size_t bytes;
    uint64_t lost_events; /* for want of memory */
};

void log_batcher_init(struct log_batcher *batcher, int64_t flush_interval_ms, size_t events_max, int64_t now_ms);
void log_batcher_free(struct log_batcher *batcher);

/* Takes a message of at most LINE_BYTES_MAX. False, and nothing taken, while events_max or LOG_BATCHER_BYTES_MAX are
 * waiting: take batches, then try again. */
checked bool log_batcher_add(struct log_batcher *batcher, int64_t when_ms, struct str message);
/* The next batch, which becomes the caller's: a sealed one at once, the open one every flush interval or when forced.
 * False when there is none. */
checked bool log_batcher_take(struct log_batcher *batcher, int64_t now_ms, bool force, struct log_batch **ret_batch);
/* When log_batcher_take will have something, if nothing else happens: a time, now included, or WHEN_NEVER. */
int64_t log_batcher_due_ms(const struct log_batcher *batcher);
