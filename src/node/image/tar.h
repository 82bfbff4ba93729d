/* A tar archive read as a stream: ustar and pax (POSIX.1-2017, "pax Interchange Format"), GNU long names, base-256
 * numbers and sparse files in all four forms (tar manual, "Storing Sparse Files"). Names and values are bytes and come
 * through unchanged.
 *
 * Why not libarchive, which we use for nothing else: release 3.6 converts the names of pax headers to the locale's
 * character set. In a UTF-8 locale that normalises them, so that two names of an image become one; in the C locale
 * it loses the targets of links that have no ASCII character. Both lose files of real images; unpack_test shows them.
 *
 * Read as Go's archive/tar reads them, since it wrote nearly every layer there is: links, directories and devices have
 * no content whatever their size field says; global pax headers are passed over; an archive may end without its two
 * zero blocks, but not with a single one in its midst. Refused: types other than the seven of POSIX and GNU's S, L
 * and K; names with NUL bytes; maps of sparse files that overlap or leave the file. */
#pragma once

#include "base/arena.h"
#include "node/image/image_limits.h"
#include "node/image/stream.h"

#include <time.h>

enum { TAR_BLOCK = 512 };

enum tar_type {
    TAR_FILE = '0',
    TAR_HARD_LINK = '1',
    TAR_SYMLINK = '2',
    TAR_CHARACTER_DEVICE = '3',
    TAR_BLOCK_DEVICE = '4',
    TAR_DIRECTORY = '5',
    TAR_FIFO = '6',
};

struct tar_xattr {
    const char *name;
    struct str value;
};

/* A run of bytes that a sparse file has; between them are holes. */
struct tar_extent {
    uint64_t offset;
    uint64_t len;
};

struct tar_entry {
    enum tar_type type;
    const char *name;
    const char *link; /* of links; "" otherwise */
    uint32_t mode;
    int64_t uid;
    int64_t gid;
    struct timespec mtime;
    struct timespec atime; /* mtime when the archive does not say */
    uint32_t major;
    uint32_t minor;
    uint64_t size; /* of the file, holes included */
    const struct tar_xattr *xattrs;
    size_t xattr_count;
    bool sparse;
    struct tar_extent *extents; /* sparse only: in order, apart, within size */
    size_t extent_count;
};

struct tar_reader {
    struct stream *stream;
    const struct image_limits *limits;
    struct arena arena; /* of the entry */
    struct str piece;   /* of the stream, not yet taken */
    struct tar_entry entry;
    uint64_t left;    /* bytes of content still in the archive */
    uint64_t padding; /* bytes behind them, up to the next block */
    size_t extent;    /* sparse: where the next byte goes */
    uint64_t extent_done;
    uint64_t offset;        /* not sparse: where the next byte goes */
    uint64_t prelude_bytes; /* of the headers that describe this entry */
    bool ended;
};

void tar_begin(struct tar_reader *reader, struct stream *stream, const struct image_limits *limits);
void tar_end(struct tar_reader *reader);

/* Goes to the next entry, passing over what was not read of the last one; NULL at the end of the archive. The entry
 * lives until the next call. Fails with IMAGE_MALFORMED, IMAGE_OVER_LIMIT, or as the stream failed. */
checked bool tar_next(struct tar_reader *reader, const struct tar_entry **ret_entry, struct fail *f);
/* The next piece of the entry's content and where in the file it belongs; an empty one at the end. */
checked bool tar_read(struct tar_reader *reader, struct str *ret_bytes, uint64_t *ret_offset, struct fail *f);
