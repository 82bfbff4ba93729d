/* An OCI bundle (runtime specification 1.0.2, which is what Debian 12's crun takes): config.json from a container_plan.
 * It is also where a later exec finds user, environment and capabilities. */
#pragma once

#include "node/runtime/container_plan.h"
#include "node/runtime/seccomp_profile.h"

/* Writes directory/config.json. seccomp may be NULL (then there is no filter). */
checked bool oci_bundle_write(const struct container_plan *plan, const struct seccomp_program *seccomp,
                              const char *directory, struct fail *f);

/* What `exec` runs in a container, besides what its bundle says. */
struct oci_exec {
    const char *const *argv;
    size_t argc;
    const char *directory; /* NULL: the container's */
};

/* Writes the process document for an exec: the bundle's own with other arguments. */
checked bool oci_bundle_write_exec(const char *directory, const struct oci_exec *exec, const char *path,
                                   struct fail *f);
