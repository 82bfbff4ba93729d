/* The inside of struct host, for the files of node/host only. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "model/interpret.h"
#include "node/host/host.h"
#include "node/host/log_shipper.h"
#include "node/host/metadata.h"
#include "node/host/metadata_view.h"
#include "node/host/task.h"
#include "node/host/users.h"
#include "node/image/image.h"
#include "node/network/network.h"
#include "node/runtime/runtime.h"
#include "node/session/sessions.h"
#include "os/link.h"

#include <pthread.h>

enum { PULL_WORKERS = 4, WORKERS = 8, HOSTED_PATH = 256 };

/* A task and what the host holds for it. */
struct hosted {
    struct task *task;
    char task_id[65];
    char dir[HOSTED_PATH];           /* DIR/host/tasks/ID */
    char netns[NETWORK_PATH_SIZE];   /* after the network is made */
    struct container_id_map users;   /* of all its containers; count 0: the machine's own */
    struct image **images;           /* by container; NULL until pulled */
    struct metadata_sample *samples; /* by container: what was last shown of it */
    struct container_memory *kept;   /* by container: what its file says */
    size_t in_flight;                /* actions with the workers */
    bool assigned;                   /* the newest assignment names it */
    bool logs_ended;                 /* its last lines are delivered */
    struct arena credentials_arena;
    const struct host_credentials *credentials; /* the newest of the task's role; NULL: it has none */
    bool waits; /* adopted before anything of it was started: networks are known with the first assignment */
};

struct work {
    struct list link;
    struct host *host;
    struct hosted *hosted;
    struct action action;
};

struct queue {
    struct list items;
    pthread_cond_t wake;
};

struct host {
    struct host_options options;
    char dir[HOSTED_PATH];
    char id[64];
    struct image_store *images;
    struct network *network;
    struct runtime *runtime;
    struct log_shipper *logs;
    struct sessions *sessions;
    struct log_shipper *splunk_logs; /* of containers with that driver */
    struct metadata *metadata;       /* link thread */
    bool maps_users;                 /* tasks get users of their own */

    pthread_mutex_t lock;        /* protects everything below; nothing is locked under it */
    pthread_cond_t planner_wake; /* the planner alone waits here: a signal must not go to another thread */
    pthread_cond_t link_changed; /* the dialer: the link came or went, or the end */
    struct map tasks;            /* struct hosted by task id */
    struct list instances;       /* struct host_instance; their order means nothing */
    struct queue pulls, works;
    bool plan_due, report_due, stopping;
    int64_t images_collected_ms;
    struct link *server; /* NULL: not connected */
    int64_t generation;  /* of the newest assignment heard over this link; 0: none */
    int64_t heard_all;   /* of the newest complete one; 0: none */

    pthread_mutex_t assignment_lock; /* one assignment at a time is applied; taken before `lock` */
    struct host_assignment *told;    /* networks and groups, all that are told of by now; NULL: nothing is yet */
    bool told_due;                   /* not all of them could be applied */
    pthread_t planner, dialer, dispatcher, workers[WORKERS], pull_workers[PULL_WORKERS];
};

int64_t host_now_ms(void);

/* worker.c: carries out one action and tells the task how it ended. Worker threads. */
void host_work(struct host *host, struct hosted *hosted, struct action action);

/* host.c: who brings the lines of the task's container i to where they belong. */
struct log_shipper *host_shipper(const struct host *host, const struct task *task, size_t i);
/* No line of the task can come any more; hosted->logs_ended follows. */
void host_end_logs(const struct host *host, const struct task *task);

/* env_fetch.c: brings the environment files of all containers into the task's folder. Fails with the rest of the words
 * "ResourceInitializationError: ...". Worker threads. */
checked bool host_env_fetch(const struct host *host, const struct hosted *hosted, struct fail *f);

struct network_eni host_eni_of(const struct host_network_interface *from);
/* The groups and public address of an interface that exists. Link thread. */
void host_interface_update(struct host *host, const struct host_network_interface *interface);

/* server_link.c */
void *host_dial_main(void *context);
/* Sends a complete report if there is a link. Planner thread. */
void host_report(struct host *host);

/* assignment.c: makes the machine's networks and tasks follow the message. One that is not complete says what changed:
 * what it names stands over what was known, by id. Link thread. */
void host_apply(struct host *host, const struct host_assignment *assignment);
/* session.c: a client wants a terminal in one of our containers. Link thread. */
void host_session_begin(struct host *host, const struct host_session *session);
checked bool host_sessions_start(struct host *host, struct fail *f);

/* The tasks that a former process left. */
checked bool host_adopt(struct host *host, struct fail *f);
/* A new task from its assignment, with its folder and its file; NULL after logging. lock held. */
struct hosted *host_task_new(struct host *host, const struct host_task_assignment *assignment);
/* Forgets a task that is gone. lock held. */
void host_task_drop(struct host *host, struct hosted *hosted);
void hosted_free(struct hosted *hosted); /* what host_task_drop does beside */
