/* The task engine of a machine: leads tasks through the life that task.h decides, whoever says what they are. Two use
 * it: a host, told by assignments (node/host), and the ECS agent, told by payloads (node/agent).
 *
 * The engine's own: images, containers, cgroups, users, health checks, log lines, the tasks' folders and what a former
 * process left. Its user's, behind struct task_engine_port: the link to a server, networks, whose credentials pull
 * images, and what must be fetched before a task can begin.
 *
 *   planner thread    asks every task for its next actions (task.h), hands them to the workers, says that it changed
 *   workers           do what blocks: networks, pulls, starts, stops, checks, removals (worker.c)
 *   dispatcher        ends of containers
 *
 * Containers, networks and images outlive this process: what was running is adopted at the next start, from the folder
 * of each task in DIR/tasks. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "node/disk/limited_disk.h"
#include "node/image/image.h"
#include "node/network/network.h"
#include "node/runtime/runtime.h"
#include "node/task/log_shipper.h"
#include "node/task/metadata_view.h"
#include "node/task/task.h"

#include <pthread.h>

enum { PULL_WORKERS = 4, WORKERS = 8, TASK_PATH = 256, TASK_ID_BYTES = 65, DROPPED_MAX = 256 };

struct task_engine;
struct hosted;
struct protection_calls;

/* Where a container is in the network; strings live as long as the task's `places`. */
struct task_place {
    char netns[NETWORK_PATH_SIZE]; /* "": not made */
    struct str address;            /* absent: the machine's own, whose names it shares */
    struct str host_name;          /* unless the definition has one */
    struct str domain;             /* searched for names; absent: none */
    struct str hosts;              /* lines of /etc/hosts beside its own */
    struct str resolver;           /* absent: those of the machine */
    struct ecs_network_bindings bindings;
};

/* What was counted of a task when it was last looked at; when_us 0: never (monotonic). */
struct usage_mark {
    int64_t when_us;
    uint64_t cpu_ns;
};

/* A task and what the machine holds for it. */
struct hosted {
    struct task *task;
    char task_id[TASK_ID_BYTES];
    char dir[TASK_PATH];           /* DIR/tasks/ID */
    char storage[DISK_PATH_BYTES]; /* of containers and volumes: dir, or the disk that ephemeralStorage asks for */
    struct arena places_arena;
    struct task_place *places;       /* by container; written before the network is ready, or when it is adopted */
    struct container_id_map users;   /* of all its containers; count 0: the machine's own */
    struct image **images;           /* by container; NULL until pulled */
    struct metadata_sample *samples; /* by container: what was last shown of it */
    struct container_memory *kept;   /* by container: what its file says */
    struct usage_mark used;          /* by task_engine_usage */
    size_t in_flight;                /* actions with the workers */
    bool assigned;                   /* the server still names it */
    bool logs_ended;                 /* its last lines are delivered */
    struct arena credentials_arena;
    const struct host_credentials *credentials; /* the newest of the task's role; NULL: it has none */
    bool waits; /* adopted before anything of it was started: not planned until it is assigned again */
    void *link; /* what the engine's user knows of it, free()d with it */
};

/* What the engine's user does for it. Functions may be NULL where that is said; all but the last two come from worker
 * threads, with no lock held, one at a time for a task's network and one at a time for a container. */
struct task_engine_port {
    void *context;
    /* The networks of all containers of the task: fills hosted->places. namespace_fd: see struct network_eni. */
    bool (*network_make)(void *context, struct hosted *hosted, int namespace_fd, struct fail *f);
    void (*network_remove)(void *context, struct hosted *hosted);
    /* The places of a task of which containers run, made by a former process. Before any thread runs. */
    bool (*network_adopt)(void *context, struct hosted *hosted, struct fail *f);
    /* What the task needs that its assignment does not have; may say task_engine_supply. NULL: nothing. */
    bool (*prepare)(void *context, struct hosted *hosted, struct fail *f);
    /* For whom, and with which password, the image of container i is pulled. */
    bool (*pull_request)(void *context, struct hosted *hosted, size_t i, struct arena *arena,
                         struct image_pull_request *request, struct fail *f);
    bool (*resolve)(void *context, struct str registry, struct str on_behalf, struct image_registry *ret_registry);
    /* The end of a container; false: it is no one's but the engine's. NULL. Dispatcher thread. */
    bool (*exited)(void *context, const struct runtime_exit *exit);
    /* Something is to be reported. Planner thread, no lock held. */
    void (*changed)(void *context);
};

/* Where environment files are (docs/decisions/0114). */
struct host_s3 {
    const char *endpoint;            /* "http://127.0.0.1:9000"; NULL: there is none */
    const char *access_key, *secret; /* the S3 server's own; NULL: it takes the execution role's */
};

struct task_engine_options {
    const char *dir;         /* everything of the engine's; made when missing */
    const char *instance;    /* prefix of everything made on this machine */
    const char *oci_runtime; /* see runtime.h; NULL: containers are started by ourselves */
    const char *log_address; /* where CloudWatch Logs answers: "127.0.0.1:4566" */
    const char *api_url;     /* AWS_ENDPOINT_URL in containers; NULL: it is not set */
    const char *ecs_url;     /* where ECS answers us: "http://127.0.0.1:4566" */
    struct host_s3 s3;
    struct log_identity log_identity; /* whose the log lines are of tasks without an execution role; zero: nobody's */
    bool is_fargate; /* containers are as Fargate makes them, with users of their own; else as Docker does */
    struct task_engine_port port;
};

