/* The tasks of services, counted: what a look at a service decides by, kept as tasks change, so that it costs as much
 * as what has changed and not as much as the service has tasks (docs/decisions/0121).
 *
 * A view of the task table and of which container instances are not ACTIVE (transaction_derived). Tasks of a service
 * that are alike for every decision stand in one cell: of the same deployment, in the same phase and zone, of the same
 * provider. A service has some dozens of cells, however many tasks. In a cell they are ordered by who is given up
 * first: from the container instance with most tasks of the deployment, the newest.
 *
 * Cells are good until the next change of a task of the service that leaves them empty. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "plane/ecs/service_plan.h"
#include "plane/ecs/service_tasks.h"

struct roster_cell {
    struct list link; /* in its service, in the order of what follows */
    struct str group; /* the deployment or task set: what startedBy names */
    bool draining;    /* on container instances that are to be emptied */
    enum task_phase phase;
    bool guarded; /* under scale-in protection */
    struct str zone, provider;
    size_t count;
    struct heap seats; /* its container instances, the one with most first */
};

/* In the transaction's arena. */
struct roster_cells {
    const struct roster_cell **items;
    size_t count;
};
struct roster_cells roster_cells_of(const struct transaction *tx, const struct service_record *service);
/* The task of the cell that is given up first. */
const struct task_record *roster_cell_first(const struct roster_cell *cell);

/* One that has STOPPED and was not judged yet; NULL: none. */
const struct task_record *roster_ended(const struct transaction *tx, const struct service_record *service);
/* The one that proves itself, or whose protection ends, next: when, WHEN_NEVER with NULL. */
const struct task_record *roster_next_due(const struct transaction *tx, const struct service_record *service,
                                          int64_t *ret_when_ms);
/* Whether tasks of the service, or of that deployment or task set (id.ptr not NULL), have not STOPPED. */
bool roster_has_tasks(const struct transaction *tx, const struct service_record *service, struct str id);

/* What a task is to its service now. */
enum task_phase service_task_phase(const struct task_record *task);

/* Whether a roster that is made anew says the same, for tests and the simulation. */
bool roster_is_right(const struct transaction *tx);
