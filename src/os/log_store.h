/* The log store: the lines of every log stream, in one SQLite file of their own.
 *
 * Bulk, not state: scheduling never waits for it and survives its loss. The file is in WAL mode with
 * synchronous=NORMAL: a crash of the process loses nothing that was appended, a power cut may lose the last moments
 * before the latest checkpoint, and neither can leave the file torn.
 *
 * A stream is named by account, region, group and stream. It exists here from its first append; who created it, tags
 * and retention settings belong to the control plane. Events of a stream are ordered by timestamp, then by ordinal: the
 * place in which they arrived, counted over the whole store, so that streams merge in the order of arrival too.
 *
 * Every function may be called from any thread and blocks on the disk; none may be called from the core thread. All
 * times are milliseconds since 1970. Failures are FAIL_SYSTEM (disk, SQLite) unless said otherwise. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "base/str.h"

struct log_store;

struct log_group_key {
    struct str account;
    struct str region;
    struct str group;
};

struct log_stream_key {
    struct log_group_key group;
    struct str stream;
};

/* Bytes that CloudWatch Logs counts for each event beside its message ("PutLogEvents", API reference). */
#define LOG_EVENT_OVERHEAD_BYTES 26

/* Opens or creates the file (mode 0600). A file that is not a database, or a damaged one, is renamed to
 * "<path>.damaged" (replacing an older one) and an empty one begun: *ret_set_aside says so, for the caller to log. */
checked bool log_store_open(const char *path, struct log_store **ret_store, bool *ret_set_aside, struct fail *f);
/* After the last call of every other thread has returned. NULL is fine. */
void log_store_close(struct log_store *store);

/* -- Writing. Batches that arrive while another is being committed are committed together. */

struct log_input {
    int64_t timestamp_ms;
    struct str message;
};

struct log_append {
    struct log_stream_key stream;
    const struct log_input *events; /* in any order; equal timestamps keep this order */
    size_t count;
    int64_t ingestion_ms;
};

/* All events of the batch or, on failure, none. *ret_ordinal is the ordinal of the first one (0 for an empty batch).
 * The limits of PutLogEvents are the caller's to check. */
checked bool log_store_append(struct log_store *store, const struct log_append *batch, uint64_t *ret_ordinal,
                              struct fail *f);

/* -- Reading. */

struct log_event {
    int64_t timestamp_ms;
    int64_t ingestion_ms;
    uint64_t ordinal;
    struct str message; /* present, perhaps empty */
    struct str stream;  /* its name */
};

/* The eventId of FilterLogEvents: 56 digits, unique in the store, ordered as events are. */
struct str log_event_id(struct arena *arena, const struct log_event *event);

struct log_get {
    struct log_stream_key stream;
    int64_t start_ms; /* inclusive; 0 or less for none */
    int64_t end_ms;   /* exclusive; INT64_MAX for none */
    size_t limit;     /* events, > 0 */
    size_t bytes_max; /* of messages with their overhead; at least one event is returned whatever its size */
    bool from_head;   /* without a token: begin with the oldest events, else with the newest */
    struct str token; /* of an earlier page, or absent; it alone decides the direction */
};

struct log_page {
    const struct log_event *events; /* ascending, in the arena */
    size_t count;
    struct str forward_token;  /* "f/...": what follows the page */
    struct str backward_token; /* "b/...": what precedes it */
};

/* GetLogEvents: both tokens always come back, and at the end of the stream the one that was passed in comes back
 * unchanged, which is how clients know ("GetLogEvents", API reference). An unknown stream is an empty one. A token
 * that is none of ours: FAIL_INPUT. A page that does not fit the arena: FAIL_LIMIT. */
checked bool log_store_get(struct log_store *store, const struct log_get *query, struct arena *arena,
                           struct log_page *ret_page, struct fail *f);

struct log_filter {
    struct log_group_key group;
    const struct str *streams; /* only these, when stream_count > 0 */
    size_t stream_count;
    struct str stream_prefix; /* else those whose name starts so; absent: all */
    int64_t start_ms;         /* inclusive */
    int64_t end_ms;           /* exclusive (FilterLogEvents' endTime is inclusive: pass it plus one) */
    size_t limit;             /* events returned, > 0 */
    size_t bytes_max;         /* as in log_get */
    size_t scan_max;          /* events looked at, > 0: bounds the time of one call */
    struct str token;         /* of an earlier page, or absent */
    bool (*match)(void *context, struct str message); /* NULL: every event */
    void *context;
};

struct log_filter_page {
    const struct log_event *events; /* by timestamp, then ordinal, over all streams; in the arena */
    size_t count;
    struct str next_token; /* absent when everything was looked at; may follow an empty page */
};

/* FilterLogEvents. Fails as log_store_get does. */
checked bool log_store_filter(struct log_store *store, const struct log_filter *query, struct arena *arena,
                              struct log_filter_page *ret_page, struct fail *f);

struct log_stats {
    bool has_events; /* false: the two timestamps are 0 */
    int64_t first_event_ms;
    int64_t last_event_ms;
    int64_t last_ingestion_ms; /* 0: never */
    uint64_t stored_bytes;     /* messages and their overhead */
};

/* All zero for a stream that never got an event. */
checked bool log_store_stream_stats(struct log_store *store, const struct log_stream_key *stream,
                                    struct log_stats *ret_stats, struct fail *f);
checked bool log_store_group_bytes(struct log_store *store, const struct log_group_key *group, uint64_t *ret_bytes,
                                   struct fail *f);

/* -- Forgetting. Deleted streams are gone at once for every reader; their events leave the file in slices, by
 * log_store_reclaim. A stream of the same name begins empty. Deleting what is not there succeeds. */

checked bool log_store_delete_stream(struct log_store *store, const struct log_stream_key *stream, struct fail *f);
checked bool log_store_delete_group(struct log_store *store, const struct log_group_key *group, struct fail *f);

/* Retention: removes events of the group older than before_ms, at most events_max of them. *ret_removed tells how
 * many; fewer than events_max means done. */
checked bool log_store_expire(struct log_store *store, const struct log_group_key *group, int64_t before_ms,
                              size_t events_max, size_t *ret_removed, struct fail *f);
/* Removes events of deleted streams, at most events_max, and gives free pages back to the file system. As above. */
checked bool log_store_reclaim(struct log_store *store, size_t events_max, size_t *ret_removed, struct fail *f);

/* Drops everything at once, by replacing the file. Waits for calls under way; later ones see an empty store. */
checked bool log_store_reset(struct log_store *store, struct fail *f);
