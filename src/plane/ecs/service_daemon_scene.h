/* What a look at a daemon service decides by: its container instances, and its tasks on them.
 *
 * A plan stops and starts a few tasks at a time, so of instances that are alike for it a few are enough: a scene may
 * leave others out, and the plan for it is the same as for all. */
#pragma once

#include "plane/ecs/service_daemon_plan.h"
#include "plane/ecs/task_instances.h"

struct daemon_scene {
    size_t instances; /* that the daemon is for, in all */
    /* The places: those in the order of their ids that have no task, and others. */
    const struct container_instance_record **places;
    size_t place_count;
    struct daemon_task *tasks; /* in the order of their ids */
    const struct task_record **records;
    size_t task_count;
    int32_t healthy_beside; /* healthy tasks at places, left out */
};

/* Which daemon's. */
struct daemon_view {
    const struct service_record *service;
    const struct task_wish *wish; /* for container instances */
    struct str id;                /* of the deployment that is wished for */
};

/* All of it, from the records: as long as the cluster has instances and the service tasks. */
void daemon_scene_walk(struct transaction *tx, const struct daemon_view *view, struct daemon_scene *ret_scene);

/* The plan for the service, in numbers of the scene. */
void daemon_scene_plan(const struct daemon_scene *scene, int32_t minimum, bool may_start, struct arena *arena,
                       struct plan *ret_plan);

/* Whether the daemon's tasks on the instance stay out of the plan: it is being emptied, and tasks that may need them
 * are there still. NULL: it is gone. */
bool daemon_is_needed_on(const struct transaction *tx, const struct container_instance_record *instance);