struct queue {
    struct list items;
    pthread_cond_t wake;
};

/* The inside, for node/task and the two that use it. */
struct task_engine {
    struct task_engine_options options;
    char dir[TASK_PATH];
    struct image_store *images;
    struct runtime *runtime;
    struct log_shipper *logs;
    struct log_shipper *splunk_logs; /* of containers with that driver */
    bool maps_users;                 /* tasks get users of their own */
    int stop_fd;                     /* readable at the end */
    struct protection_calls *protections;

    pthread_mutex_t lock;                     /* protects everything below; nothing is locked under it */
    pthread_cond_t planner_wake;              /* the planner alone waits here: a signal must not go to another thread */
    struct map tasks;                         /* struct hosted by task id */
    char dropped[DROPPED_MAX][TASK_ID_BYTES]; /* the last tasks that were forgotten, in turn */
    size_t dropped_next;
    struct queue pulls, works;
    bool plan_due, report_due, stopping;
    int64_t collect_images_ms; /* when next, monotonic */
    pthread_t planner, dispatcher, workers[WORKERS], pull_workers[PULL_WORKERS];
};

int64_t task_engine_now_ms(void); /* the wall clock, for what is shown: timeouts take clock_moment */

/* Opens images and runtime and adopts what a former process left; no thread runs yet. */
checked bool task_engine_open(const struct task_engine_options *options, struct task_engine **ret_engine,
                              struct fail *f);
void task_engine_start(struct task_engine *engine);
/* Ends the threads, if they were started; containers go on. The engine can still be asked. */
void task_engine_stop(struct task_engine *engine);
void task_engine_free(struct task_engine *engine);

/* A task that is new, or what changed of one that is known: what the server wants, and its role's credentials. One that
 * is to be stopped and never came here is gone as it is. NULL: it is no task, one without its definition, or one that
 * ended here: what was said before that was heard does not run it again. lock held. */
struct hosted *task_engine_assign(struct task_engine *engine, const struct host_task_assignment *assignment);
/* A task that cannot be: gone as it is, with that reason. One that is known stays as it is. lock held. */
void task_engine_refuse(struct task_engine *engine, const struct host_task_assignment *assignment, struct str reason);
/* The server's newer credentials of the task's role; NULL is nothing. lock held. */
void task_engine_credentials(struct hosted *hosted, const struct host_credentials *credentials);
/* Tasks have changed: they are planned and reported. lock held. */
void task_engine_wake(struct task_engine *engine);
/* What was fetched for a task (secrets, registry credentials) becomes part of its assignment, and of its file. Worker
 * threads, in `prepare`. */
checked bool task_engine_supply(struct task_engine *engine, struct hosted *hosted,
                                const struct host_task_assignment *supplied, struct fail *f);
/* The reports of all tasks, in the arena. */
void task_engine_report(struct task_engine *engine, struct arena *arena, struct host_task_reports *ret_reports);
/* What running tasks used of the machine since this was last asked, in the arena; those that are new come next time. */
void task_engine_usage(struct task_engine *engine, struct arena *arena, struct host_usage *ret_usage);

/* worker.c: carries out one action and tells the task how it ended. Worker threads. */
void task_engine_work(struct task_engine *engine, struct hosted *hosted, struct action action);
/* Who brings the lines of the task's container i to where they belong. */
struct log_shipper *task_engine_shipper(const struct task_engine *engine, const struct task *task, size_t i);
/* No line of the task can come any more; hosted->logs_ended follows. */
void task_engine_end_logs(const struct task_engine *engine, const struct task *task);
/* env_fetch.c: brings the environment files of all containers into the task's folder. Fails with the rest of the words
 * "ResourceInitializationError: ...". Worker threads. */
checked bool env_fetch(const struct task_engine *engine, const struct hosted *hosted, struct fail *f);

/* hosted.c: the tasks that a former process left. */
checked bool hosted_adopt_all(struct task_engine *engine, struct fail *f);
/* The place for what its containers write: a disk of its own when it asks for ephemeralStorage, else its folder. Nobody
 * but the caller works on the task. */
checked bool hosted_storage_open(struct hosted *hosted, struct fail *f);
checked bool hosted_storage_close(struct hosted *hosted, struct fail *f);
/* On the disk from when it is STOPPED, and again once it is GONE: what it reports then, so that the next process
 * neither runs it again nor forgets how it ended. lock held. */
void hosted_keep_end(const struct hosted *hosted);
/* All of its folder but what tells how it ended. */
checked bool hosted_remove_files(const struct hosted *hosted, struct fail *f);
/* Its places are filled: what the report says of them. lock held, or nobody else knows it yet. */
void hosted_places_known(struct hosted *hosted);
/* Forgets a task that is gone, and what its folder still tells of it. lock held. */
void hosted_drop(struct task_engine *engine, struct hosted *hosted);
void hosted_free(struct hosted *hosted); /* what hosted_drop does beside */
