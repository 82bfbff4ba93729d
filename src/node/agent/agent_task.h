/* One task: what the server wants of it, what it is by now, and the thread's steps. For agent_engine.c and
 * agent_task.c.
 */
#pragma once

#include "base/list.h"
#include "node/agent/agent_bridge.h"
#include "node/agent/agent_engine.h"

#include <pthread.h>

enum { AGENT_PATH = 600, CONTAINERS_MAX = 16, REASON_BYTES = 1024 };

struct agent_container {
    const json_t *wish;          /* in the task's JSON */
    char id[CONTAINER_ID_BYTES]; /* TASKID-N */
    struct image *image;         /* NULL: not pulled */
    struct agent_endpoint endpoint;
    bool started, exited; /* engine->lock */
    int exit_code;
    char reason[REASON_BYTES];
};

struct agent_engine {
    const struct agent_config *config;
    const struct agent_registration *registration;
    struct image_store *images;
    struct runtime *runtime;
    struct agent_bridge *bridge;
    pthread_t dispatcher;

    pthread_mutex_t lock; /* protects what follows, and what names it */
    struct list tasks;    /* struct agent_task */
    bool stopping;
};

struct agent_task {
    struct list link;
    struct agent_engine *engine;
    json_t *wish; /* the payload's task */
    char id[65];
    char directory[AGENT_PATH];
    pthread_t thread;
    pthread_cond_t wake;
    struct agent_container containers[CONTAINERS_MAX];
    size_t container_count;
    bool stop_wanted;   /* engine->lock */
    const char *status; /* known: "NONE", "RUNNING", "STOPPED"; engine->lock */
    bool ended;         /* its thread; engine->lock */
    bool adopted;
    char reason[REASON_BYTES];
    int64_t pull_started_ms, pull_stopped_ms, execution_stopped_ms; /* 0: not yet */
};

/* Its whole life. */
void *agent_task_lead(void *context);
/* Removes containers, networks, files. Nothing of it runs. */
void agent_task_remove(struct agent_task *task);
