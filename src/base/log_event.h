/* Log events, as those who keep them (os/log_store.h) and those who answer for them (plane/logs) both know them.
 *
 * A stream is named by account, region, group and stream. Events of a stream are ordered by timestamp, then by ordinal:
 * the place in which they arrived, counted over the whole store, so that streams merge in the order of arrival too. All
 * times are milliseconds since 1970. */
#pragma once

#include "base/str.h"

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

/* -- Writing. */

struct log_input {
    int64_t timestamp_ms;
    struct str message;
};

struct log_append {
    struct log_stream_key stream;
    const struct log_input *events; /* in any order; equal timestamps keep this order */
    size_t count;
    int64_t ingestion_ms;
    /* What the caller calls this request. The one that the stream took last is not taken again: a client that never saw
     * the answer may repeat it. Absent: it has no name, and is always taken. */
    struct str request;
};

/* -- Reading. */

struct log_event {
    int64_t timestamp_ms;
    int64_t ingestion_ms;
    uint64_t ordinal;
    struct str message; /* present, perhaps empty */
    struct str stream;  /* its name */
};

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
    size_t scan_bytes_max; /* of messages looked at, as scan_max; 0: as many as there are */
};

struct log_filter_page {
    const struct log_event *events; /* by timestamp, then ordinal, over all streams; in the arena */
    size_t count;
    struct str next_token; /* absent when everything was looked at; may follow an empty page */
};

struct log_stats {
    bool has_events; /* false: the two timestamps are 0 */
    int64_t first_event_ms;
    int64_t last_event_ms;
    int64_t last_ingestion_ms; /* 0: never */
    uint64_t stored_bytes;     /* messages and their overhead */
};

/* A stream of a group, with what is known of its events. */
struct log_stream_stats {
    struct str stream;
    struct log_stats stats;
};
