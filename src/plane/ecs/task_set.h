/* Task sets: the tasks of one revision of a service whose deployments somebody else makes (deployment controller
 * EXTERNAL; developer guide, "Deploy Amazon ECS services using a third-party controller").
 *
 * status: PRIMARY (made so by UpdateServicePrimaryTaskSet), ACTIVE, DRAINING (deleted: its tasks stop), then it is
 * gone. computedDesiredCount is its scale in percent of the service's desired count, rounded up. stabilityStatus is
 * STEADY_STATE when so many run, healthy, and nothing is on its way. */
#pragma once

#include "plane/ecs/service.h"

extern const struct table_spec task_set_table; /* by service and id; index "definition" */

/* Of ceil(percent of the service's desired count). */
int32_t task_set_desired(const struct service_record *service, const struct task_set_record *set);
bool task_set_is_draining(const struct task_set_record *set);
/* All of the service's, as the API shows them, the primary first. */
struct ecs_task_sets task_sets_shown(const struct transaction *tx, const struct service_record *service,
                                     struct arena *arena);

struct task_set_edit {
    struct task_set_record record;
    struct ecs_task_set set;
    struct start_trouble trouble;
};
void task_set_edit_begin(const struct task_set_record *from, struct task_set_edit *ret_edit);
void task_set_edit_put(struct transaction *tx, struct task_set_edit *edit);

/* For dirties: its service, and whether its definition may go now. */
void task_set_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);
bool task_sets_use(const struct transaction *tx, struct str definition_arn);
