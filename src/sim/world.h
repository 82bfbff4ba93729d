/* A simulated world: the core on a memory engine, hosts, the messages between them, the clock. */
#pragma once

#include "base/heap.h"
#include "base/map.h"
#include "core/call.h"
#include "core/core.h"
#include "plane/ecs/task.h"
#include "sim/sim.h"

/* A task on a simulated host: what the machine really does, whatever anybody believes. */
struct sim_task {
    struct str arn; /* malloc'ed */
    enum host_task_status status;
    bool wanted;
    bool assigned;   /* by the newest assignment heard */
    bool news;       /* to be reported */
    int64_t next_ms; /* when the status moves on */
};

struct sim_host {
    struct str id;
    bool alive;      /* the machine; a dead one has lost all its tasks */
    bool connected;  /* the server has a link to it */
    int64_t back_ms; /* when a dead host returns; WHEN_NEVER */
    struct sim_task *tasks;
    size_t task_count, task_capacity;
    int64_t generation;          /* of the newest assignment heard since its hello; 0: none */
    int64_t heard_all;           /* of the newest complete one; 0: none */
    int64_t last_delivery_ms[2]; /* to it, from it: a link delivers in order */
    bool complete_due;           /* all tasks are to be reported */
    int64_t next_report_ms;
    int64_t wake_ms; /* of the EVENT_WAKE that counts; WHEN_NEVER: none is posted */
};

enum event_kind { EVENT_TO_HOST, EVENT_TO_SERVER, EVENT_CONNECT, EVENT_DISCONNECT, EVENT_WAKE };

/* A message under way, or the moment when a host has something to do. */
struct event {
    struct heap_node node;
    enum event_kind kind;
    unsigned host;
    struct str bytes;
    char space[];
};

/* What the durable changes say of the service. */
struct sim_service {
    int32_t desired;
    int32_t there, healthy; /* tasks whose containers may run; of those */
    bool loading;           /* a server is: no change, what is there already */
};

enum { UNSETTLED_MAX = 4 };

struct world {
    struct arena scratch; /* a host's, for one message */
    struct sim_options options;
    struct sim_result result;
    struct random random;
    struct settings settings;
    struct engine *engine;
    struct core *core;
    struct sim_host *hosts;
    struct heap events;
    int64_t now_ms;
    int64_t next_fault_ms;
    struct turn *unsettled[UNSETTLED_MAX]; /* oldest first: turns that wait for the disk, as in the product */
    unsigned unsettled_count;
    int64_t committed_ms;        /* when the disk has the oldest */
    unsigned full_disk_permille; /* of commits; a world's own, so that some have a good disk and some a very bad one */
    bool calm;                   /* the liveness phase, */
    int64_t calm_ms;             /* since then */
    bool closing;                /* the server is: nothing is submitted any more */
    bool ending;                 /* the world does */
    bool mutated;
    struct list unanswered; /* requests that a restart of the server cut off */
    uint64_t clients;
    unsigned tasks_asked;
    /* What the server has acknowledged: ARNs of tasks, with the last status seen in a durable change. */
    struct map seen;
    struct sim_service service;
    bool broken;
    struct fail fail; /* the first thing found wrong */
};

/* Says that a rule does not hold; the first one counts. */
void world_wrong(struct world *world, const char *format, ...) printf_like(2, 3);
void world_post(struct world *world, enum event_kind kind, unsigned host, struct str bytes, int64_t delay_ms);
/* The same over a network that delays, and loses and doubles messages. */
void world_send(struct world *world, enum event_kind kind, unsigned host, struct str bytes);
bool world_chance(struct world *world, unsigned permille); /* never in the liveness phase */

/* host.c */
void sim_host_receive(struct world *world, unsigned number, struct str bytes);
void sim_host_step(struct world *world, unsigned number);
void sim_host_wake(struct world *world, unsigned number); /* posts the moment when it has something to do */
void sim_host_die(struct world *world, unsigned number, bool for_ever);
void sim_host_return(struct world *world, unsigned number);
void sim_host_dial(struct world *world, unsigned number); /* a new link: it says hello and has heard nothing over it */

/* server.c */
unsigned sim_host_number(struct str id);
void sim_server_open(struct world *world);
void sim_server_close(struct world *world);
void sim_server_receive(struct world *world, enum event_kind kind, unsigned host, struct str bytes);
void sim_server_run(struct world *world);
int64_t sim_server_next_ms(const struct world *world); /* when it has something to do */
void sim_client_run_task(struct world *world);
void sim_client_stop_some_task(struct world *world);
void sim_client_change_service(struct world *world);
void sim_client_begin(struct world *world); /* the cluster and the task definition; with faults, the service */

/* service.c */
bool sim_service_create(struct world *world, struct call *call);
bool sim_service_change(struct world *world, struct call *call);
void check_service_change(struct world *world, const struct change *change);
bool check_service_finished(const struct transaction *view, struct buf *why);

/* mutant.c: breaks the rule that the options name, if it stands in a transaction and was not broken yet. */
void sim_mutate(struct world *world);

/* checker.c */
void check_change(struct world *world, const struct change *change);
void check_told(struct world *world, struct str task_arn); /* a host is */
void check_world(struct world *world);
/* In the liveness phase: what can become true at once has not waited longer than PROMPT_MS. */
enum { PROMPT_MS = 60 * 1000 };
void check_prompt(struct world *world);
/* Whether everything that was asked for is true; what is not is added to `why`. */
bool check_finished(struct world *world, struct buf *why);
