/* What a host remembers of a container, in the task's folder (task.h, struct container_memory). Not synced: a container
 * does not survive a power cut either. */
#pragma once

#include "base/fail.h"
#include "node/task/task.h"

/* One writer a container at a time. */
checked bool container_memory_write(const char *task_dir, size_t container, const struct container_memory *memory,
                                    struct fail *f);
/* FAIL_NOT_FOUND: nothing was worth remembering. */
checked bool container_memory_read(const char *task_dir, size_t container, struct container_memory *ret_memory,
                                   struct fail *f);
