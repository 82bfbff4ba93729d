/* What of /proc and /sys a container must not see or change: plan_masked_paths and plan_readonly_paths. */
#pragma once

#include "node/runtime/mount_set.h"

/* After mount_set_attach. Paths that this kernel does not have are passed over. 0, or -1 with set->failure. */
int kernel_mask(const struct mount_set *set);
