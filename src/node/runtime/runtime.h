/* Containers of one installation on one host, without a daemon: each is started under a small supervisor of its own,
 * so that it, its log and its exit status outlive us (also kill -9) and are found again by the next runtime_open.
 *
 * Life of a container:
 *   1 runtime_start    all or nothing: after a failure there is nothing of it
 *   2 RUNNING          signals, exec, statistics; a restarted process gets it back in this state
 *   3 STOPPED          its end is told by `exited`, once in the life of a process, again by the next one
 *   4 runtime_delete   and only then is it forgotten, its cgroup and files are gone and its id is free
 *
 * There is no separate "create": what would happen there costs nothing, and what costs something needs the task's
 * network namespace. Log files and the layers belong to the caller.
 *
 * Failures of runtime_start, for ECS's reasons: FAIL_INPUT means the wish itself is wrong (CannotCreateContainerError),
 * FAIL_NOT_FOUND and FAIL_DENIED in the words of Docker ("exec: "x": executable file not found in $PATH") that the
 * program cannot be started (CannotStartContainerError; a shell would exit with 127 and 126), FAIL_CONFLICT that the id
 * is taken; others are the host's.
 *
 * All functions may be called from any thread, for one container one at a time (but runtime_signal, runtime_stats and
 * runtime_exec, which may run beside anything but runtime_delete). Starting takes milliseconds to tens of them, exec as
 * long as its command: call them from worker threads. SIGCHLD must not be ignored. */
#pragma once

#include "base/buf.h"
#include "node/runtime/cgroup.h"
#include "node/runtime/container_spec.h"

enum { RUNTIME_INSTANCE_BYTES = 17, RUNTIME_STATE_DIR_BYTES = 160, RUNTIME_EXEC_OUTPUT_MAX = 1 << 20 };

struct runtime_exit {
    const char *id;
    const char *task_id;
    int code;        /* exit status, 128 + signal when one ended it */
    bool oom_killed; /* the kernel killed a process of it for want of memory, and it did not end with 0 */
    bool lost;       /* its supervisor was killed or the host restarted: what was left was killed, code is 137 */
    int64_t when_ms;
};

/* Called by runtime_dispatch, with no lock held. The strings live as long as the call. */
typedef void runtime_exited_fn(void *context, const struct runtime_exit *exit);

struct runtime_options {
    const char *state_dir;     /* absolute, < RUNTIME_STATE_DIR_BYTES; made when missing; one process at a time */
    const char *instance;      /* [a-z0-9-]{1,16}: cgroups are below /berth-INSTANCE */
    const char *cgroup_parent; /* NULL: the root of every cgroup tree; else "/..." */
    const char *oci_runtime;   /* name or path: it starts the containers, under conmon. NULL: we do (native_launcher.h),
                                  where we can: with cgroups v1, whose device rules need no BPF program */
    const char *conmon;        /* NULL: "conmon" */
    const char *init;          /* NULL: the first found of catatonit, tini */
    runtime_exited_fn *exited;
    void *context;
};

enum runtime_state { RUNTIME_RUNNING, RUNTIME_STOPPED };

struct runtime_container {
    char id[CONTAINER_ID_BYTES];
    char task_id[CONTAINER_ID_BYTES];
    enum runtime_state state;
    int pid; /* of its first process, in our pid namespace; 0 when stopped */
    int64_t started_ms;
};

struct runtime;

/* Looks the host over, takes over the containers it finds in state_dir and clears away what an interrupted start left.
 * Fails with FAIL_NOT_FOUND naming a missing program or controller, FAIL_CONFLICT when another process has the
 * state_dir, FAIL_DENIED without root's capabilities. */
checked bool runtime_open(const struct runtime_options *options, struct runtime **ret_runtime, struct fail *f);
/* Lets go of everything; containers go on. */
void runtime_close(struct runtime *runtime);

/* What the host is, in one line for a person: layout, runtime, capabilities that are missing. */
void runtime_describe(const struct runtime *runtime, char *text, size_t size);

/* Readable when runtime_dispatch has something to tell; also right after an open that found ended containers. */
int runtime_fd(const struct runtime *runtime);
/* Calls `exited` for each container that has ended. Does not wait. From one thread at a time. */
checked bool runtime_dispatch(struct runtime *runtime, struct fail *f);

/* All containers, malloc'ed, the caller frees. */
checked bool runtime_list(struct runtime *runtime, struct runtime_container **ret_containers, size_t *ret_count,
                          struct fail *f);

/* The cgroup around a task's containers, with the task's own limits. Creating it again changes the limits. */
checked bool runtime_task_cgroup_create(struct runtime *runtime, const char *task_id,
                                        const struct cgroup_limits *limits, struct fail *f);
/* FAIL_CONFLICT while containers are in it. */
checked bool runtime_task_cgroup_delete(struct runtime *runtime, const char *task_id, struct fail *f);
checked bool runtime_task_stats(struct runtime *runtime, const char *task_id, struct cgroup_stats *ret_stats,
                                struct fail *f);

/* Starts a container; returns when its program is being executed. */
checked bool runtime_start(struct runtime *runtime, const struct container_spec *spec, struct fail *f);

/* Sends a signal to its first process. That one, being PID 1, never sees a signal it has no handler for, SIGKILL
 * excepted. FAIL_NOT_FOUND for an unknown id; true when it has already ended. */
checked bool runtime_signal(struct runtime *runtime, const char *id, int signal, struct fail *f);
/* SIGKILL to all its processes. `exited` tells when they are gone. */
checked bool runtime_kill(struct runtime *runtime, const char *id, struct fail *f);
/* Kills what still runs and removes the container; `exited` is not called any more. Can be tried again. */
checked bool runtime_delete(struct runtime *runtime, const char *id, struct fail *f);

struct runtime_exec_options {
    const char *const *argv;
    size_t argc;
    const char *directory; /* NULL: the container's */
    struct buf *output;    /* both streams, up to the buf's limit (<= RUNTIME_EXEC_OUTPUT_MAX), the rest is dropped */
    int timeout_ms;        /* > 0 */
};

/* Runs a command in a running container as its user and with its capabilities, waits for its end and gives its exit
 * code; one that cannot be executed "exits" with 126 or 127 and says why in output. FAIL_LIMIT when the time was over
 * (it was killed), FAIL_CONFLICT when the container has ended. */
checked bool runtime_exec(struct runtime *runtime, const char *id, const struct runtime_exec_options *options,
                          int *ret_code, struct fail *f);

struct terminal_exec; /* terminal_exec.h: what follows */

/* Starts a command on a terminal of its own in a running container, as its root. FAIL_CONFLICT
 * when the container has ended. */
checked bool runtime_exec_terminal(struct runtime *runtime, const char *id, const char *const *argv, size_t argc,
                                   struct terminal_exec *ret_exec, struct fail *f);

/* Also of a stopped container, as long as it is not deleted. */
checked bool runtime_stats(struct runtime *runtime, const char *id, struct cgroup_stats *ret_stats, struct fail *f);
