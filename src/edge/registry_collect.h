/* Garbage collection of the registry, in two halves: a repository forgets the blobs that none of its images needs, and
 * the store forgets the blobs that no repository has. Both leave alone what is younger than a time of grace, since a
 * push brings its layers first and the image that needs them last. Uploads that nobody goes on with end too. */
#pragma once

#include "edge/loop.h"
#include "os/blob_store.h"

/* How long a push may take from its first layer to its image, and an upload may rest. */
#define COLLECT_GRACE_MS (24 * HOUR_MS)

struct collector;

/* Collects every hour, on a thread of its own. Loop and store outlive it. */
checked bool collector_start(struct loop *loop, struct blob_store *blobs, struct collector **ret_collector,
                             struct fail *f);
void collector_stop(struct collector *collector);

/* Collects now; waits for it. grace_ms 0 takes from pushes under way. Not from the core thread. */
checked bool collector_run(struct collector *collector, int64_t grace_ms, struct blob_sweep_result *ret_result,
                           struct fail *f);
