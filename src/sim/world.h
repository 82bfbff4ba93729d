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
    bool alive;       /* the machine; a dead one has lost all its tasks */
    bool connected;   /* the server has a link to it, */
    unsigned session; /* that link, or the last */
    int64_t back_ms;  /* when a dead host returns; WHEN_NEVER */
    int64_t cut_ms;   /* until then nothing gets through; 0: it is not cut off */
    bool dials;       /* then it has a link no more */
    struct sim_task *tasks;
    size_t task_count, task_capacity;
    int64_t generation;          /* of the newest assignment heard since its hello; 0: none */
    int64_t heard_all;           /* of the newest complete one; 0: none */
    int64_t last_delivery_ms[2]; /* to it, from it: a link delivers in order */
    bool complete_due;           /* all tasks are to be reported */
    int64_t next_report_ms;
    int64_t wake_ms; /* of the EVENT_WAKE that counts; WHEN_NEVER: none is posted */
};

/* ---- container instances ---- */

enum sim_agent_status { AGENT_TASK_PENDING, AGENT_TASK_RUNNING, AGENT_TASK_STOPPED };

/* A task on a simulated container instance: what the machine really does. Stopped ones are remembered, as the agent's
 * own state does. */
struct sim_agent_task {
    struct str arn; /* malloc'ed */
    enum sim_agent_status status;
    enum sim_agent_status told; /* what the server has answered to */
    bool wanted;
    bool listed;     /* by the manifest being read */
    int64_t next_ms; /* when the status moves on */
    int64_t say_ms;  /* when it is said, or said again */
};

enum { INSTANCE_ARN_MAX = 160 };

/* A machine with an ECS agent. */
struct sim_agent {
    char arn[INSTANCE_ARN_MAX]; /* "": not registered */
    unsigned lives;             /* how often it registered as another instance */
    bool alive;
    bool linked;             /* it believes to have a session, */
    unsigned session;        /* that or the last one */
    unsigned server_session; /* which one the server has; 0: none */
    int64_t renewal_ms;      /* when it last ended a session to begin the next */
    int64_t back_ms;         /* when a dead machine returns; WHEN_NEVER */
    int64_t cut_ms;          /* until then nothing gets through */
    int64_t link_ms;         /* when it registers, dials, or ends its session */
    struct sim_agent_task *tasks;
    size_t task_count, task_capacity;
    size_t over;       /* so many of the first are STOPPED, and the server has answered to that: only remembered */
    struct map by_arn; /* 1 + the number of each */
    int64_t wake_ms;   /* of the EVENT_AGENT_WAKE that counts; WHEN_NEVER: none is posted */
};

/* What an agent asks of the API, and the answer: a register call, or the state of a task. */
struct sim_agent_call {
    bool registers;
    unsigned life;
    enum sim_agent_status status;
    char arn[INSTANCE_ARN_MAX];        /* of the task; answer to a register call: of the instance */
    char attachment[INSTANCE_ARN_MAX]; /* of the task, which has come; "": the call is about its status */
};

enum event_kind {
    EVENT_TO_HOST,
    EVENT_TO_SERVER,
    EVENT_CONNECT,
    EVENT_DISCONNECT,
    EVENT_WAKE,
    EVENT_TO_AGENT,
    EVENT_FROM_AGENT,
    EVENT_AGENT_CONNECT,
    EVENT_AGENT_DISCONNECT, /* bytes: the instance's ARN */
    EVENT_AGENT_CALL,
    EVENT_AGENT_ANSWER,
    EVENT_AGENT_WAKE,
};

/* A message under way, or the moment when a host or agent has something to do. */
struct event {
    struct heap_node node;
    enum event_kind kind;
    unsigned host;    /* or agent */
    unsigned session; /* of which it is */
    struct str bytes;
    char space[];
};

/* What the durable changes say of a service. */
struct sim_service {
    int32_t desired_max; /* what a client may ask for */
    int32_t desired;
    int32_t there, healthy; /* tasks whose containers may run; of those */
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
    struct sim_agent *agents;
    struct map agents_by_arn; /* those that are registered */
    struct heap events;
    int64_t now_ms;
    int64_t next_fault_ms;
    int64_t next_service_change_ms;
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
    struct sim_service *services; /* the first is on Fargate */
    struct map rooms;             /* of container instances: instance_checker.c */
    struct list touched_rooms;
    bool loading; /* a server is: no change, what is there already */
    bool broken;
    struct fail fail; /* the first thing found wrong */
};

