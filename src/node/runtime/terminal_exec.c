#include "node/runtime/terminal_exec.h"

#include "base/buf.h"
#include "node/runtime/native_launcher.h"
#include "node/runtime/oci_launcher.h"
#include "os/files.h"

#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { KILL_ROUNDS_MAX = 100, PIDS_BYTES_MAX = 1 << 20 };

/* Kills the processes of the cgroup that are of that session; false: there was none. */
static bool kill_some(const char *procs_path, pid_t session)
{
    auto_buf text = {.limit = PIDS_BYTES_MAX};
    bool killed = false;
    struct str rest;
    struct fail f;

    if (!file_read(procs_path, &text, &f))
        return false;
    rest = buf_str(&text);
    while (rest.ptr != NULL) {
        int64_t pid;

        if (str_to_int64(str_cut(rest, '\n', &rest), &pid) && pid > 0 && getsid((pid_t)pid) == session)
            killed = kill((pid_t)pid, SIGKILL) == 0 || killed;
    }
    return killed;
}

void terminal_hang_up(pid_t leader, int leader_pidfd, const char *procs_path)
{
    struct pollfd ready = {.fd = leader_pidfd, .events = POLLIN};

    if (pidfd_send_signal(leader_pidfd, SIGHUP, NULL, 0) == 0)
        (void)poll(&ready, 1, TERMINAL_HANGUP_MS);
    (void)pidfd_send_signal(leader_pidfd, SIGKILL, NULL, 0);
    for (int round = 0; round < KILL_ROUNDS_MAX && kill_some(procs_path, leader); round++)
        ;
}

bool terminal_exec_ended(struct terminal_exec *exec, const char *program, int *ret_code, struct fail *f)
{
    return exec->oci != NULL ? oci_terminal_ended(exec->oci, program, ret_code, f)
                             : native_terminal_ended(exec->ended, program, ret_code, f);
}

void terminal_exec_close(struct terminal_exec *exec)
{
    close_fd_at(&exec->terminal);
    if (exec->oci != NULL)
        oci_terminal_end(exec->oci);
    else
        close_fd_at(&exec->ended);
    *exec = (struct terminal_exec){-1, -1, NULL};
}
