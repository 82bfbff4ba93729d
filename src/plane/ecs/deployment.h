/* Deployments: the tasks of one service revision, for as long as there are any (API reference, "Deployment").
 *
 * status: PRIMARY, the one wished for, of which there is one; ACTIVE when another took its place, and PRIMARY again
 * when a rollback goes back to it. It is gone when it has no tasks left and is neither PRIMARY nor the service's stable
 * one. rolloutState: IN_PROGRESS -> COMPLETED or FAILED; IN_PROGRESS again when a rollback goes back to it. Task counts
 * are not kept: they are counted when somebody asks. */
#pragma once

#include "plane/ecs/service.h"

extern const struct table_spec deployment_table; /* by service and id; index "definition" */

/* NULL: there is none (any more). */
const struct deployment_record *deployment_of(const struct transaction *tx, const struct service_record *service,
                                              struct str id);
bool deployment_is_primary(const struct deployment_record *deployment);

/* Makes a revision the wish: its deployment becomes PRIMARY and IN_PROGRESS (anew, if there is one already), the one
 * before ACTIVE, and the service shows what the revision says. The caller puts the service. */
void deployment_begin(struct transaction *tx, struct service_edit *service, struct str revision_id, struct str reason);

struct deployment_edit {
    struct deployment_record record;
    struct ecs_deployment deployment;
    struct start_trouble trouble;
};
void deployment_edit_begin(const struct deployment_record *from, struct deployment_edit *ret_edit);
void deployment_edit_put(struct transaction *tx, struct deployment_edit *edit);
void deployment_edit_rollout(struct deployment_edit *edit, enum ecs_deployment_rollout_state state, struct str reason);

/* For dirties: whether its definition may go now. */
void deployment_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);
/* Whether a service still wants tasks of that definition. */
bool deployments_use(const struct transaction *tx, struct str definition_arn);
