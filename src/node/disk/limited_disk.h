/* A place for files that cannot outgrow a size: an ext4 file system in a sparse file, mounted through a loop device, so
 * that the kernel keeps the limit and `df` shows it. The disk of an EC2 instance, and the storage of a task that asks
 * for ephemeralStorage.
 *
 *   DIR/disk         the file
 *   DIR/mount        where it is mounted
 *
 * Where the machine has no loop devices the place is DIR itself and nothing limits it, which the log says. Any thread;
 * one at a time for a directory. */
#pragma once

#include "base/fail.h"

#include <stdint.h>

enum { DISK_PATH_BYTES = 400 };

/* Makes it when it is missing, mounts it when it is not. `directory` exists. */
checked bool limited_disk_open(const char *directory, int32_t gib, char ret_place[DISK_PATH_BYTES], struct fail *f);
/* Unmounts it; what is on it stays. Nobody uses it any more. True when it is not mounted. */
checked bool limited_disk_close(const char *directory, struct fail *f);
/* Unmounts it and removes it with all that is on it; true when there is none. */
checked bool limited_disk_remove(const char *directory, struct fail *f);
