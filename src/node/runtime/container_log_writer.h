/* The writing end of container_log.h: what comes out of the container's two pipes goes into the log file, as it comes,
 * a line of the log for each line, or piece of one that has not ended yet. */
#pragma once

#include "node/runtime/container_log.h"
#include "node/runtime/small_file.h"

enum { LOG_PIECE_BYTES = 16 << 10, LOG_BATCH_BYTES = 64 << 10 };

struct container_log_writer {
    char path[PATH_BYTES];
    int fd;
    uint64_t max_bytes; /* the file is then kept as PATH.1 and a new one begun; 0: never */
    uint64_t bytes;     /* in the file */
    size_t batch_len;
    char batch[LOG_BATCH_BYTES]; /* whole lines, not yet written */
};

checked bool container_log_writer_open(struct container_log_writer *writer, const char *path, uint64_t max_bytes,
                                       struct fail *f);

/* Writes what was read at once from one of the pipes (at most LOG_PIECE_BYTES). Where the disk takes no more, lines are
 * lost, and the container goes on. */
void container_log_writer_add(struct container_log_writer *writer, enum container_log_stream stream, struct str text);
