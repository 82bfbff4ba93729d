/* Containers by ourselves, without an OCI runtime and conmon: the host asks a launcher process (launcher_process.h),
 * which forks a supervisor, which makes the container:
 *
 *     host  --request-->  launcher  --fork-->  supervisor  --fork-->  entry (joins namespaces)  --fork-->  program
 *
 * The supervisor lives as long as the container. Neither the end of the host nor that of the launcher, orderly or by
 * kill -9, does anything to it; a launcher that has ended is started again by the next call. */
#pragma once

#include "node/runtime/launcher.h"
#include "node/runtime/terminal_exec.h"

struct native_launcher;

/* Starts the launcher process. Calls from here on are thread-safe. */
checked bool native_launcher_start(struct native_launcher **ret_launcher, struct fail *f);
/* Ends it; containers go on. NULL: nothing. */
void native_launcher_end(struct native_launcher *launcher);

/* Starts the container's program; the cgroup with its limits is made here. After a failure no process of it is left,
 * but files in launch->directory and the cgroup. */
checked bool native_launch(struct native_launcher *launcher, const struct cgroup_host *cgroups,
                           const struct launch *launch, struct fail *f);

/* As oci_exec. */
checked bool native_exec(struct native_launcher *launcher, const struct launch_exec *exec, int *ret_code,
                         struct fail *f);

/* Starts a command on a terminal of its own, as root of the container; `exec` without output and timeout. Whether it
 * could be executed, terminal_exec_ended tells. */
checked bool native_exec_terminal(struct native_launcher *launcher, const struct launch_exec *exec,
                                  struct terminal_exec *ret_exec, struct fail *f);
/* terminal_exec.c alone calls it. */
checked bool native_terminal_ended(int reply_fd, const char *program, int *ret_code, struct fail *f);
