/* For tests: archives made from a table of entries, streams over bytes in memory, and directories that go away. */
#pragma once

#include "base/buf.h"
#include "node/image/stream.h"

#include <sys/stat.h>
#include <time.h>

struct tar_row {
    const char *name;
    mode_t type; /* S_IFREG, S_IFDIR, ...; 0: a hard link to `link` */
    mode_t mode; /* 0: 0644, of directories 0755 */
    const char *content;
    const char *link;
    int64_t uid, gid;
    struct timespec mtime;
    unsigned major, minor;
    const char *xattr; /* name */
    struct str xattr_value;
    int64_t hole; /* bytes of hole in front of the content */
};

/* A pax archive, uncompressed, appended to bytes. */
void tar_write(struct buf *bytes, const struct tar_row *entries, size_t count);
void gzip_write(struct buf *bytes, struct str plain);
void zstd_write(struct buf *bytes, struct str plain);

struct memory_stream {
    struct stream stream;
    struct str left;
    size_t piece_max;
};

struct memory_stream memory_stream(struct str bytes, size_t piece_max);

/* A fresh directory below TMPDIR or /tmp; the path is written to ret_path. Returns its descriptor. */
int temporary_directory(char ret_path[64]);
void temporary_directory_remove(const char *path);
