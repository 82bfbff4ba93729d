/* The options of the awslogs log driver, as they stand in a container definition's logConfiguration ("Send Amazon ECS
 * logs to CloudWatch", ECS developer guide; "Amazon CloudWatch Logs logging driver", Docker documentation).
 *
 * Every option has an effect or is refused: one that is unknown, malformed or at odds with another is an error that
 * names it. Pure. */
#pragma once

#include "base/arena.h"
#include "node/logs/log_option.h"

struct awslogs_options {
    struct str group;             /* awslogs-group */
    struct str region;            /* awslogs-region */
    struct str stream;            /* awslogs-stream, or absent */
    struct str stream_prefix;     /* awslogs-stream-prefix, or absent */
    struct str datetime_format;   /* awslogs-datetime-format, or absent; never beside multiline_pattern */
    struct str multiline_pattern; /* awslogs-multiline-pattern, or absent */
    bool create_group;            /* awslogs-create-group */
    enum log_mode mode;           /* mode */
    uint64_t max_buffer_bytes;    /* max-buffer-size; means something in LOG_MODE_NON_BLOCKING */
    uint64_t flush_interval_s;    /* awslogs-force-flush-interval-seconds */
    uint64_t buffered_events_max; /* awslogs-max-buffered-events */
};

/* Docker waits 5 s; whoever follows a log here sits before it. */
#define AWSLOGS_FLUSH_INTERVAL_DEFAULT  1
#define AWSLOGS_FLUSH_INTERVAL_MAX      3600
#define AWSLOGS_BUFFERED_EVENTS_DEFAULT 4096
#define AWSLOGS_BUFFERED_EVENTS_MAX     1000000

struct awslogs_defaults {
    enum log_mode mode; /* the account setting defaultLogDriverMode */
};

/* *ret_options points into the options given. Refusals are FAIL_INPUT. */
checked bool awslogs_options_read(const struct log_option *options, size_t count,
                                  const struct awslogs_defaults *defaults, struct awslogs_options *ret_options,
                                  struct fail *f);

/* The stream of a container: "prefix/container-name/task-id", or awslogs-stream, or the container's id. In the arena.
 */
struct str awslogs_stream_name(const struct awslogs_options *options, struct str container_name, struct str task_id,
                               struct str container_id, struct arena *arena);
