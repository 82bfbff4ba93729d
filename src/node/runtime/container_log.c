/* Owns the reading of container logs. */
#include "node/runtime/container_log.h"

#include "base/when.h"
#include "node/runtime/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* Room for a line of full length beside what stands before it. */
enum { BUFFER_BYTES = 2 * CONTAINER_LOG_LINE_MAX };

struct container_log {
    char path[PATH_BYTES];
    int fd;                                 /* -1: there is no file yet */
    struct container_log_position position; /* of the next byte not yet given out */
    bool skipping;                          /* in the rest of a line that was too long */
    bool replaced;                          /* the file at `path` is another one by now */
    size_t start;                           /* buffer[start..end) was read and is not yet given out */
    size_t end;
    char buffer[BUFFER_BYTES];
};

/* "2026-11-22T10:00:00.123456789+00:00"; base/when.h knows milliseconds only, so the fraction is read here. */
static bool parse_when(struct str text, int64_t *ret_when_ns)
{
    size_t dot = str_find(text, '.');
    size_t zone = dot + 1;
    int64_t nanoseconds = 0;
    int64_t when_ms;
    char whole[40];

    while (zone < text.len && text.ptr[zone] >= '0' && text.ptr[zone] <= '9')
        zone++;
    if (dot == text.len || dot >= 24 || zone == dot + 1 || zone - dot > 10 || text.len - zone > 6)
        return false;
    for (size_t i = 0; i < 9; i++)
        nanoseconds = nanoseconds * 10 + (dot + 1 + i < zone ? text.ptr[dot + 1 + i] - '0' : 0);
    (void)snprintf(whole, sizeof(whole), "%.*s%.*s", STR_ARG(str_to(text, dot)), STR_ARG(str_from(text, zone)));
    if (!when_from_iso8601(str_of(whole), &when_ms))
        return false;
    return !__builtin_mul_overflow(when_ms, INT64_C(1000000), ret_when_ns) &&
           !__builtin_add_overflow(*ret_when_ns, nanoseconds, ret_when_ns);
}

bool container_log_parse(struct str line, struct container_log_line *ret_line)
{
    struct str rest = line;
    struct str when = str_cut(rest, ' ', &rest);
    struct str stream = str_cut(rest, ' ', &rest);
    struct str tag = str_cut(rest, ' ', &rest);
    struct container_log_line parsed = {.partial = str_is(tag, "P"), .text = rest};

    if (rest.ptr == NULL || !parse_when(when, &parsed.when_ns) || (!parsed.partial && !str_is(tag, "F")))
        return false;
    if (str_is(stream, "stderr"))
        parsed.stream = CONTAINER_LOG_STDERR;
    else if (!str_is(stream, "stdout"))
        return false;
    *ret_line = parsed;
    return true;
}

static bool open_file(struct container_log *log, const char *path, struct fail *f)
{
    struct stat st;
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    if (log->position.inode != st.st_ino)
        log->position = (struct container_log_position){.inode = st.st_ino};
    if (log->position.offset > (uint64_t)st.st_size)
        log->position.offset = 0; /* the number was reused for a new file */
    if (lseek(fd, (off_t)log->position.offset, SEEK_SET) < 0)
        return fail(f, FAIL_SYSTEM, "seek in %s: %s", path, strerror(errno));
    log->fd = take_fd(&fd);
    log->start = log->end = 0;
    log->skipping = log->replaced = false;
    return true;
}

static uint64_t inode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* The oldest file that may hold lines behind the position. */
static bool open_first(struct container_log *log, struct fail *f)
{
    char older[PATH_BYTES];

    path_format(older, "%s.1", log->path);
    if (inode_of(log->path) != log->position.inode && inode_of(older) != 0)
        return open_file(log, older, f);
    return open_file(log, log->path, f);
}

bool container_log_open(const char *path, struct container_log_position position, struct container_log **ret_log,
                        struct fail *f)
{
    struct container_log *log = malloc(sizeof(*log));

    if (log == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    log->fd = -1;
    log->position = position;
    path_format(log->path, "%s", path);
    if (!open_first(log, f)) {
        container_log_close(log);
        return false;
    }
    *ret_log = log;
    return true;
}

void container_log_close(struct container_log *log)
{
    close_fd_at(&log->fd);
    free(log);
}

struct container_log_position container_log_position(const struct container_log *log)
{
    return log->position;
}

static void give_out(struct container_log *log, size_t len)
{
    log->start += len;
    log->position.offset += len;
}

/* Takes a line from the buffer; false when it holds no whole one. */
static bool take_line(struct container_log *log, struct container_log_line *ret_line)
{
    while (log->start < log->end) {
        struct str text = {log->buffer + log->start, log->end - log->start};
        size_t len = str_find(text, '\n');
        bool whole = len < text.len;
        bool skipped = log->skipping;

        if (!whole && len <= CONTAINER_LOG_LINE_MAX)
            return false;
        log->skipping = !whole;
        give_out(log, whole ? len + 1 : len);
        if (whole && !skipped && len <= CONTAINER_LOG_LINE_MAX && container_log_parse(str_to(text, len), ret_line))
            return true;
    }
    return false;
}

static bool fill(struct container_log *log, size_t *ret_got, struct fail *f)
{
    ssize_t got;

    memmove(log->buffer, log->buffer + log->start, log->end - log->start);
    log->end -= log->start;
    log->start = 0;
    do
        got = read(log->fd, log->buffer + log->end, sizeof(log->buffer) - log->end);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail(f, FAIL_SYSTEM, "read %s: %s", log->path, strerror(errno));
    log->end += (size_t)got;
    *ret_got = (size_t)got;
    return true;
}

/* At the end of a file: a new one under its name is taken up, but only at the second look, since its last lines may
 * have come between our read and the replacement. */
static bool move_on(struct container_log *log, bool *ret_again, struct fail *f)
{
    uint64_t inode = inode_of(log->path);

    *ret_again = inode != 0 && inode != log->position.inode;
    if (!*ret_again || !log->replaced) {
        log->replaced = *ret_again;
        return true;
    }
    close_fd_at(&log->fd);
    log->fd = -1;
    return open_file(log, log->path, f);
}

bool container_log_next(struct container_log *log, bool *ret_there, struct container_log_line *ret_line, struct fail *f)
{
    bool again = true;

    if (log->fd < 0 && !open_first(log, f))
        return false;
    while (log->fd >= 0 && again) {
        size_t got;

        if (take_line(log, ret_line)) {
            *ret_there = true;
            return true;
        }
        if (!fill(log, &got, f))
            return false;
        if (got == 0 && !move_on(log, &again, f))
            return false;
    }
    *ret_there = false;
    return true;
}
