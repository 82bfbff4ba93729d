/* A task on its host: which step comes next. Pure: no process, file or clock is touched here; the host carries out the
 * actions and tells how they ended.
 *
 * Life of a task (reported status in capitals):
 *   1 PENDING     cgroup and network are made, images pulled, all at once
 *   2 ACTIVATING  everything is there; containers start in the order that dependsOn asks for
 *   3 RUNNING     every container runs or, where it is not essential, has run
 *   4 STOPPING    an essential container ended, something failed or the server wants it: SIGTERM in the reverse order
 * of dependsOn, SIGKILL after stopTimeout 5 STOPPED     no container runs; containers, network and cgroup are removed
 *   6 GONE        nothing is left but the report
 *
 * Life of a container: WAITING -> PULLING -> PULLED -> STARTING -> RUNNING -> EXITED -> DELETING -> DELETED; a restart
 * policy brings it from EXITED back to STARTING. One action a container is under way at a time (`busy`), and one a task
 * for cgroup and network.
 *
 * Sources: ECS developer guide, "Task definition parameters for Fargate" (dependsOn, health check, timeouts, restart
 * policy) and "Stopped task error messages". */
#pragma once

#include "base/arena.h"
#include "base/when.h"
#include "model/host.h"
#include "os/clock.h"

enum container_phase {
    CONTAINER_WAITING,
    CONTAINER_PULLING,
    CONTAINER_PULLED,
    CONTAINER_STARTING,
    CONTAINER_RUNNING,
    CONTAINER_EXITED,
    CONTAINER_DELETING,
    CONTAINER_DELETED,
};

/* What of a container outlives the host's process, so that who adopts it goes on where that one was. */
struct container_memory {
    int restart_count;
    enum ecs_health_status health;
    int health_failures;
};

struct task_container {
    const struct ecs_container_definition *definition; /* overrides applied */
    struct str runtime_id;
    struct str image_digest;
    struct str address; /* these two: of the network it is in, by whoever made that */
    struct ecs_network_bindings network_bindings;
    enum container_phase phase;
    bool started_once; /* it has been started at least once */
    bool has_exit_code;
    int exit_code;
    bool out_of_memory;
    bool ended_early; /* before its start was told, which is waited for: it has then started, and ended */
    struct str reason;
    struct moment started, exited;
    bool stop_asked, killed;
    int64_t stop_asked_ms; /* monotonic, as next_check_ms is */
    struct container_memory memory;
    int64_t next_check_ms;
    bool checking; /* a health check is under way */
};

enum task_phase { TASK_PREPARING, TASK_ACTIVATING, TASK_RUNNING, TASK_STOPPING, TASK_CLEANING, TASK_GONE };

struct task {
    struct arena arena;                      /* everything of the task, until it is forgotten */
    struct host_task_assignment *assignment; /* its own copy, which only task_supply changes */
    enum task_phase phase;
    bool wanted;    /* desired RUNNING */
    bool forgotten; /* the server knows nothing of it: its containers are killed without waiting */
    struct task_container *containers;
    size_t container_count;
    bool network_ready, network_busy;
    enum ecs_task_stop_code stop_code;
    struct str reason;
    /* By the wall clock; 0: not yet. */
    int64_t pull_started_ms, pull_stopped_ms, started_ms, execution_stopped_ms, gone_ms;
};

enum action_kind {
    ACTION_NETWORK,        /* make cgroup and network interface */
    ACTION_PULL,           /* of one container: its image */
    ACTION_START,          /* create and start */
    ACTION_TERMINATE,      /* send the stop signal */
    ACTION_KILL,           /* send SIGKILL */
    ACTION_CHECK,          /* run the health check */
    ACTION_DELETE,         /* of one container: everything it left */
    ACTION_REMOVE_NETWORK, /* interface and cgroup */
};

struct action {
    enum action_kind kind;
    size_t container; /* index; meaningless for the network actions */
};

/* A new task from its assignment (copied, overrides applied), which must carry its definition. */
struct task *task_new(const struct host_task_assignment *assignment);
void task_free(struct task *task);

/* What was fetched for it before its network is ready: secrets and log secrets, where present. */
void task_supply(struct task *task, const struct host_task_assignment *supplied);

/* The server's wish changed. */
void task_want(struct task *task, bool wanted);
/* The newest assignment does not name it: it was reset away, or given up while the host was cut off. */
void task_forget(struct task *task);

/* Decides: fills ret_actions (room for task_actions_max) with what is to be started now, marks it as under way, and
 * says when, by the monotonic clock, it wants to be asked again at the latest. Asked again without anything having
 * happened it adds nothing. */
size_t task_plan(struct task *task, struct moment now, struct action *ret_actions, int64_t *ret_again_ms);
size_t task_actions_max(const struct task *task);

/* How actions ended. i: the container's place in the task. `text`: for pulls the image digest or the error, for the
 * others the error; the error texts are those that the API shows ("CannotPullContainerError: ..."). */
void task_network_done(struct task *task, bool good, struct str text);
void task_pull_done(struct task *task, size_t i, bool good, struct str text, struct moment now);
void task_start_done(struct task *task, size_t i, bool good, struct str text, struct moment now);
void task_check_done(struct task *task, size_t i, bool healthy, struct moment now);
void task_check_void(struct task *task, size_t i, struct moment now); /* it says nothing: the container has ended */
void task_delete_done(struct task *task, size_t i);
void task_network_removed(struct task *task, int64_t now_ms); /* by the wall clock, which is all that is shown of it */
/* A container ended, whatever made it end; also before task_start_done, as another thread may tell that. */
void task_exited(struct task *task, size_t i, int exit_code, bool out_of_memory, struct moment when);

/* A container that a former process of the host had started, from the image of that digest (absent: unknown). Before
 * the first plan. */
void task_adopt(struct task *task, size_t i, struct str image_digest, struct moment started);
/* What the former process knew of any container, adopted or not. After task_adopt. */
void task_recall(struct task *task, size_t i, struct container_memory memory);
/* What it would have reported of a task that was STOPPED or GONE: nothing of that starts again, what is left is
 * removed. After task_adopt: a container that is adopted tells its end by itself. */
void task_recall_end(struct task *task, const struct host_task_report *end);

/* What the server is told: in the arena. */
struct host_task_report task_report(const struct task *task, struct arena *arena);
