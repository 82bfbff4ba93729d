/* A command under way in a container on a terminal of its own, whoever started it: our launcher (native_launcher.h) or
 * an OCI runtime (oci_launcher.h). Used by one thread at a time. */
#pragma once

#include "base/fail.h"

#include <sys/types.h>

struct oci_terminal;

struct terminal_exec {
    int terminal; /* our end, non-blocking: what is read is the output; EIO once nobody has the other end any more */
    int ended;    /* readable when the command has ended */
    struct oci_terminal *oci; /* NULL: of our own launcher */
};

/* Waits for the end: the exit status, 128 + signal. Fails as launch_fails_to_exec when it was never executed. */
checked bool terminal_exec_ended(struct terminal_exec *exec, const char *program, int *ret_code, struct fail *f);
/* Hangs up on a command that still runs: it has TERMINAL_HANGUP_MS to leave orderly, then it is killed and with it what
 * else is of its session. */
void terminal_exec_close(struct terminal_exec *exec);

enum { TERMINAL_HANGUP_MS = 1000 };

/* Hangs up on the session that this process leads, as above; procs_path: the file of its cgroup that lists processes.
 * Blocks. The leader is not reaped here. */
void terminal_hang_up(pid_t leader, int leader_pidfd, const char *procs_path);
