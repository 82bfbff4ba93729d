/* Control groups, whichever of the three layouts the host has: v1 (a tree per controller), hybrid (v1, and a v2 tree
 * beside it), v2 (one tree). A cgroup is named by one path ("/berth-x/task/container") below the root of every tree.
 *
 * Life of a cgroup: cgroup_create makes it in every tree and writes its limits; processes are put in by whoever starts
 * them (cgroup_join_files); cgroup_kill ends them all; cgroup_delete removes it, and what is below it.
 *
 * Only the trees and controllers that are there are used: what is asked for and needs a missing one is refused, what is
 * only read (statistics) is left zero. All functions are thread-safe. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

enum cgroup_layout { CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

enum cgroup_controller {
    CGROUP_CPU,
    CGROUP_CPUACCT, /* v1 only; v2 counts with cpu */
    CGROUP_CPUSET,
    CGROUP_MEMORY,
    CGROUP_DEVICES, /* v1 only, and always there; v2 uses a BPF program */
    CGROUP_FREEZER, /* v1 only; v2 has it always */
    CGROUP_IO,      /* v1: blkio */
    CGROUP_PIDS,
    CGROUP_OTHER, /* any other v1 tree, such as name=systemd: OCI runtimes make a group there, too */
    CGROUP_CONTROLLERS
};

enum { CGROUP_TREES_MAX = 20, CGROUP_MOUNT_BYTES = 128, CGROUP_OPTIONS_BYTES = 64 };

struct cgroup_tree {
    char mount[CGROUP_MOUNT_BYTES];
    char options[CGROUP_OPTIONS_BYTES]; /* v1: which tree it is, to mount(2): "cpu,cpuacct", "name=systemd" */
    unsigned controllers;               /* bits 1 << enum cgroup_controller */
};

/* Invariant: with CGROUP_V2 there is one tree; with CGROUP_HYBRID the v2 tree is not among `trees`. */
struct cgroup_host {
    enum cgroup_layout layout;
    struct cgroup_tree trees[CGROUP_TREES_MAX];
    size_t tree_count;
    char unified_mount[CGROUP_MOUNT_BYTES]; /* CGROUP_HYBRID: where the v2 tree is; else empty */
};

/* Zero means no limit. Names and units as Docker's HostConfig has them. */
struct cgroup_limits {
    uint64_t cpu_shares;         /* relative weight, 1024 is one vCPU in ECS; v2: turned into cpu.weight as crun does */
    uint64_t cpu_quota_us;       /* of CPU time in each period */
    uint64_t cpu_period_us;      /* 0: 100000 */
    uint64_t memory_bytes;       /* hard limit */
    uint64_t memory_reservation; /* bytes; soft limit */
    uint64_t pids_max;
};

struct cgroup_stats {
    uint64_t cpu_ns;
    uint64_t cpu_user_ns;
    uint64_t cpu_system_ns;
    uint64_t cpu_periods;
    uint64_t cpu_throttled_periods;
    uint64_t cpu_throttled_ns;
    uint64_t memory_bytes;       /* in use, page cache included */
    uint64_t memory_max_bytes;   /* highest use so far */
    uint64_t memory_limit_bytes; /* UINT64_MAX: none */
    uint64_t memory_cache_bytes;
    uint64_t memory_inactive_file_bytes; /* what Docker's CLI takes off the use */
    uint64_t memory_rss_bytes;           /* anonymous memory */
    uint64_t oom_kills;
    uint64_t pids;
    uint64_t io_read_bytes;
    uint64_t io_write_bytes;
};

/* Reads the layout from a mountinfo file ("/proc/self/mountinfo"; tests give another). FAIL_NOT_FOUND without any
 * cgroup mount or without memory, cpu and pids, and with v1 without devices: nothing would keep a container from those
 * of the host, and crun refuses, too. */
checked bool cgroup_detect(const char *mountinfo, struct cgroup_host *ret_host, struct fail *f);
/* The tree that has the controller, or NULL. */
const struct cgroup_tree *cgroup_tree_of(const struct cgroup_host *host, enum cgroup_controller controller);
bool cgroup_has(const struct cgroup_host *host, enum cgroup_controller controller);

/* Makes the cgroup and its missing parents and writes the limits. One that exists gets the limits written again.
 * Refused limits leave the cgroup behind without them: delete it. */
checked bool cgroup_create(const struct cgroup_host *host, const char *path, const struct cgroup_limits *limits,
                           struct fail *f);

/* v1: from now on its processes may use only the devices of these rules ("c 1:3 rwm", see cgroup-v1/devices.rst in the
 * kernel's documentation), which end in NULL. */
checked bool cgroup_limit_devices(const struct cgroup_host *host, const char *path, const char *const *rules,
                                  struct fail *f);

/* Removes it in all trees, children first. FAIL_CONFLICT when processes are left after about two seconds of trying
 * (the kernel takes a moment to let go of ended ones). What is not there is no failure. */
checked bool cgroup_delete(const struct cgroup_host *host, const char *path, struct fail *f);

/* SIGKILL to every process in it (children cgroups included) until none is left; FAIL_LIMIT after timeout_ms. */
checked bool cgroup_kill(const struct cgroup_host *host, const char *path, int timeout_ms, struct fail *f);

/* Whether any process is in it (or below); false also when it does not exist. */
bool cgroup_populated(const struct cgroup_host *host, const char *path);

/* Whether process pid is in it or below. */
bool cgroup_contains(const char *path, int pid);

/* FAIL_NOT_FOUND when there is no such cgroup. */
checked bool cgroup_stats(const struct cgroup_host *host, const char *path, struct cgroup_stats *ret_stats,
                          struct fail *f);

/* Processes the kernel killed in it for want of memory, be it its own limit, or a parent's; 0 when unknown. */
uint64_t cgroup_oom_kills(const struct cgroup_host *host, const char *path);
