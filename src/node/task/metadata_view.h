/* What the task metadata endpoint shows, as JSON in AWS's names. The caller owns what it gets. */
#pragma once

#include "node/image/image.h"
#include "node/runtime/cgroup.h"
#include "node/task/task.h"

#include <jansson.h>

/* One container; image NULL: not pulled yet. */
json_t *metadata_container(const struct task *task, size_t i, const struct image *image);
/* The task; images by container. */
json_t *metadata_task(const struct task *task, struct image *const *images);

/* What the SDKs' container credentials provider reads. */
json_t *metadata_credentials(const struct host_credentials *credentials);

/* One reading of a container's counters, and of the whole machine's CPU time. */
struct metadata_sample {
    int64_t when_ms;
    uint64_t machine_cpu_ns;
    struct cgroup_stats stats;
};

/* Docker's statistics from the newest reading and the one that was shown before (when_ms 0: none). */
json_t *metadata_stats(struct str name, struct str id, const struct metadata_sample *now,
                       const struct metadata_sample *before);