/* A client of the API, or an agent that calls it. */
struct client;
struct client_kind {
    bool (*call)(struct client *client, struct call *call);
    bool (*answered)(struct client *client); /* durably; true: the request is made again. NULL: nobody waits */
};
struct client {
    struct job job;
    struct world *world;
    const struct client_kind *kind;
    struct arena arena;
    struct fail fail;
    bool good;
    char token[32];      /* run: the same each time this is tried */
    bool on_instance;    /* run: launch type EC2 */
    struct str task_arn; /* run: the task that was made */
    char first_arn[128]; /* run: what was answered the first time, "" before */
    unsigned agent;      /* whose call it is, */
    struct sim_agent_call asked;
};

/* Says that a rule does not hold; the first one counts. */
void world_wrong(struct world *world, const char *format, ...) printf_like(2, 3);
void world_post(struct world *world, enum event_kind kind, unsigned host, struct str bytes, int64_t delay_ms);
/* The same over a network that delays, and loses and doubles messages. */
void world_send(struct world *world, enum event_kind kind, unsigned host, struct str bytes);
bool world_chance(struct world *world, unsigned permille); /* never in the liveness phase */

/* Of one session. */
void world_post_session(struct world *world, const struct event *of, int64_t delay_ms);

/* host.c */
void sim_host_receive(struct world *world, unsigned number, struct str bytes);
void sim_host_step(struct world *world, unsigned number);
void sim_host_wake(struct world *world, unsigned number); /* posts the moment when it has something to do */
void sim_host_die(struct world *world, unsigned number, bool for_ever);
void sim_host_return(struct world *world, unsigned number);
void sim_host_dial(struct world *world, unsigned number); /* a new link: it says hello and has heard nothing over it */
void sim_host_cut(struct world *world, unsigned number, int64_t for_ms);

/* agent.c */
/* Between an agent and the server, either way: loses, doubles (the second time late) and overtakes. */
void sim_agent_send(struct world *world, const struct event *event);
void sim_agent_receive(struct world *world, unsigned number, struct str bytes);
void sim_agent_answered(struct world *world, unsigned number, const struct sim_agent_call *answer);
void sim_agent_step(struct world *world, unsigned number);
void sim_agent_wake(struct world *world, unsigned number); /* posts the moment when it has something to do */
void sim_agent_die(struct world *world, unsigned number);
void sim_agent_cut(struct world *world, unsigned number, int64_t for_ms);
void sim_agent_return(struct world *world, unsigned number);
void sim_agent_unlink(struct world *world, unsigned number, int64_t wait_ms); /* its session is over */
void sim_agent_inactive(struct world *world, unsigned number); /* it hears that its instance is INACTIVE */
void sim_agents_free(struct world *world);

/* server_agent.c */
void sim_server_agents_open(struct world *world);
void sim_server_agent_event(struct world *world, const struct event *event);
/* An effect for an agent. */
void sim_server_agent_tell(struct world *world, const char *kind, struct str instance_arn, struct str bytes);

/* server.c */
unsigned sim_host_number(struct str id);
void sim_server_open(struct world *world);
void sim_server_close(struct world *world);
void sim_server_receive(struct world *world, enum event_kind kind, unsigned host, struct str bytes);
void sim_server_run(struct world *world);
int64_t sim_server_next_ms(const struct world *world); /* when it has something to do */

/* client.c */
struct client *sim_client_new(struct world *world, const struct client_kind *kind);
void sim_client_call(struct client *client);
void sim_client_run_task(struct world *world);
void sim_client_stop_some_task(struct world *world);
void sim_client_change_service(struct world *world);
void sim_client_change_instance(struct world *world);
void sim_client_begin(struct world *world); /* the cluster and the task definitions; with faults, the services */

/* service.c */
bool sim_services_create(struct world *world, struct call *call);
bool sim_service_change(struct world *world, struct call *call);
bool sim_service_is_daemon(struct str name);
void check_service_change(struct world *world, const struct change *change);
void check_services_load(struct world *world); /* a server begins anew */
bool check_services_finished(const struct transaction *view, struct buf *why);

/* instance_checker.c: what container instances have left is what they registered less what their tasks hold, at every
 * durable step, no port is held twice, and none has two tasks of a daemon. */
void check_room_change(struct world *world, const struct change *change);
void check_rooms(struct world *world); /* after a step: of what it changed */
void check_rooms_load(struct world *world);
void check_rooms_free(struct world *world);
/* What machines run is what the records say. */
bool check_agents_finished(struct world *world, const struct transaction *view, struct buf *why);

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
