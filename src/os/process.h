/* Child processes, started without the cost of fork: the child borrows our memory (CLONE_VM | CLONE_VFORK) until it
 * executes the program, so that a large server starts one as fast as a small one.
 *
 * Life of a process:
 *   1 process_start   clone, the steps of struct process_options in their order, execve; a failure of any step is
 *                     reported by process_start itself, nothing is left behind
 *   2 running         process_signal; its end shows as readability of `pidfd` in any event loop
 *   3 process_wait    reaps it and closes `pidfd`; once, by whoever holds the struct process
 *
 * Invariant: a child inherits no descriptor but those named in `fds`, no blocked or ignored signal, and 0, 1 and 2 are
 * /dev/null where `fds` does not name them. Children are reaped by pidfd, never by waiting for any child, so that two
 * parts of the program cannot take each other's; nobody may set SIGCHLD to be ignored. All functions are thread-safe.
 */
#pragma once

#include "base/buf.h"
#include "base/fail.h"

#include <sys/types.h>

struct process_fd {
    int from; /* ours; stays open here */
    int to;   /* its number in the child */
};

/* One mount(2) in the child's own mount namespace. Unused members are NULL. */
struct process_mount {
    const char *source; /* "overlay", a directory to bind ... */
    const char *target;
    const char *type;    /* "overlay", "tmpfs"; NULL with MS_BIND */
    unsigned long flags; /* MS_BIND, MS_REC, MS_RDONLY ... */
    const char *options; /* "lowerdir=...,upperdir=...,workdir=..." */
};

/* What the child does before it becomes the program, from top to bottom. A zeroed struct with argv is a plain start. */
struct process_options {
    const char *const *argv; /* ends in NULL; argv[0] without "/" is looked up in our PATH */
    const char *const *env;  /* ends in NULL; NULL: our own */
    bool own_session;        /* setsid; otherwise the child stays in our process group */
    bool own_group;          /* setpgid: a group of its own, which process_run kills as a whole */
    const int *namespaces;   /* setns to each (descriptors of /proc/PID/ns/X or of a bound namespace file) */
    size_t namespace_count;
    bool own_mounts;            /* unshare(CLONE_NEWNS), then everything private: mounts do not come back to us */
    const char *const *unmount; /* ends in NULL; detached; what is no mount point is passed over. Needs own_mounts */
    const struct process_mount *mounts; /* after `unmount`, in order. Needs own_mounts */
    size_t mount_count;
    const char *directory; /* chdir; NULL: ours */
    const struct process_fd *fds;
    size_t fd_count; /* <= PROCESS_FDS_MAX */
};

enum { PROCESS_FDS_MAX = 32 };

struct process {
    pid_t pid;
    int pidfd; /* close-on-exec; owned by the struct */
    bool leads_group;
};

struct process_exit {
    bool signaled;
    int code; /* exit status, or the signal's number when signaled */
};

/* Starts a child. Fails with FAIL_NOT_FOUND when the program does not exist, else FAIL_SYSTEM naming the step. */
checked bool process_start(const struct process_options *options, struct process *ret_process, struct fail *f);

/* Sends a signal to the process itself; true also when it has ended and waits to be reaped. */
checked bool process_signal(const struct process *process, int signal, struct fail *f);

/* Waits up to timeout_ms (-1: for ever) for the end and reaps: the struct process is used up. FAIL_LIMIT when the time
 * is over: the process goes on and is still ours. */
checked bool process_wait(struct process *process, int timeout_ms, struct process_exit *ret_exit, struct fail *f);

/* SIGKILL (to the group if the process leads one), then reaps. For clean-up: cannot fail. */
void process_end(struct process *process);

struct process_run_options {
    struct str input; /* its standard input; absent: /dev/null */
    struct buf *out;  /* standard output is added here up to the buf's limit, then dropped and `overflowed` set;
                         NULL: /dev/null */
    struct buf *err;  /* the same for standard error; may be the same buf as `out` */
    int timeout_ms;   /* > 0 */
};

/* Runs a program to its end. Succeeds whatever its exit status. FAIL_LIMIT after timeout_ms: the whole process group
 * was killed. Output counts until the program itself ends: a daemon it leaves behind does not hold us up. `options` is
 * as for process_start without 0, 1 and 2 in `fds`; own_group is implied unless own_session. */
checked bool process_run(const struct process_options *options, const struct process_run_options *run,
                         struct process_exit *ret_exit, struct fail *f);

/* true when the exit status is 0; else a failure "NAME: exit status 3: <err>" or "NAME: killed by signal 9: <err>". */
checked bool process_succeeded(const char *name, struct process_exit exit, struct str err, struct fail *f);
