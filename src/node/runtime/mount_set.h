/* The mounts of a container-to-be. Each is made detached, as a descriptor, while the host's files can still be seen,
 * and attached when only the container's can: a path of the image then has nothing of the host to lead to.
 *
 *   1 mount_set_open_host   by a process with the host's rights: what is taken from the host, or belongs to a
 *                           namespace that the container did not get for itself (which a container with a user
 *                           namespace may not mount)
 *   2 mount_set_open_own    inside all namespaces, the host's tree still there (the kernel gives a user namespace a
 *                           /proc only where one can be seen already)
 *   3 mount_set_attach      "/" is the container's
 *   4 mount_set_finish      what was asked to be read-only becomes so, now that mount points need not be made in it
 *
 * All return 0, or -1 with the failure filled. */
#pragma once

#include "node/runtime/borrowed_child.h"
#include "node/runtime/native_plan.h"

enum { MOUNT_SET_MAX = PLAN_MOUNTS_MAX + CGROUP_TREES_MAX + 1 };

struct mount_set {
    const struct native_plan *plan;
    struct child_failure *failure;
    int fds[MOUNT_SET_MAX]; /* of plan->mounts, in their order; they name the mount also when it is attached */
};

int mount_set_open_host(struct mount_set *set);
int mount_set_open_own(struct mount_set *set);
int mount_set_attach(struct mount_set *set);
int mount_set_finish(struct mount_set *set);

/* The last mount of this target if it is of this type (NULL: any), or -1: not by its path, behind which something else
 * may have been put. */
int mount_set_find(const struct mount_set *set, const char *target, const char *type);

/* A new mount as mount(8) would make it; -1 with errno. */
int mount_open(const char *type, const char *source, const char *options);

/* Attaches a detached mount to what the descriptor `on` names; -1 with errno. */
int mount_attach(int mount, int on);
