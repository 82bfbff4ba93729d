/* What is asked of a launcher, which starts a container's program under a supervisor that outlives us;
 * native_launcher.h does it by itself, oci_launcher.h with an OCI runtime under conmon. See container_record.h for the
 * files it leaves. */
#pragma once

#include "base/buf.h"
#include "node/runtime/container_plan.h"
#include "node/runtime/rootfs.h"
#include "node/runtime/seccomp_profile.h"

/* One start. Everything is lent for the time of the call. */
struct launch {
    const struct container_plan *plan;
    const struct seccomp_program *seccomp; /* NULL: no filter */
    const struct rootfs *rootfs;
    int user_namespace;          /* of the spec's id_map; -1: none */
    const char *directory;       /* STATE/c/ID */
    const char *exits_directory; /* STATE/exits */
};

/* One run of a command in a running container. */
struct launch_exec {
    const char *id;
    const char *directory; /* STATE/c/ID */
    const char *cgroup;
    int pidfd; /* of the container's first process */
    const char *const *argv;
    size_t argc;
    const char *working_directory; /* NULL: the container's */
    struct buf *output;            /* standard output and error, up to the buf's limit; NULL: dropped */
    int timeout_ms;
};

/* Failures to start a program, in Docker's words: "exec: "x": executable file not found in $PATH" is FAIL_NOT_FOUND,
 * "exec: "x": permission denied" FAIL_DENIED. error is an errno. */
checked bool launch_fails_to_exec(const char *program, int error, struct fail *f);
