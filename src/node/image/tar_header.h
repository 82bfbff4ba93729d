/* The fixed block in front of each entry of a tar archive, and the pax records and GNU fields that override it. */
#pragma once

#include "node/image/tar.h"

/* What was said about the next entry by headers in front of its own; absent (NULL, false) when nothing. */
struct tar_overrides {
    struct str name; /* pax path, GNU L; NUL-terminated in the arena, as is link */
    struct str link;
    struct str sparse_name; /* wins over name, which is then a made-up one */
    bool has_size, has_uid, has_gid, has_mtime, has_atime, has_real_size;
    uint64_t size;
    int64_t uid, gid;
    struct timespec mtime, atime;
    struct tar_xattr *xattrs; /* with room for as many as there are records */
    size_t xattr_count;
    uint64_t xattr_bytes;
    uint64_t real_size;  /* of a sparse file */
    bool sparse;         /* extents below are the map (forms 0.0 and 0.1) */
    bool map_in_content; /* form 1.0 */
    struct tar_extent *extents;
    size_t extent_count;
    size_t extent_room;
    size_t extents_max; /* sparse_parts_max */
    bool extent_open;   /* form 0.0: an offset without its length yet */
};

struct tar_header {
    char type;            /* as it stands there */
    uint64_t size;        /* of what follows in the archive */
    bool gnu_sparse_more; /* S: more of the map follows in a block of its own */
};

bool tar_block_is_zero(const char block[TAR_BLOCK]);

/* Reads the block into *entry and *ret_header; strings live in the arena. Of S the map's first part is put into
 * overrides. Fails with IMAGE_MALFORMED. */
checked bool tar_header_read(const char block[TAR_BLOCK], struct arena *arena, struct tar_entry *entry,
                             struct tar_overrides *overrides, struct tar_header *ret_header, struct fail *f);
/* A block with more of the map of an S entry. */
checked bool tar_sparse_block_read(const char block[TAR_BLOCK], struct arena *arena, struct tar_overrides *overrides,
                                   bool *ret_more, struct fail *f);

/* The records of a pax header ("x") put into overrides; strings live in the arena. */
checked bool tar_pax_read(struct str records, struct arena *arena, struct tar_overrides *overrides, struct fail *f);

/* Adds to a map, which must stay in order; fails with IMAGE_MALFORMED, IMAGE_OVER_LIMIT. */
checked bool tar_extent_add(struct arena *arena, struct tar_overrides *overrides, uint64_t offset, uint64_t len,
                            struct fail *f);
