/* The container instances and tasks of daemon services, called up as they change, so that a look at one costs as much
 * as what has changed and not as much as the cluster has instances (docs/decisions/0161).
 *
 * A view of the task table (transaction_derived) that asks the row of the cluster's instances what has changed there.
 * Tasks that each have an instance to themselves, and that the plan does not tell apart, stand together; of those a
 * scene has as many as a plan can stop or start, and the others are only counted. */
#pragma once

#include "plane/ecs/service_daemon_scene.h"

/* The scene as daemon_scene_walk finds it, but for what it leaves out. Not for wishes that need counts: what a muster
 * knows of instances does not change with their tasks. */
void daemon_scene_muster(struct transaction *tx, const struct daemon_view *view, struct daemon_scene *ret_scene);

/* How many services are mustered, for tests. */
size_t musters_count(const struct transaction *tx);
