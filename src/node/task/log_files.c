#include "node/task/log_files.h"

#include "base/buf.h"
#include "base/must.h"
#include "model/interpret.h"
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUTE_BYTES_MAX = 1 << 20, BLOCK_BYTES = 4096, POSITION_BYTES = 160 };

void log_file_path(const char *logs_dir, struct str task_id, size_t container, const char *ending,
                   char path[LOG_PATH_BYTES])
{
    int len = snprintf(path, LOG_PATH_BYTES, "%s/%.*s/%zu.%s", logs_dir, STR_ARG(task_id), container, ending);

    must(len > 0 && len < LOG_PATH_BYTES);
}

void log_file_punch(int fd, uint64_t offset)
{
    uint64_t whole = offset / BLOCK_BYTES * BLOCK_BYTES;

    if (whole > 0) /* a file system that cannot keeps the blocks until the file is removed */
        (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)whole);
}

uint64_t log_file_begin(int fd)
{
    off_t data = lseek(fd, 0, SEEK_DATA);

    return data < 0 ? 0 : (uint64_t)data;
}

/* ---- routes ---- */

bool log_route_write(const char *logs_dir, size_t container, const struct log_route_record *record, struct fail *f)
{
    auto_buf bytes = {.limit = ROUTE_BYTES_MAX};
    char path[LOG_PATH_BYTES];
    char dir[LOG_PATH_BYTES];

    (void)snprintf(dir, sizeof(dir), "%s/%.*s", logs_dir, STR_ARG(record->task_id));
    value_encode(&log_route_record_shape, record, &bytes);
    if (bytes.overflowed)
        return fail(f, FAIL_LIMIT, "the log configuration is too large");
    log_file_path(logs_dir, record->task_id, container, "route", path);
    /* Not synced, as the log itself is not: a power cut may lose the last seconds of either, no other end does. */
    return directory_make(dir, 0700, f) && file_replace(path, buf_str(&bytes), 0600, f);
}

bool log_route_read(const char *logs_dir, struct str task_id, size_t container, struct arena *arena,
                    struct log_route_record *ret_record, struct fail *f)
{
    auto_buf bytes = {.limit = ROUTE_BYTES_MAX};
    struct log_route_record record = {0};
    char path[LOG_PATH_BYTES];

    log_file_path(logs_dir, task_id, container, "route", path);
    if (!file_read(path, &bytes, f) || !value_decode(&log_route_record_shape, buf_str(&bytes), &record, arena, f))
        return false;
    *ret_record = record;
    return true;
}

/* ---- positions ---- */

static void format(const struct log_position *position, char text[POSITION_BYTES + 1])
{
    (void)snprintf(text, POSITION_BYTES + 1,
                   "%020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %-32s %d %*s\n",
                   position->inode, position->delivered.from, position->delivered.complete, position->asked.from,
                   position->asked.complete, position->request[0] == '\0' ? "-" : position->request,
                   position->finished ? 1 : 0, 19, "");
}

static bool read_number(struct str *rest, uint64_t *ret_number)
{
    return str_to_uint64(str_cut(*rest, ' ', rest), ret_number);
}

static bool parse(struct str text, struct log_position *ret_position)
{
    struct log_position position = {0};
    struct str request;

    if (text.len != POSITION_BYTES || !read_number(&text, &position.inode) ||
        !read_number(&text, &position.delivered.from) || !read_number(&text, &position.delivered.complete) ||
        !read_number(&text, &position.asked.from) || !read_number(&text, &position.asked.complete) ||
        text.len < LOG_REQUEST_BYTES + 1)
        return false;
    request = str_trim(str_to(text, LOG_REQUEST_BYTES - 1));
    if (!str_is(request, "-") && !str_to_buffer(request, position.request, sizeof(position.request)))
        return false;
    position.finished = text.ptr[LOG_REQUEST_BYTES] == '1';
    *ret_position = position;
    return true;
}

bool log_position_open(const char *logs_dir, struct str task_id, size_t container, int *ret_fd,
                       struct log_position *ret_position, struct fail *f)
{
    char path[LOG_PATH_BYTES];
    char text[POSITION_BYTES];
    auto_fd fd = -1;
    ssize_t got;

    log_file_path(logs_dir, task_id, container, "position", path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    got = pread(fd, text, sizeof(text), 0);
    if (got < 0)
        return fail(f, FAIL_SYSTEM, "read %s: %s", path, strerror(errno));
    if (!parse((struct str){text, (size_t)got}, ret_position))
        *ret_position = (struct log_position){0};
    *ret_fd = take_fd(&fd);
    return true;
}

bool log_position_write(int fd, const struct log_position *position, struct fail *f)
{
    char text[POSITION_BYTES + 1];

    format(position, text);
    if (pwrite(fd, text, POSITION_BYTES, 0) != POSITION_BYTES)
        return fail(f, FAIL_SYSTEM, "write a log position: %s", strerror(errno));
    return true;
}
