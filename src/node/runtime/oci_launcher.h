/* Containers by an OCI runtime (crun) under conmon. */
#pragma once

#include "node/runtime/launcher.h"
#include "node/runtime/terminal_exec.h"
#include "os/process.h"

struct oci_tools {
    char runtime[256]; /* absolute path of the OCI runtime */
    char conmon[256];
    char root[256];              /* the runtime's own state, STATE/oci */
    struct process_mount shadow; /* over the v2 tree of a hybrid host, which crun must not see; no target: none */
};

/* Finds both programs. runtime and conmon are names or paths; shadow: see above, or NULL. FAIL_NOT_FOUND says which is
 * missing; FAIL_INPUT: not crun, the only one that takes a compiled seccomp filter. */
checked bool oci_tools_find(const char *runtime, const char *conmon, const char *root, const char *shadow,
                            struct oci_tools *ret_tools, struct fail *f);

/* Starts the container's program: config.json is in launch->directory. Nothing is left after a failure but files in
 * that directory and the cgroup. */
checked bool oci_launch(const struct oci_tools *tools, const struct launch *launch, struct fail *f);

/* Runs a command to its end. A command that cannot be started ends with 126 or 127 and says why in its output, as a
 * shell would. FAIL_LIMIT after timeout_ms: it was killed. */
checked bool oci_exec(const struct oci_tools *tools, const struct launch_exec *exec, int *ret_code, struct fail *f);

/* Starts a command on a terminal of its own, as root of the container; `exec` without output and timeout. procs_path:
 * the file that lists the processes of the container's cgroup. */
checked bool oci_exec_terminal(const struct oci_tools *tools, const struct launch_exec *exec, const char *procs_path,
                               struct terminal_exec *ret_exec, struct fail *f);
/* terminal_exec.c alone calls these. The end frees it. */
checked bool oci_terminal_ended(struct oci_terminal *terminal, const char *program, int *ret_code, struct fail *f);
void oci_terminal_end(struct oci_terminal *terminal);

/* Makes the runtime forget the container and kill what is left of it; unknown is no failure. */
checked bool oci_forget(const struct oci_tools *tools, const char *id, struct fail *f);
