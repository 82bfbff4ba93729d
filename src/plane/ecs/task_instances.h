/* Tasks on container instances: what a definition asks of one, and the placement that finds it (launch types EC2 and
 * EXTERNAL). A wish with `launch.instances` is placed here, behind task_start. */
#pragma once

#include "plane/ecs/cluster_instances.h"
#include "plane/ecs/service_daemon.h"
#include "plane/ecs/task_run.h"

struct task_instances {
    struct arena *arena;
    enum ecs_launch_type type; /* EC2 or EXTERNAL */
    struct ecs_placement_strategies strategies;
    struct placement_demand demand; /* of one task; complete after task_instances_size */
    const struct cluster_query **members;
    struct str *expressions;           /* of those */
    struct str zone;                   /* where the tasks are to be placed; absent: anywhere */
    bool needs_counts;                 /* an expression may ask for the tasks of instances */
    const struct daemon_room *daemons; /* asked for with task_instances_daemons */
    /* Of one that is not kept: made for the first task. */
    struct placement *placement;
};

/* Whether the definition runs there, and its constraints and those of the request can be understood. Fails with
 * InvalidParameterException. */
checked bool task_instances_check(struct transaction *tx, const struct task_wish *wish, enum ecs_launch_type type,
                                  const struct ecs_placement_constraints *constraints,
                                  const struct ecs_placement_strategies *strategies,
                                  struct task_instances **ret_instances, struct fail *f);

/* CPU, memory and GPUs that the task takes of its instance: CPU and memory are its own, or the sum of its containers'
 * (developer guide, "Task definition parameters": cpu, memory, memoryReservation); overrides and sizes as texts are set
 * in the wish before. */
void task_instances_size(struct task_wish *wish);
/* How many GPUs a container takes. */
int64_t task_instances_gpus(const struct ecs_container_definition *container,
                            const struct ecs_container_override *override);

/* Whether the instance is one that tasks of this launch type may be placed on. */
bool task_instances_is_of_kind(const struct task_instances *instances, const struct cluster_instance *instance);

/* A name for what tasks of one kind have in common: what they ask of an instance, and their group. The definition's ARN
 * stands for all that no override changes. The parts that it and its callers are made of cannot run into each other. */
void task_instances_add_kind(struct buf *kind, const struct task_wish *wish);
void task_instances_add_part(struct buf *kind, struct str part);

/* What is kept for daemons in the wish's cluster. */
const struct daemon_room *task_instances_daemons(struct transaction *tx, const struct task_wish *wish);

/* The place for one task; NULL: none, with the reason. What it takes is subtracted when its record is made. */
const struct container_instance_record *task_instances_place(struct transaction *tx, const struct task_wish *wish,
                                                             struct ecs_failure *ret_failure);

/* Why none has room, a row for each container instance of the launch type (API reference, "RunTask": failures), in the
 * place of what task_instances_place has said, unless there are none. */
void task_instances_failures(struct transaction *tx, const struct task_wish *wish, struct ecs_failures *failures);

/* Whether the instance is one for such tasks: ACTIVE, of the launch type, with the attributes, within the constraints;
 * whatever room it has. */
bool task_instances_suits(const struct transaction *tx, const struct task_wish *wish,
                          const struct container_instance_record *instance);

/* Whether the task of the wish fits on one instance that was named; PLACEMENT_FITS or why not. */
enum placement_refusal task_instances_refuses(struct transaction *tx, const struct task_wish *wish,
                                              const struct container_instance_record *instance);
