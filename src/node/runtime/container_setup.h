/* From the namespaces to the program: what happens in the two processes between a supervisor and a container.
 *
 *     supervisor --clone--> entry      joins the namespaces it is given and opens what is the host's
 *                --clone--> first process, in all namespaces of its own: mounts, leaves the host's tree, becomes the
 *                           program. It is the supervisor's child (CLONE_PARENT), and process 1 of its pid namespace.
 *
 * Entry is needed since setns(2) into a pid namespace, and the ownership of new namespaces by a user namespace, count
 * for children only. Both borrow the supervisor's memory, which sleeps meanwhile (borrowed_child.h; its one thread
 * makes the C library as usable as before a fork). But a process that others in a shared pid namespace can see, and
 * with CAP_SYS_PTRACE reach into, gets a copy: what it would show them then is not the supervisor. */
#pragma once

#include "node/runtime/borrowed_child.h"
#include "node/runtime/launch_channel.h"
#include "node/runtime/native_plan.h"

/* In memory shared by all (setup_result_new). */
struct setup_result {
    struct child_failure failure; /* its texts are at the same place in copies, too */
    int exec_error;               /* errno; 0: it was not refused */
    bool executing;               /* all went well, as far as we could see */
    pid_t pid;                    /* of the first process, 0: it was not made */
};

struct setup {
    const struct native_plan *plan;
    const struct launch_request *request;
    int in; /* for the program's standard input, output and error; in -1: its own /dev/null */
    int out;
    int err;
    int console; /* a socket that our end of a terminal of the container is sent to: all three lead there; -1: none */
    struct setup_result *result;
};

struct setup_result *setup_result_new(void); /* NULL without memory */

/* Why nothing is being executed, for a person. */
void setup_result_describe(const struct setup_result *result, char *text, size_t size);

/* Makes the container; returns when its first process is its program, or all has ended: see result. */
void container_set_up(const struct setup *setup);

/* In the container: makes a terminal there, so that "tty" and whatever else looks for it there finds it, and it belongs
 * to the program's user. Our end goes to setup->console, which this process alone can send. 0, or -1. */
int container_open_terminal(const struct setup *setup, int *ret_end);

/* Puts the calling process into the container's cgroup. 0, or -1. */
int container_join_cgroup(const struct native_plan *plan, struct child_failure *failure);

/* fork for a process that others may see: it has a copy of our memory, and our parent reaps it. Returns twice, in the
 * caller after the child has executed its program or ended. */
pid_t container_fork(unsigned namespaces);

/* Reaps a child of either kind: its exit status, or 128 + signal. */
int container_reap(pid_t pid);
