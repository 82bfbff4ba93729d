/* Daemon services: one task on every ACTIVE container instance that satisfies the constraints (developer guide, "Amazon
 * ECS services", Daemon).
 *
 * desiredCount is the number of those instances, counted at every look. What a daemon needs on an instance that it has
 * no task on yet is kept for it: placement of other tasks leaves it out (service_daemon_room.c). From an instance that
 * is DRAINING its task goes when those of others have gone; from one that does not satisfy the constraints any more it
 * goes at once. */
#pragma once

#include "plane/ecs/service_look.h"

struct container_instance_record;
struct placement_candidate;

bool service_is_daemon(const struct service_record *service);

/* The look_act of a daemon: brings group->desired and the service's desiredCount up to date too. */
void daemon_act(struct look *look, struct look_group *group, struct plan *ret_plan);

/* ---- room that is kept for daemons ---- */

/* The ACTIVE daemon services of a cluster, and what each takes of an instance. */
struct daemon_room {
    struct task_wish *wishes;
    size_t count;
};
struct daemon_room daemon_room_of(struct transaction *tx, const struct cluster_record *cluster);
/* Takes from the candidate what daemons will need on its instance that have no task there yet. */
void daemon_room_keep(struct transaction *tx, const struct daemon_room *room,
                      const struct container_instance_record *instance, struct placement_candidate *candidate);

/* For dirties, of container instances: marks daemons, and services whose zones are evened out. */
void services_mark_of_instance(const struct transaction *tx, const struct container_instance_record *before,
                               const struct container_instance_record *after, struct marks *marks);
