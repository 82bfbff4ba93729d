/* What our own launcher needs to know about a container: a container_plan with all that the host decided, in a form
 * that can be sent to another process and kept as STATE/c/ID/plan, where a later exec finds user, environment,
 * capabilities and filter, also after a restart of the host, and an upgrade.
 *
 * The flat form is the members in the order of native_plan.c, numbers as 8 bytes in the machine's order, texts with
 * their length in front. Rule for changes: members are only ever added at the end; what an older file lacks reads as
 * zero. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "node/runtime/container_plan.h"

enum { NATIVE_PLAN_BYTES_MAX = 16 << 20 };

enum native_plan_flags {
    NATIVE_NO_NEW_PRIVILEGES = 1,
    NATIVE_MASKED = 2, /* plan_masked_paths and plan_readonly_paths apply */
    NATIVE_READ_ONLY_ROOT = 4,
    NATIVE_USER_NAMESPACE = 8,
    NATIVE_JOINS_PID = 16, /* the pid namespace is another container's */
    NATIVE_JOINS_IPC = 32,
    NATIVE_TERMINAL = 64,
    NATIVE_OPEN_STDIN = 128,
};

struct native_list {
    const char **items;
    size_t count;
};

struct native_plan {
    const char *id;
    const char *directory;  /* STATE/c/ID */
    const char *exits_path; /* STATE/exits/ID */
    const char *log_path;
    uint64_t log_max_bytes; /* 0: none */
    const char *cgroup;
    struct native_list cgroup_procs; /* the file of each tree that processes are written into */
    const char *mount_point;         /* of the root file system, in the mount namespace of rootfs.h */

    struct native_list argv;
    struct native_list env;
    const char *working_directory;
    const char *hostname;
    uint64_t flags;
    uint64_t uid;
    uint64_t gid;
    uint64_t *groups;
    size_t group_count;
    uint64_t host_uid_first; /* what uid and gid 0 are outside; 0 without a user namespace */
    uint64_t capabilities;
    struct plan_mount *mounts;
    size_t mount_count;
    struct plan_rlimit *rlimits; /* oci_name is not kept */
    size_t rlimit_count;
    struct plan_device *devices; /* access is not kept: it is in the cgroup */
    size_t device_count;
    struct container_sysctl *sysctls;
    size_t sysctl_count;
    struct str filter; /* struct sock_filter, as they are; empty: none */
};

void native_plan_write(const struct native_plan *plan, struct buf *out);

/* `plan` points into `flat` and the arena. FAIL_INPUT for what native_plan_write has not written. */
checked bool native_plan_read(struct str flat, struct arena *arena, struct native_plan *ret_plan, struct fail *f);
