/* Owns the form of written lines, and the change from a full file to the next. */
#include "node/runtime/container_log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

enum { STAMP_BYTES = 64 };

_Static_assert(LOG_PIECE_BYTES + STAMP_BYTES + 4 <= LOG_BATCH_BYTES, "an empty batch has room for any line");

static bool open_file(struct container_log_writer *writer)
{
    struct stat st;

    writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    writer->bytes = writer->fd >= 0 && fstat(writer->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    return writer->fd >= 0;
}

bool container_log_writer_open(struct container_log_writer *writer, const char *path, uint64_t max_bytes,
                               struct fail *f)
{
    writer->max_bytes = max_bytes;
    writer->batch_len = 0;
    path_format(writer->path, "%s", path);
    if (!open_file(writer))
        return fail(f, FAIL_SYSTEM, "open the log %s: %s", path, strerror(errno));
    return true;
}

static void rotate(struct container_log_writer *writer)
{
    char older[PATH_BYTES + 2];

    (void)snprintf(older, sizeof(older), "%s.1", writer->path);
    (void)rename(writer->path, older);
    (void)close(writer->fd);
    (void)open_file(writer); /* it fails: the next batch tries again */
}

/* A batch that was written in part is taken back, so that the file holds whole lines only. */
static void flush_batch(struct container_log_writer *writer)
{
    ssize_t written = -1;

    if (writer->batch_len == 0)
        return;
    if (writer->fd >= 0 && writer->max_bytes != 0 && writer->bytes > 0 &&
        writer->bytes + writer->batch_len > writer->max_bytes)
        rotate(writer);
    if (writer->fd >= 0 || open_file(writer))
        do
            written = write(writer->fd, writer->batch, writer->batch_len);
        while (written < 0 && errno == EINTR);
    if (written == (ssize_t)writer->batch_len)
        writer->bytes += writer->batch_len;
    else if (written > 0)
        (void)!ftruncate(writer->fd, (off_t)writer->bytes);
    writer->batch_len = 0;
}

/* "2026-11-22T10:00:00.123456789+00:00 stdout " */
static size_t write_head(char head[STAMP_BYTES], enum container_log_stream stream)
{
    struct timespec now;
    struct tm utc;
    size_t len;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    len = strftime(head, STAMP_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    len += (size_t)snprintf(head + len, STAMP_BYTES - len, ".%09ld+00:00 %s ", now.tv_nsec,
                            stream == CONTAINER_LOG_STDERR ? "stderr" : "stdout");
    return len;
}

static void put(struct container_log_writer *writer, struct str text)
{
    memcpy(writer->batch + writer->batch_len, text.ptr, text.len);
    writer->batch_len += text.len;
}

void container_log_writer_add(struct container_log_writer *writer, enum container_log_stream stream, struct str text)
{
    char head[STAMP_BYTES];
    struct str stamp = {head, write_head(head, stream)};
    uint64_t limit =
        writer->max_bytes != 0 && writer->max_bytes < sizeof(writer->batch) ? writer->max_bytes : sizeof(writer->batch);

    while (text.len > 0) {
        size_t len = str_find(text, '\n');
        bool whole = len < text.len;

        if (writer->batch_len + stamp.len + len + sizeof("F \n") > limit)
            flush_batch(writer);
        put(writer, stamp);
        put(writer, whole ? STR("F ") : STR("P "));
        put(writer, str_to(text, len));
        put(writer, STR("\n"));
        text = str_from(text, whole ? len + 1 : len);
    }
    flush_batch(writer);
}
