/* A control plane for unit tests: the real core and domains on the memory engine, with a clock that the test moves.
 *
 * It begins with the cluster "default", and task definition "app" of 256 CPU units and 512 MiB with the containers
 * "app" (essential, with a health check) and "side". Every call runs all turns that it causes. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "model/host.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/task.h"

struct world {
    struct settings settings;
    struct engine *engine;
    struct core *core;
    int64_t now_ms;
    struct arena arena; /* answers live here until the end */
    struct transaction view;
    struct principal principal; /* who calls: root, until a test changes it */
    struct fail fail;           /* of the last call that failed */
    /* Sees every durable change; NULL: nobody. */
    void (*changed)(void *context, const struct change *change);
    void *changed_context;
    unsigned assignments; /* told so far */
    unsigned events;      /* of the bus, so far */
    const struct domain_spec *domains[6];
};

struct world *world_new(void);
/* The same with a domain to the right of ECS. */
struct world *world_new_with(const struct domain_spec *domain);
void world_free(struct world *world);

/* Time goes on, timer by timer. */
void world_wait(struct world *world, int64_t ms);

void world_host_connect(struct world *world, const char *id, int32_t cpu_units, int32_t memory_mib);
void world_host_disconnect(struct world *world, const char *id);
/* The host reports that task. */
void world_report(struct world *world, const char *host, const struct host_task_report *report);
void world_report_instance(struct world *world, const char *host, const struct host_instance_report *report);
/* The host reports all it has: nothing. */
void world_report_nothing(struct world *world, const char *host);

/* Any operation of ECS and of EC2's instances: its handler with its own structs. */
bool world_call(struct world *world, const struct operation *operation, const void *in, void *out);
/* RunTask of "app" on Fargate, in the first subnet unless the request says more; request may be NULL. */
bool world_run_task(struct world *world, const struct ecs_run_task_request *request,
                    struct ecs_run_task_response *ret_response);
/* One task, which must be made: its ARN. */
struct str world_run_one(struct world *world);
void world_stop_task(struct world *world, struct str arn);
/* Any change of records, by the actor "api". */
void world_change(struct world *world, void (*change)(struct transaction *tx, void *context), void *context);

/* The record now; NULL: forgotten. Valid until the next call. */
const struct task_record *world_task(struct world *world, struct str arn);
struct str world_subnet(struct world *world);
