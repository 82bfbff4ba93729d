/* What the runtime_*.c files share: the table of containers. Nobody else includes this. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "node/runtime/container_record.h"
#include "node/runtime/native_launcher.h"
#include "node/runtime/oci_launcher.h"
#include "node/runtime/runtime.h"

#include <pthread.h>

enum { KILL_TIMEOUT_MS = 10000, FILTERS_MAX = 32 };

/* STARTING and DELETING belong to the thread that does it; others pass over them. */
enum container_state { CONTAINER_STARTING, CONTAINER_RUNNING, CONTAINER_STOPPED, CONTAINER_DELETING };

/* Invariant: `record` does not change once the state has left STARTING. */
struct container {
    struct container_record record;
    enum container_state state;
    bool told; /* `exited` was called for its end in this process */
    pid_t pid;
    int pidfd;                /* of its first process; -1 unless RUNNING */
    int supervisor;           /* pidfd; -1: it has ended */
    struct list pending_link; /* in runtime.pending: its end may be there */
};

struct filter {
    uint64_t capabilities;
    struct seccomp_program program;
};

struct runtime {
    char state_dir[RUNTIME_STATE_DIR_BYTES];
    char exits_dir[RUNTIME_STATE_DIR_BYTES + 16];
    char cgroup_root[128]; /* "/berth-x" or below the parent */
    struct cgroup_host cgroups;
    struct plan_host host;
    char init[256];
    bool starts_native; /* who starts new containers; those of an earlier process stay with what started them */
    struct native_launcher *native;
    struct oci_tools tools; /* without a runtime's path: not needed, and not looked for */
    runtime_exited_fn *exited;
    void *context;
    int lock_fd; /* on the state directory: one process at a time */
    int epoll_fd;
    int inotify_fd;
    int wake_fd; /* eventfd: something is in `pending` */

    pthread_mutex_t lock; /* protects what follows; not held over calls that wait */
    struct map containers;
    struct list pending;
    struct filter filters[FILTERS_MAX]; /* only added to, so that a filter in use stays where it is */
    size_t filter_count;
};

/* Paths, all bounded by the lengths checked in runtime_open. */
void container_directory(const struct runtime *runtime, const char *id, char path[PATH_BYTES]);
void container_exit_path(const struct runtime *runtime, const char *id, char path[PATH_BYTES]);
void task_cgroup(const struct runtime *runtime, const char *task_id, char path[PATH_BYTES]);

struct container *container_new(const char *id); /* NULL without memory */
void container_free(struct runtime *runtime, struct container *container);

/* runtime_exit.c; the caller holds the lock or is alone. */
checked bool container_watch(struct runtime *runtime, struct container *container, const char *directory,
                             struct fail *f);         /* finds and watches its supervisor and first process */
int container_open_supervisor(const char *directory); /* a pidfd, or -1: it has ended */
void container_unwatch(struct runtime *runtime, struct container *container);
void container_wake(struct runtime *runtime, struct container *container);
bool container_has_ended(const struct runtime *runtime, const struct container *container);
void container_set_stopped(struct container *container);
/* Waits for processes: not with the lock held. Kills what is left of a container without supervisor and writes its exit
 * file. */
checked bool container_write_lost(const struct runtime *runtime, const struct container_record *record, struct fail *f);

/* runtime_start.c: what a failed or interrupted start, or a deleted container, leaves; can be tried again.
 * supervisor: a pidfd of it, whose end is waited for, or -1. */
checked bool container_clear_away(struct runtime *runtime, const char *id, const char *cgroup, int supervisor,
                                  struct fail *f);
