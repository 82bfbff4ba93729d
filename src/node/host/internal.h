/* The inside of struct host, for the files of node/host only. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "model/interpret.h"
#include "node/host/host.h"
#include "node/host/metadata.h"
#include "node/network/network.h"
#include "node/session/sessions.h"
#include "node/task/engine.h"
#include "os/link.h"

#include <pthread.h>

enum { HOSTED_PATH = TASK_PATH };

struct host {
    struct host_options options;
    char dir[HOSTED_PATH];
    char id[64];
    char ecs_url[HOSTED_PATH];
    struct network *network;
    struct task_engine *engine;
    struct runtime *runtime; /* the engine's */
    struct sessions *sessions;
    struct metadata *metadata; /* link thread */
    int64_t next_usage_ms;     /* the planner thread's, monotonic */
    int stop_fd;               /* readable at the end */

    pthread_mutex_t lock;        /* protects everything below; only the engine's lock is taken under it */
    pthread_cond_t link_changed; /* the dialer: the link came or went, or the end */
    struct list instances;       /* struct host_instance; their order means nothing */
    bool stopping;
    struct link *server; /* NULL: not connected */
    int64_t generation;  /* of the newest assignment heard over this link; 0: none */
    int64_t heard_all;   /* of the newest complete one; 0: none */

    pthread_mutex_t assignment_lock; /* one assignment at a time is applied; taken before `lock` */
    struct host_assignment *told;    /* networks and groups, all that are told of by now; NULL: nothing is yet */
    bool told_due;                   /* not all of them could be applied */
    pthread_t dialer, watcher;
};

int64_t host_now_ms(void);
/* A report is due. Any thread, also with `lock` held. */
void host_report_soon(struct host *host);

/* host_network.c: the engine's networks are interfaces of the server's VPCs. */
void host_network_port(struct host *host, struct task_engine_port *port);
struct network_eni host_eni_of(const struct host_network_interface *from);
/* The groups and public address of an interface, if it exists still: a worker may remove it meanwhile. Link thread. */
void host_interface_update(struct host *host, const struct host_network_interface *interface);

/* server_link.c */
void *host_dial_main(void *context);
/* Sends a complete report if there is a link. The engine's planner thread. */
void host_report(struct host *host);

/* assignment.c: makes the machine's networks and tasks follow the message. One that is not complete says what changed:
 * what it names stands over what was known, by id. Link thread. */
void host_apply(struct host *host, const struct host_assignment *assignment);
