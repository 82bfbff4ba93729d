/* A layer's tar archive unpacked into a directory that can be a lower directory of overlayfs.
 *
 *   1 the archive comes as a stream, already decompressed; tar.h reads it
 *   2 each entry is made at its place (layer_path.h), whiteouts in overlayfs' form
 *   3 at the end directories get their times, since their entries changed them
 *
 * Owners are kept as they are; a container's user namespace is the business of an idmapped mount of the directory.
 * Extended attributes: security.capability and user.*; others (trusted.overlay.*, labels of the builder's host) would
 * mean something to this host and are left out. aufs' own files (".wh..wh.plnk" and the like) are left out too.
 * Refused: "..", hard links to what the layer does not hold, whiteouts of "." and "..", whatever breaks a limit, and
 * with IMAGE_DISK_FULL what would take the last part of the disk.
 * Directories that the archive names only in paths belong to root with mode 0755, as in docker's overlay2.
 *
 * Needs CAP_SYS_ADMIN (trusted.*), CAP_MKNOD, CAP_CHOWN, CAP_FOWNER, CAP_DAC_OVERRIDE, CAP_SETFCAP. */
#pragma once

#include "node/image/image_limits.h"
#include "node/image/stream.h"

struct unpack_result {
    uint64_t entries;
    uint64_t bytes; /* of file contents written; holes do not count */
};

/* root_fd: an empty directory. Stops reading at the archive's end mark. On failure the directory is left half filled,
 * for the caller to remove. */
checked bool image_unpack(struct stream *tar, int root_fd, const struct image_limits *limits,
                          struct unpack_result *ret_result, struct fail *f);
