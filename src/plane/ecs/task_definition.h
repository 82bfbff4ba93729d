/* Task definitions: families of numbered revisions that never change once registered.
 *
 * Life of a revision: ACTIVE -> INACTIVE (deregistered: still there to be looked at, and for tasks that run) ->
 * DELETE_IN_PROGRESS (until no task uses it) -> gone. A family's numbers are never used again. */
#pragma once

#include "plane/ecs/ecs.h"

extern const struct reconciler_spec task_definition_reconciler; /* forgets the deleted ones that nobody uses */

/* For dirties: of the table of task definitions, and of that of tasks. */
void task_definition_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);
void task_definition_mark_of_task(const struct transaction *tx, const void *before, const void *after,
                                  struct marks *marks);

/* "family:revision" or an ARN of that, in the caller's account and region. */
struct task_definition_name {
    struct str family;
    uint64_t revision; /* 0: not given */
};
checked bool task_definition_name_parse(const struct call *call, struct str text,
                                        struct task_definition_name *ret_name);
/* NULL: there is none. A name without revision means the latest ACTIVE one. */
const struct task_definition_record *task_definition_named(const struct call *call,
                                                           const struct task_definition_name *name);

/* The one that a request wants to run. Fails with ClientException when there is none, or it is not ACTIVE. */
checked bool task_definition_find_active(const struct call *call, struct str name,
                                         const struct task_definition_record **ret_definition);

/* Whether the family has a revision that is ACTIVE, or any at all. */
bool family_has_active(const struct call *call, struct str family);
bool family_has_any(const struct call *call, struct str family);
