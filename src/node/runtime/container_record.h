/* What is kept on disk about a container, so that a restarted process finds it again. A directory STATE/c/ID with
 *   record.json   this: written before anything runs (started_ms 0), and again once its program has started
 *   config.json   its OCI bundle, or `plan`, its native_plan; rootfs/ is the mount point in its own mount namespace
 *   supervisor    process id of its supervisor (conmon, or ours), written by it
 *   pid           process id of its first process, in our pid namespace, written by launcher or supervisor
 * and STATE/exits/ID: its exit status in decimal, written by the supervisor when the container has ended; ours makes
 * the file at the start, as ID~. What a start left that did not come to its end is cleared away. A directory without a
 * readable record is left over from a start that did not get far. */
#pragma once

#include "base/fail.h"
#include "node/runtime/container_spec.h"
#include "node/runtime/small_file.h"

struct container_record {
    char id[CONTAINER_ID_BYTES];
    char task_id[CONTAINER_ID_BYTES];
    bool native;
    char cgroup[256];
    char log_path[PATH_BYTES];
    int64_t started_ms; /* 0: its start did not come to an end */
};

checked bool container_record_write(const char *directory, const struct container_record *record, struct fail *f);
checked bool container_record_read(const char *directory, struct container_record *ret_record, struct fail *f);
