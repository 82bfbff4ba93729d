/* What a container shall be: the caller's wish, in plain data. It is read during runtime_start and not kept. Zero or
 * NULL means "not given" wherever a member does not say otherwise. */
#pragma once

#include "base/fail.h"
#include "node/runtime/cgroup.h"

enum {
    CONTAINER_ID_BYTES = 65, /* with the NUL */
    CONTAINER_ARGS_MAX = 1024,
    CONTAINER_MOUNTS_MAX = 256,
    CONTAINER_LOWER_BYTES = 3900, /* mount(2) takes one page of options, the upper and work directories included */
};

#define CONTAINER_NO_LIMIT UINT64_MAX /* of an ulimit: "unlimited" */

enum container_mount_kind { CONTAINER_MOUNT_BIND, CONTAINER_MOUNT_TMPFS };

struct container_mount {
    enum container_mount_kind kind;
    const char *source;  /* bind: an existing file or directory of the host, absolute */
    const char *target;  /* absolute, in the container; made when missing; links in the image resolve inside it */
    const char *options; /* tmpfs: as Docker's, "size=67108864,mode=1777,noexec"; nosuid,nodev are always set */
    bool read_only;
    bool fill; /* bind: as long as nothing is in source, it gets what the image has at target (volume_fill.h) */
};

struct container_ulimit {
    const char *name; /* "nofile", as task definitions spell it */
    uint64_t soft;
    uint64_t hard;
    bool is_default; /* lowered to what the host permits, where one that was asked for would be refused */
};

struct container_device {
    const char *host_path;
    const char *container_path; /* NULL: the same */
    bool read;
    bool write;
    bool mknod;
};

struct container_sysctl {
    const char *name; /* "net.ipv4.tcp_keepalive_time"; only those of the container's own namespaces */
    const char *value;
};

/* Users and groups 0 .. count-1 of the container are host_first .. of the host. count 0: no user namespace. Containers
 * that share a pid or ipc namespace share their network, too, and are in the user namespace that it belongs to. */
struct container_id_map {
    uint32_t host_first;
    uint32_t count;
};

struct container_spec {
    const char *id;      /* [a-zA-Z0-9][a-zA-Z0-9_.-]*, unique in the installation */
    const char *task_id; /* the same alphabet; its cgroup exists: runtime_task_cgroup_create */

    /* The root file system: an overlay. The caller owns these directories and removes them after runtime_delete. Not
     * two containers at a time may have the same upper_dir. The paths must hold no comma, and only `lower_dirs` a
     * colon. */
    const char *lower_dirs; /* as the lowerdir option: topmost first, separated by ":" */
    const char *upper_dir;  /* with an id_map it is given to the container's root */
    const char *work_dir;
    bool read_only_root;
    struct container_id_map id_map;

    /* Namespaces, as paths that setns(2) takes. The task's network namespace has its interfaces and `lo` up before the
     * start; "/proc/self/ns/net" is the host's own. NULL for pid, ipc: one of its own. */
    const char *network_namespace; /* required */
    const char *pid_namespace;
    const char *ipc_namespace;
    const char *hostname;

    const char *const *argv;
    size_t argc;            /* >= 1 */
    const char *const *env; /* "NAME=value"; PATH, HOME and HOSTNAME are added where they are missing */
    size_t env_count;
    const char *directory; /* absolute; NULL: "/"; made when missing */
    const char *user;      /* see image_user.h */
    bool init;             /* a small init as PID 1 that forwards signals and reaps */
    bool terminal;         /* standard input, output and error are a terminal of its own, whose output is the log */
    bool open_stdin;       /* without a terminal: standard input says nothing, but does not end either */

    const struct container_mount *mounts; /* in their order, over the usual /proc, /dev, /sys */
    size_t mount_count;
    uint64_t shm_bytes; /* of /dev/shm; 0: 64 MiB */
    bool no_shm;        /* there is no /dev/shm */
    const struct container_device *devices;
    size_t device_count;
    const struct container_ulimit *ulimits;
    size_t ulimit_count;
    const struct container_sysctl *sysctls;
    size_t sysctl_count;
    const char *const *capabilities_add; /* see capabilities.h */
    size_t capabilities_add_count;
    const char *const *capabilities_drop;
    size_t capabilities_drop_count;
    bool no_new_privileges;
    bool privileged; /* all capabilities there are, all devices, no seccomp filter, /proc and /sys unmasked */
    bool is_system; /* with privileged: an operating system of its own. Devices only as listed, and nothing that changes
                       the machine itself: kernel modules, its clock, raw I/O */
    struct cgroup_limits limits;

    const char *log_path;   /* CRI format, see container_log.h; its directory exists */
    uint64_t log_max_bytes; /* the file is then replaced by a new one; 0: never */
};

/* Whether the text is an id as above. */
bool container_id_valid(const char *id);

/* Everything that can be told without looking at the host or the image. FAIL_INPUT names the member. */
checked bool container_spec_check(const struct container_spec *spec, struct fail *f);
