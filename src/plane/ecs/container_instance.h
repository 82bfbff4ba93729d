/* A container instance: a machine whose agent registered in a cluster, and what is left of its resources.
 *
 * Life (developer guide, "Amazon ECS container instances"), status and who moves it:
 *   1 ACTIVE    api   RegisterContainerInstance; tasks may be placed on it while its agent is connected
 *   2 DRAINING  api   UpdateContainerInstancesState: nothing new is placed; back to ACTIVE likewise
 *   3 INACTIVE  api, container_instance
 *                     DeregisterContainerInstance, or its EC2 instance is terminated (the reconciler
 *                     "container_instance", which forgets it a day later)
 * REGISTERING and DEREGISTERING are AWS's while it attaches a trunk interface, which Berth has none of.
 *
 * What a task takes is subtracted here when it is placed and given back in task_finish, the only places.
 *
 * Invariant: an instance's attributes stand in the order of their names, each once; its ports are ascending. */
#pragma once

#include "plane/ecs/ecs.h"
#include "plane/ecs/placement.h"

#define CONTAINER_INSTANCE_KEPT_MS DAY_MS

extern const struct table_spec container_instance_table; /* by account, region, cluster, instance id */
extern const struct reconciler_spec container_instance_reconciler;
void container_instance_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);

struct instance_record;
/* Its machine, where that is an instance of ours; else NULL. */
const struct instance_record *container_instance_machine(const struct transaction *tx,
                                                         const struct container_instance_record *instance);

/* For dirties: of the table of EC2 instances. */
void container_instance_mark_of_machine(const struct transaction *tx, const struct instance_record *machine,
                                        struct marks *marks);

/* Whether a change of the record may give room to a task that found none before. before NULL: it is new. */
bool container_instance_has_grown(const struct container_instance_record *before,
                                  const struct container_instance_record *after);

/* Why its tasks cannot run any more, at once: it is INACTIVE, or its EC2 instance is stopped; absent: they can. */
struct str container_instance_stopped(const struct transaction *tx, const struct container_instance_record *instance);

bool container_instance_is_active(const struct container_instance_record *instance);
bool container_instance_is_gone(const struct container_instance_record *instance); /* INACTIVE */
bool container_instance_is_external(const struct container_instance_record *instance);
struct str container_instance_zone(const struct container_instance_record *instance); /* absent: nobody knows */

/* All of a cluster that are not INACTIVE: KEY_PREFIX of account, region and cluster in the index "present". */
struct walk container_instances_of(const struct transaction *tx, const struct cluster_record *cluster);
/* The same, zone after zone, of those that have one; goes on with the next zone. */
struct walk container_instances_by_zone(const struct transaction *tx, const struct cluster_record *cluster);
void container_instances_skip_zone(struct walk *walk, const struct container_instance_record *at);
struct str container_instance_key(struct arena *arena, const struct container_instance_record *instance);

/* The instance that a request names by id or ARN, in that cluster. An identifier that cannot be one fails with
 * InvalidParameterException; *ret_instance is NULL when there is no such instance. INACTIVE ones are found. */
checked bool container_instance_find(const struct call *call, const struct cluster_record *cluster,
                                     struct str id_or_arn, const struct container_instance_record **ret_instance);
/* The same by ARN alone; NULL: none. */
const struct container_instance_record *container_instance_of_arn(const struct transaction *tx, struct str arn);
/* The instance that a task is on; NULL: none. */
const struct container_instance_record *container_instance_of_task(const struct transaction *tx,
                                                                   const struct task_record *task);
/* Tasks of the instance that have not stopped. */
struct walk container_instance_tasks(const struct transaction *tx, const struct container_instance_record *instance);

/* ---- how it is shown ---- */

struct container_instance_parts {
    bool tags, health;
};
struct ecs_container_instance *container_instance_shown(const struct call *call,
                                                        const struct container_instance_record *record,
                                                        struct container_instance_parts parts);

/* What is left of its resources. */
struct ecs_resources container_instance_remaining(struct arena *arena, const struct container_instance_record *record);

/* ---- changing ---- */

/* A copy that may be edited, put with the next version. */
struct container_instance_edit {
    struct container_instance_record record;
    struct ecs_container_instance instance;
};
struct container_instance_edit *container_instance_edit_begin(struct transaction *tx,
                                                              const struct container_instance_record *from);
/* false: a status rule forbids the step. */
bool container_instance_edit_put(struct transaction *tx, struct container_instance_edit *edit);

/* What the task holds of its instance: taken when its record is made, given back when it stops. */
void container_instance_take(struct transaction *tx, const struct task_record *task);
void container_instance_release(struct transaction *tx, const struct task_record *task);

/* "http://169.254.170.10": how the caller, its agent, reached us. */
struct str container_instance_endpoint(const struct call *call);

/* The agent's connection came and went. */
void container_instance_connected(struct transaction *tx, struct str arn, const struct ecs_version_info *version);
void container_instance_disconnected(struct transaction *tx, struct str arn);
/* The server starts: nobody is connected. */
void container_instances_disconnected(struct transaction *tx);

/* INACTIVE; its tasks stop for that reason (the reconciler "task" sees to it). */
void container_instance_deregister(struct transaction *tx, const struct container_instance_record *instance,
                                   struct str reason);
/* What placement is told of it, for tasks of that group. The facts point into the record. */
struct placement_candidate container_instance_candidate(const struct transaction *tx,
                                                        const struct container_instance_record *instance,
                                                        struct str group, bool with_counts);
/* The same without the tasks of a group. */
struct placement_candidate container_instance_offer(const struct container_instance_record *instance);
