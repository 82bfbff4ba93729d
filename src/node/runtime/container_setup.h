/* From the namespaces to the program: what happens in the two processes between a supervisor and a container.
 *
 *     supervisor --fork--> entry      joins the namespaces it is given and opens what is the host's
 *                 --clone-> first process, in all namespaces of its own: mounts, leaves the host's tree, becomes the
 *                           program. It is the supervisor's child (CLONE_PARENT), and process 1 of its pid namespace.
 *
 * Entry is needed since setns(2) into a pid namespace, and the ownership of new namespaces by a user namespace, count
 * for children only. Both are processes in their own right, not threads in disguise: what is seen and can be attacked
 * in a pid namespace shared with others has a copy of our memory, no more. */
#pragma once

#include "node/runtime/borrowed_child.h"
#include "node/runtime/launch_channel.h"
#include "node/runtime/native_plan.h"

/* In memory shared by the three. */
struct setup_result {
    struct child_failure failure; /* its texts are at the same place in all of them */
    int exec_error;               /* errno; 0: it was not refused */
    bool executing;               /* all went well, as far as we could see */
    pid_t pid;                    /* of the first process, 0: it was not made */
};

struct setup {
    const struct native_plan *plan;
    const struct launch_request *request;
    int out; /* for the program's standard output and error */
    int err;
    struct setup_result *result;
};

/* The entry process; does not return. */
_Noreturn void container_enter(const struct setup *setup);

/* Puts the calling process into the container's cgroup. 0, or -1. */
int container_join_cgroup(const struct native_plan *plan, struct child_failure *failure);

/* fork with namespaces for the child, which the caller's parent reaps; returns twice, in the caller after the child has
 * executed its program or ended. */
pid_t container_fork(unsigned namespaces);
