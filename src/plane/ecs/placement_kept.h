/* Placements that outlive their request: the next one for tasks of the same kind goes on with the same tree, told of
 * the container instances that have changed meanwhile (docs/decisions/0083). */
#pragma once

#include "plane/ecs/task_instances.h"

/* The placement for the wish, which says what the records say at this moment. NULL: this kind cannot be kept. */
struct placement *placement_kept(struct transaction *tx, const struct task_wish *wish,
                                 const struct ecs_placement_strategies *strategies);
