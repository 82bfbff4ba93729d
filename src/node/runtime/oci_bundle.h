/* An OCI bundle (runtime specification 1.0.2, which is what Debian 12's crun takes): config.json from a container_plan.
 * It is also where a later exec finds user, environment and capabilities. */
#pragma once

#include "node/runtime/container_plan.h"
#include "node/runtime/seccomp_profile.h"

/* Where the root file system of a container with an id_map is mounted, in its mount namespace; of others it is
 * directory/rootfs. */
#define OCI_BUNDLE_OPEN_ROOT "/run/berth-root"

/* Writes directory/config.json. seccomp may be NULL (then there is no filter). user_namespace: to be joined, named as
 * this process's descriptor, so the start is done before it is closed; -1: none. */
checked bool oci_bundle_write(const struct container_plan *plan, const struct seccomp_program *seccomp,
                              int user_namespace, const char *directory, struct fail *f);

/* What `exec` runs in a container, besides what its bundle says. */
struct oci_exec {
    const char *const *argv;
    size_t argc;
    const char *directory; /* NULL: the container's */
    bool terminal;         /* on one, as root */
};

/* Writes the process document for an exec: the bundle's own with other arguments. */
checked bool oci_bundle_write_exec(const char *directory, const struct oci_exec *exec, const char *path,
                                   struct fail *f);
