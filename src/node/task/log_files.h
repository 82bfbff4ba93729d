/* The files of a container's log on its host, below DIR/host/logs, apart from the task's folder so that they stay when
 * that is removed:
 *
 *   TASK-ID/N.route     where the lines go: a struct log_route_record, written before the container starts
 *   TASK-ID/N.log       the lines, in the CRI format (node/runtime/container_log.h); the supervisor appends
 *   TASK-ID/N.position  how far they have been delivered, and whether everything was
 *
 * The supervisor never starts a new file: what has been delivered, or is more than is kept, is given back to the file
 * system as a hole at the file's beginning. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "node/task/log_record.h"

/* A task definition has no more (developer guide, "Amazon ECS service quotas"). In a folder some may be missing: those
 * whose lines another shipper has. */
enum { LOG_CONTAINERS_MAX = 10, LOG_PATH_BYTES = 400 };

void log_file_path(const char *logs_dir, struct str task_id, size_t container, const char *ending,
                   char path[LOG_PATH_BYTES]);

/* Everything in front of this offset may go. */
void log_file_punch(int fd, uint64_t offset);
/* Where a file's content begins, behind the hole. */
uint64_t log_file_begin(int fd);

checked bool log_route_write(const char *logs_dir, size_t container, const struct log_route_record *record,
                             struct fail *f);
/* FAIL_NOT_FOUND when there is none. */
checked bool log_route_read(const char *logs_dir, struct str task_id, size_t container, struct arena *arena,
                            struct log_route_record *ret_record, struct fail *f);

/* ---- positions ---- */

/* A point in a container's lines. Lines are complete in the order of their last pieces: those up to `complete` are
 * before the mark. Reading from `from` on sees every piece of the others: a line of one stream may have begun before,
 * while lines of the other stream went past it. */
struct log_mark {
    uint64_t from;
    uint64_t complete;
};

enum { LOG_REQUEST_BYTES = 33 };

struct log_position {
    uint64_t inode;            /* of the log file; 0: nothing was read yet */
    struct log_mark delivered; /* the lines before it */
    struct log_mark asked;     /* the request with this id asks to take the lines up to here; perhaps it was heard */
    char request[LOG_REQUEST_BYTES]; /* "": none is under way */
    bool finished;                   /* the container has ended and all its lines are delivered, or given up */
};

/* Opens the file that keeps a position, and reads it: zeroes when it is new. */
checked bool log_position_open(const char *logs_dir, struct str task_id, size_t container, int *ret_fd,
                               struct log_position *ret_position, struct fail *f);
/* One write of a record of fixed size: a killed process leaves the old record or the new one. Not synced: after a power
 * cut lines may be delivered again. */
checked bool log_position_write(int fd, const struct log_position *position, struct fail *f);
