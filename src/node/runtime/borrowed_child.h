/* A child process that borrows our memory: it runs a function of ours on a stack of its own while the calling thread
 * sleeps, until the child ends or executes a program. It serves to do system calls in other namespaces without paying
 * for a fork and without a protocol: results and failures are left in shared memory.
 *
 * What runs in the child (mark it child_side) makes system calls and nothing else: no allocation, no lock, no libc
 * function that keeps state (setuid and its kin change all threads: use syscall). Signals are blocked in the child. */
#pragma once

#include "base/fail.h"

#include <sys/types.h>

/* Sanitizers keep books on stacks and must not look at the child's. */
#define child_side __attribute__((no_sanitize("address", "thread", "undefined")))

/* What failed in the child; lies in the parent's frame. */
struct child_failure {
    const char *step;   /* static storage; NULL: nothing failed */
    const char *object; /* what it failed on, or NULL */
    int error;          /* errno */
};

typedef int child_fn(void *context);

/* Runs body in the child. flags: CLONE_NEWPID, CLONE_FILES ...; CLONE_VM, CLONE_VFORK and CLONE_PIDFD are added, and
 * SIGCHLD is not sent at its end (reap with __WALL). Returns when the child has executed or ended: its pid (in our pid
 * namespace), with a pidfd in *ret_pidfd; or -1 with errno. Callable in such a child again. */
pid_t borrowed_child_start(child_fn *body, void *context, unsigned flags, int *ret_pidfd);

/* Runs body to its end and reaps the child. `failure` is what body fills; true when it filled nothing. */
checked bool borrowed_child_run(child_fn *body, void *context, unsigned flags, const struct child_failure *failure,
                                const char *what, struct fail *f);

/* Records errno; returns -1, which body can return on. */
int child_fails(struct child_failure *failure, const char *step, const char *object);
