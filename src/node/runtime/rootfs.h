/* The mount namespace of a container-to-be: a private copy of the host's, with the overlay mounted in it and nowhere
 * else. No mount shows in the host's namespace; when the last process in it and the last descriptor are gone, so are
 * its mounts. */
#pragma once

#include "base/fail.h"
#include "node/runtime/container_spec.h"

struct rootfs {
    int namespace_fd; /* for setns(2) */
    int root_fd;      /* the mounted root directory; usable with *at calls from any namespace */
};

struct rootfs_options {
    const struct container_spec *spec;
    const char *mount_point; /* an existing directory */
    const char *shadow;      /* a directory that looks empty in the namespace, or NULL */
    bool own_null;           /* /dev/null in the namespace is a node of its own: crun gives the files of the standard
                                streams to the container's user, the machine's /dev/null among them */
    int user_namespace;      /* of the spec's id_map; -1: none */
};

/* Fails with the step and path; nothing is left then. With an id_map upper_dir is given to the container's root. */
checked bool rootfs_mount(const struct rootfs_options *options, struct rootfs *ret_rootfs, struct fail *f);
void rootfs_close(struct rootfs *rootfs);
