/* What is in /dev: the nodes that every container has, those asked for, and the usual links. The kernel lets nobody
 * make nodes in a user namespace, so there the host's are mounted in their place. */
#pragma once

#include "node/runtime/mount_set.h"

enum { DEVICE_NODES_MAX = PLAN_DEVICES_MAX + 6 };

struct device_nodes {
    int fds[DEVICE_NODES_MAX]; /* with a user namespace: copies of the host's nodes, as detached mounts */
};

/* Both return 0, or -1 with set->failure. open_host: with the host's rights, its /dev in sight. */
int device_nodes_open_host(struct device_nodes *nodes, const struct mount_set *set);
/* "/" is the container's, its /dev is mounted. */
int device_nodes_make(const struct device_nodes *nodes, const struct mount_set *set);
