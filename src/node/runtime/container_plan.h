/* A container_spec made complete: what the image, the host and Docker's defaults add to it is filled in, so that both
 * launchers only translate. Made by container_plan_make, once a start; it lives in the caller's arena and points into
 * the spec. */
#pragma once

#include "base/arena.h"
#include "node/runtime/container_spec.h"
#include "node/runtime/image_user.h"

#include <sys/resource.h>

enum { PLAN_MOUNTS_MAX = CONTAINER_MOUNTS_MAX + 16, PLAN_RLIMITS_MAX = 16, PLAN_DEVICES_MAX = 512 };

/* Options as in an OCI configuration and in mount(8), separated by commas. */
struct plan_mount {
    const char *type; /* "proc", "tmpfs", "bind", "cgroup" ... */
    const char *source;
    const char *target;
    const char *options;
};

struct plan_rlimit {
    const char *oci_name; /* "RLIMIT_NOFILE" */
    int resource;
    struct rlimit limit;
};

struct plan_device {
    const char *path; /* in the container */
    const char *host_path;
    char type; /* 'c' or 'b' */
    unsigned major;
    unsigned minor;
    const char *access; /* "rwm" */
};

/* A line of the device cgroup: what may be used or made. -1: any number. */
struct plan_device_rule {
    char type;
    int major;
    int minor;
    const char *access;
};

struct container_plan {
    const struct container_spec *spec;
    struct image_user user;
    uint64_t capabilities;
    bool seccomp;
    const char *cgroup;      /* path below every tree's root */
    const char *const *argv; /* ends in NULL; with the init in front when asked for */
    const char *const *env;  /* ends in NULL */
    const char *directory;
    const char *hostname;
    struct plan_mount *mounts;
    size_t mount_count;
    struct plan_rlimit *rlimits;
    size_t rlimit_count;
    struct plan_device *devices; /* beyond those every container has */
    size_t device_count;
    struct plan_device_rule *device_rules; /* nothing else is allowed; none matter to a privileged container */
    size_t device_rule_count;
    struct container_sysctl *sysctls;
    size_t sysctl_count;
};

/* What the host has to give. */
struct plan_host {
    uint64_t capabilities_bounding;
    bool may_raise_rlimits; /* CAP_SYS_RESOURCE */
    const char *init;       /* the host's init program, or NULL */
};

/* root_fd: the mounted root file system (rootfs.h). cgroup is the container's. Fails with FAIL_INPUT (user, sysctl,
 * capability names), FAIL_DENIED (capability or ulimit that the host cannot give), FAIL_NOT_FOUND (device, bind
 * source, init). */
checked bool container_plan_make(const struct container_spec *spec, const struct plan_host *host, int root_fd,
                                 const char *cgroup, struct arena *arena, struct container_plan *ret_plan,
                                 struct fail *f);

/* Paths hidden from, and write-protected in, every container that is not privileged. Both end in NULL. */
extern const char *const plan_masked_paths[];
extern const char *const plan_readonly_paths[];

/* Where the init program is mounted in a container that asks for one. */
#define PLAN_INIT_PATH "/dev/init"
