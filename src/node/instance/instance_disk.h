/* The disk of an instance: an ext4 file system of its size in a sparse file, mounted through a loop device, so that the
 * size is a limit that the kernel keeps and `df` shows.
 *
 *   DIR/disk         the file
 *   DIR/mount        where it is mounted
 *   DIR/mount/upper, DIR/mount/work      of the root file system's overlay
 *   DIR/mount/data   what must not lie on an overlay: the upper directories of containers inside
 *
 * Where the machine has no loop devices the same directories lie in DIR itself and nothing limits them. */
#pragma once

#include "base/fail.h"

#include <stdint.h>

enum { DISK_PATH_BYTES = 400 };

struct instance_disk {
    char upper[DISK_PATH_BYTES], work[DISK_PATH_BYTES], data[DISK_PATH_BYTES];
};

/* Makes it when it is missing, mounts it when it is not. `directory` exists. */
checked bool instance_disk_open(const char *directory, int32_t gib, struct instance_disk *ret_disk, struct fail *f);
/* Unmounts it; what is on it stays. Nobody uses it any more. True when it is not mounted. */
checked bool instance_disk_close(const char *directory, struct fail *f);
