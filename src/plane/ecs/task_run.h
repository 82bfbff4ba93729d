/* Tasks that are to run, in the order it happens: every part of a RunTask request is checked into a wish
 * (task_launch.c, task_network.c, task_override.c), then each task gets a place and a record (task_start.c,
 * task_make.c). An error anywhere undoes the whole call. A service makes such wishes without a call (service_wish.c).
 */
#pragma once

#include "plane/ecs/ecs.h"

struct container_instance_record;
struct task_instances;

/* Where tasks are to run: a strategy over FARGATE and FARGATE_SPOT, or without one the launch type FARGATE; or on
 * container instances. */
struct task_launch {
    const struct ecs_capacity_provider_strategy *strategy; /* NULL: none */
    struct task_instances *instances;                      /* NULL: on Fargate; task_instances.h */
};

/* Where a task was found room. */
struct task_place {
    struct str host_id;                               /* Fargate; absent: it waits for one */
    const struct container_instance_record *instance; /* NULL: Fargate */
};

/* What one RunTask asks for, or a service, checked and with its defaults. Account and region are the cluster's. */
struct task_wish {
    struct arena *arena; /* where the made tasks stand */
    const struct cluster_record *cluster;
    const struct ecs_task_definition *definition;
    const struct ecs_aws_vpc_configuration *network;
    struct ecs_task_override *overrides; /* as the API shows them: every container is named */
    struct task_launch launch;
    struct ecs_tags tags;
    struct str group, started_by;
    struct str service_name; /* absent: of no service */
    struct str subnet_id;    /* one of the network's; absent: any of them */
    bool logs_non_blocking;  /* log_mode.h, as the caller's setting has it */
    bool enable_execute_command;
    struct str cpu, memory; /* as the API shows them */
    int32_t cpu_units, memory_mib;
    int32_t storage_gib;
};

/* launchType, capacityProviderStrategy, platformVersion, placement, and the cluster's default. */
checked bool task_launch_check(const struct call *call, const struct ecs_run_task_request *in, struct task_wish *wish);
/* The capacity provider of the task with that number in the call; absent for the launch type. */
struct str task_launch_provider(const struct task_launch *launch, size_t number);

/* With awsvpc: subnets and security groups exist and are of one VPC; other modes take none. */
checked bool task_network_check(const struct call *call, const struct ecs_run_task_request *in, struct task_wish *wish);

/* Fills overrides, cpu, memory and storage. */
checked bool task_override_check(const struct call *call, const struct ecs_run_task_request *in,
                                 struct task_wish *wish);

/* The same without any. */
void task_override_none(struct arena *arena, struct task_wish *wish);

/* The one way for a task to begin: finds it a place and puts its record, the task with that number of the wish. A place
 * that may come later is waited for (task_reconciler.c). false: there is none, with the reason that AWS gives. */
checked bool task_start(struct transaction *tx, const struct task_wish *wish, size_t number,
                        const struct ecs_task **ret_task, struct ecs_failure *ret_failure);

/* Puts the record, and takes what the task needs of its container instance. Of task_start and StartTask. */
const struct ecs_task *task_make(struct transaction *tx, const struct task_wish *wish, size_t number,
                                 const struct task_place *place);

/* The whole of a RunTask request, checked. */
checked bool task_wish_of(const struct call *call, const struct ecs_run_task_request *in, struct task_wish *ret_wish);
