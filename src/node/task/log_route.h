/* A container's lines on their way to CloudWatch Logs or to Splunk: read from its file, joined, put into batches, sent
 * one batch at a time, and only then counted as delivered.
 *
 * To CloudWatch Logs exactly once, also when the host or the server is killed at any moment: before a batch is sent,
 * the position file says which lines it takes and under which name; a restarted host reads the same lines again and
 * sends them under the same name, and the log store does not take the request that it took last a second time. Only a
 * power cut can make the position file forget (it is not synced): then lines since the last write of the disk come
 * twice. Splunk knows no names of requests: there a batch comes twice when the host is killed between sending it and
 * writing that down.
 *
 * The file is the buffer: while the server is away nothing is read, so that memory stays small. What waits is at most
 * the driver's max-buffer-size (mode=non-blocking) or LOG_BACKLOG_MAX; beyond that the oldest lines are dropped, and
 * the host's log says so. A container never has to wait for its log.
 *
 * Times that are passed in and out are of the monotonic clock.
 *
 * Life: opened when the container is about to start (or when a restarted host finds its files) -> ended, when no more
 * lines can come -> finished, when the last one is delivered or given up. Used by the shipping thread only. */
#pragma once

#include "node/logs/awslogs_options.h"
#include "node/logs/line_joiner.h"
#include "node/logs/log_batcher.h"
#include "node/task/log_client.h"
#include "node/task/log_source.h"
#include "node/task/splunk_client.h"

#define LOG_BACKLOG_MAX ((uint64_t)1 << 30)

struct log_route {
    struct arena arena; /* the record's, and the names */
    struct log_route_record record;
    bool is_splunk;
    struct awslogs_options options; /* of splunk those that both have */
    struct log_place place;
    struct splunk_options splunk_options;
    struct splunk_place splunk;
    char path[LOG_PATH_BYTES]; /* of the log file */
    struct log_source source;
    struct line_pattern *pattern;
    struct line_joiner joiner;
    struct log_batcher batcher;
    struct log_mark lines_mark;  /* behind the last line that the joiner got */
    struct log_mark events_mark; /* behind the last event that the batcher got */
    struct log_mark sealed_mark; /* behind the last event of the batcher's sealed batch */
    struct log_batch *batch;     /* being sent; NULL: none */
    struct log_position position;
    int position_fd;
    bool at_end; /* nothing more to read, as of the last look */
};

/* Whether lines stay on the host: no configuration, or driver json-file. */
bool log_route_is_kept_here(const struct ecs_log_configuration *configuration);
bool log_route_is_splunk(const struct ecs_log_configuration *configuration);
/* The options of a configuration of driver awslogs or splunk; everything points into it. FAIL_INPUT. */
checked bool log_route_options(const struct ecs_log_configuration *configuration, struct awslogs_options *ret_options,
                               struct fail *f);
checked bool log_route_splunk_options(const struct ecs_log_configuration *configuration,
                                      struct splunk_options *ret_options, struct fail *f);

/* Opens the files of a container whose record says driver awslogs or splunk. */
checked bool log_route_open(const char *logs_dir, const struct log_route_record *record, size_t container,
                            int64_t now_ms, struct log_route **ret_route, struct fail *f);
void log_route_close(struct log_route *route); /* NULL is fine */

/* Without credentials of its own it acts as that identity, until the arena's end; NULL: FAIL_INPUT. Before each use of
 * route->place. */
checked bool log_route_act(struct log_route *route, const struct log_identity *identity, struct arena *arena,
                           struct fail *f);

enum log_step {
    LOG_STEP_IDLE,     /* nothing to do before log_route_due_ms or new lines */
    LOG_STEP_SENT,     /* a batch was delivered (or given up): perhaps there are more */
    LOG_STEP_AWAY,     /* the server is away: try again later; *f says why */
    LOG_STEP_FINISHED, /* ended, and everything is delivered */
};

/* Reads and sends at most one batch. `ended`: no more lines can come, so whatever there is goes out now. */
enum log_step log_route_step(struct log_route *route, struct log_client *client, bool ended, int64_t now_ms,
                             struct fail *f);
/* When the route wants a step although no line came; WHEN_NEVER. */
int64_t log_route_due_ms(const struct log_route *route);
/* Nothing more will be delivered. */
void log_route_give_up(struct log_route *route);
