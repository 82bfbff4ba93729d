/* Files, as far as a careful program needs more than one system call. Paths are NUL-terminated. All functions are
 * thread-safe; failures name the path and are FAIL_SYSTEM unless said otherwise. */
#pragma once

#include "base/buf.h"
#include "base/fail.h"

#include <sys/types.h>

/* Replaces the file as a whole or not at all, also when the machine stops halfway: a new file beside it, fsync, rename,
 * fsync of the directory. */
checked bool file_write(const char *path, struct str bytes, mode_t mode, struct fail *f);

/* As file_write, but for one writer at a time, and not synced: for what means nothing after a power cut, or what may be
 * missing, old or empty then. The mode is for a new file, less the umask. */
checked bool file_replace(const char *path, struct str bytes, mode_t mode, struct fail *f);

/* Adds the whole file to *out. FAIL_NOT_FOUND; FAIL_LIMIT when it is larger than out's limit leaves room for. */
checked bool file_read(const char *path, struct buf *out, struct fail *f);

/* Makes the directory and those above it that are missing (these with mode 0755). One that is there stays as it is. */
checked bool directory_make(const char *path, mode_t mode, struct fail *f);

/* Removes a file, or a directory with all that is in it; true when there is nothing. Follows no symbolic link and
 * enters no mount point: FAIL_CONFLICT names one that is in the way, and what was removed before it is gone. However
 * deep the tree is, it takes few descriptors and little stack. Nobody else may write in it meanwhile. */
checked bool path_remove(const char *path, struct fail *f);

/* Waits for a turn at a directory that several processes change: nobody else has one until *ret_fd, the directory
 * itself, is closed. Makes it when it is missing. */
checked bool directory_turn(const char *path, int *ret_fd, struct fail *f);

/* Claims a data directory for this process, until it ends or *ret_fd is closed. FAIL_CONFLICT names the process that
 * has it. */
checked bool directory_lock(const char *path, int *ret_fd, struct fail *f);
