/* The lines of a container's log file, whole again: pieces of a line that the program wrote slowly, or of one that was
 * too long for the supervisor, are put together, for standard output and standard error apart.
 *
 * A line of more than LINE_BYTES_MAX comes in several. Used by one thread. */
#pragma once

#include "base/buf.h"
#include "node/logs/line.h"
#include "node/runtime/container_log.h"
#include "node/task/log_files.h"

struct log_source_line {
    struct line line;
    struct log_mark mark; /* right behind this line */
};

struct log_partial {
    struct buf text;
    int64_t when_ms;
    uint64_t start; /* where its first piece stands */
    bool open;
};

struct log_source {
    struct container_log *reader;
    uint64_t given_out;             /* lines complete up to here are passed over */
    struct log_partial partials[2]; /* by enum container_log_stream */
};

/* Goes on behind the mark in the file of that inode; at its beginning when inode is 0. */
checked bool log_source_open(const char *path, uint64_t inode, struct log_mark mark, struct log_source *ret_source,
                             struct fail *f);
void log_source_close(struct log_source *source);

/* The next whole line; its text lives until the next call. *ret_there false: none yet. */
checked bool log_source_next(struct log_source *source, bool *ret_there, struct log_source_line *ret_line,
                             struct fail *f);
/* When the program has ended: what it wrote last without ending the line. *ret_there false: no more. */
void log_source_rest(struct log_source *source, bool *ret_there, struct log_source_line *ret_line);
/* The file that is being read; 0: there is none yet. */
uint64_t log_source_inode(const struct log_source *source);
/* How far the file has been read. */
uint64_t log_source_offset(const struct log_source *source);
