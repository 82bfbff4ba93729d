#include "os/append_log.h"

#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct append_log {
    char path[PATH_MAX - 16];
    size_t size_max;
    unsigned kept;
    pthread_mutex_t lock; /* protects what follows */
    int fd;
    size_t size;
};

static bool fail_at(const struct append_log *log, const char *step, struct fail *f)
{
    return fail(f, FAIL_SYSTEM, "%s %s: %s", step, log->path, strerror(errno));
}

static bool open_file(struct append_log *log, struct fail *f)
{
    struct stat st;

    log->fd = open(log->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log->fd < 0 || fstat(log->fd, &st) != 0)
        return fail_at(log, "open", f);
    log->size = (size_t)st.st_size;
    return true;
}

/* What cannot be written whole is taken back. */
static bool write_line(struct append_log *log, struct str line, struct fail *f)
{
    ssize_t written = write(log->fd, line.ptr, line.len);

    if (written == (ssize_t)line.len) {
        log->size += line.len;
        return true;
    }
    if (written >= 0)
        errno = ENOSPC;
    (void)fail_at(log, "write", f);
    if (written > 0 && ftruncate(log->fd, (off_t)log->size) != 0)
        (void)fail_at(log, "truncate", f);
    return false;
}

static bool end_torn_line(struct append_log *log, struct fail *f)
{
    char last = '\n';

    if (log->size > 0 && pread(log->fd, &last, 1, (off_t)log->size - 1) != 1)
        return fail_at(log, "read", f);
    return last == '\n' || write_line(log, STR("\n"), f);
}

static void numbered(const struct append_log *log, unsigned number, char path[PATH_MAX])
{
    if (number == 0)
        (void)snprintf(path, PATH_MAX, "%s", log->path);
    else
        (void)snprintf(path, PATH_MAX, "%s.%u", log->path, number);
}

static bool put_aside(struct append_log *log, struct fail *f)
{
    char from[PATH_MAX];
    char to[PATH_MAX];

    for (unsigned number = log->kept - 1; number > 0; number--) {
        numbered(log, number - 1, from);
        numbered(log, number, to);
        if (rename(from, to) != 0 && errno != ENOENT)
            return fail_at(log, "put aside", f);
    }
    (void)close(log->fd);
    return open_file(log, f);
}

bool append_log_open(const struct append_log_options *options, struct append_log **ret_log, struct fail *f)
{
    struct append_log *log = calloc(1, sizeof(*log));

    must(log != NULL);
    must(options->kept >= 2);
    must(pthread_mutex_init(&log->lock, NULL) == 0);
    log->fd = -1;
    log->size_max = options->size_max;
    log->kept = options->kept;
    if (snprintf(log->path, sizeof(log->path), "%s", options->path) >= (int)sizeof(log->path))
        (void)fail(f, FAIL_INPUT, "the path %s is too long", options->path);
    else if (open_file(log, f) && end_torn_line(log, f)) {
        *ret_log = log;
        return true;
    }
    append_log_close(log);
    return false;
}

void append_log_close(struct append_log *log)
{
    if (log->fd >= 0)
        (void)close(log->fd);
    (void)pthread_mutex_destroy(&log->lock);
    free(log);
}

bool append_log_add(struct append_log *log, struct str line, struct fail *f)
{
    bool good = true;

    (void)pthread_mutex_lock(&log->lock);
    if (log->fd < 0)
        good = open_file(log, f); /* it could not be opened when the one before was put aside */
    if (good && log->size > 0 && log->size + line.len > log->size_max)
        good = put_aside(log, f);
    good = good && write_line(log, line, f);
    (void)pthread_mutex_unlock(&log->lock);
    return good;
}
