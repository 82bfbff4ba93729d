/* The process and IPC namespaces that the containers of a task share (task definition: pidMode and ipcMode "task"), or
 * have from the machine ("host"). Those of a task are held by a container of its own that only waits, as the ECS
 * agent's
 * "~internal~ecs~pause~namespace", so that others may come, end and start again. POSIX shared memory is files: where
 * the IPC namespace is shared, /dev/shm is one for all (docs/decisions/0142).
 *
 * Life: opened with the task's network, when its cgroup is there; closed with it, when no container is left. Worker
 * threads. */
#pragma once

#include "node/task/engine.h"

/* What a container joins; NULL: has one of its own. */
struct shared_namespaces {
    const char *pid, *ipc; /* as paths */
    const char *shm_dir;   /* to be its /dev/shm */
    bool no_shm;           /* ipcMode "none": there is no /dev/shm */
};

/* Whether this machine has the program that holds them. */
bool shared_namespaces_possible(void);

checked bool shared_namespaces_open(struct task_engine *engine, const struct hosted *hosted, struct fail *f);
/* True when there is nothing of them. */
checked bool shared_namespaces_close(struct task_engine *engine, const struct hosted *hosted, struct fail *f);

/* In the arena. FAIL_NOT_FOUND: what held them has ended. */
checked bool shared_namespaces_find(struct task_engine *engine, const struct hosted *hosted, struct arena *arena,
                                    struct shared_namespaces *ret_shared, struct fail *f);

/* Whether a kernel parameter is of the task's IPC namespace, and so not one of a container. */
bool shared_namespaces_have(const struct ecs_task_definition *definition, const struct ecs_system_control *control);
