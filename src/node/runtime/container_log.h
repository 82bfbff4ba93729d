/* A container's log file in the CRI format, one line an output line:
 *
 *     2026-11-22T10:00:00.123456789+00:00 stdout F text
 *
 * with "P" for "F" when the program had not ended the line yet: what follows on that stream continues it. The
 * supervisor writes, log drivers follow with this reader.
 *
 * A file that has grown to its limit is replaced under the same name; the one before is kept as PATH.1 by our own
 * supervisor, and dropped by conmon. The reader finishes the file it has open before it takes the new one, so nothing
 * is missed as long as it is not a whole file behind. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

enum { CONTAINER_LOG_LINE_MAX = 64 << 10 };

enum container_log_stream { CONTAINER_LOG_STDOUT, CONTAINER_LOG_STDERR };

struct container_log_line {
    int64_t when_ns; /* since 1970-01-01T00:00:00Z */
    enum container_log_stream stream;
    bool partial;
    struct str text; /* without the line's end; any bytes */
};

/* Takes one line of the file (without "\n") apart; false for one that is not of the format. text points into line. */
checked bool container_log_parse(struct str line, struct container_log_line *ret_line);

/* Where a reader stands; zeroes: before the first line. To be kept by whoever must go on there after a restart. */
struct container_log_position {
    uint64_t inode;
    uint64_t offset;
};

struct container_log;

/* Opens the file at a position. The file need not exist yet. When the position's file is gone, reading starts with the
 * oldest that is there. Not thread-safe. */
checked bool container_log_open(const char *path, struct container_log_position position,
                                struct container_log **ret_log, struct fail *f);
void container_log_close(struct container_log *log);

/* The next line, valid until the next call; *ret_there is false when there is none yet (ask again when the file has
 * changed). Lines that are not of the format, or longer than CONTAINER_LOG_LINE_MAX, are passed over. */
checked bool container_log_next(struct container_log *log, bool *ret_there, struct container_log_line *ret_line,
                                struct fail *f);

/* The position behind the line that container_log_next gave last. */
struct container_log_position container_log_position(const struct container_log *log);
