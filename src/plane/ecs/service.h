/* A service: so many tasks of one definition, kept running (developer guide, "Amazon ECS services").
 *
 * Nouns, each with a file:
 *   service             what is wished: how many tasks, of which revision, deployed how
 *   service revision    what its tasks are made of; never changed (service_revision.h)
 *   deployment          the tasks of one revision while there are any: PRIMARY is the one wished for, ACTIVE ones give
 *                       way to it (deployment.h). Its id is that of the revision, and its tasks' startedBy.
 *   service deployment  the story of one change of the wish, kept when it is over (service_deployment.h)
 *   task set            in the place of deployments where somebody else deploys (task_set.h)
 *   service event       what was done, in AWS's sentences (service_event.h)
 *
 * Life: ACTIVE -> DRAINING (deleted, its last tasks stop) -> INACTIVE (still shown, the name is free) -> gone after
 * SERVICE_KEPT_MS. The operations wish; the reconciler "service" starts and stops tasks until it is so: it decides with
 * service_plan.h on what service_roster.h has counted, and remembers nothing but what stands in these records. */
#pragma once

#include "plane/ecs/cluster_tally.h"
#include "plane/ecs/ecs.h"

#define SERVICE_KEPT_MS HOUR_MS

/* by account, region, cluster, name; indexes "unplaced", "follower", "alarmed" */
extern const struct table_spec service_table;
extern const struct reconciler_spec service_reconciler;

/* The key of the service that a record belongs to, whatever its noun. */
#define SERVICE_KEY(arena, record)                                                                                     \
    KEY((arena), (record)->account_id, (record)->region, (record)->cluster_name, (record)->service_name)
/* The start of the keys of all records of a service. */
#define SERVICE_PREFIX(arena, record)                                                                                  \
    KEY_PREFIX((arena), (record)->account_id, (record)->region, (record)->cluster_name, (record)->service_name)
/* Its parts, for a table whose keys begin so. */
#define SERVICE_KEY_ADD(key, record)                                                                                   \
    do {                                                                                                               \
        key_add((key), (record)->account_id);                                                                          \
        key_add((key), (record)->region);                                                                              \
        key_add((key), (record)->cluster_name);                                                                        \
        key_add((key), (record)->service_name);                                                                        \
    } while (0)

enum service_status { SERVICE_ACTIVE, SERVICE_DRAINING, SERVICE_INACTIVE };

enum service_status service_status(const struct service_record *service);
bool service_is_external(const struct service_record *service); /* its deployments are task sets */

/* "arn:aws:ecs:region:account:kind/cluster/service", with "/id" where id is there. */
struct str service_arn(struct arena *arena, const struct service_record *service, const char *kind, struct str id);
/* The number in "ecs-svc/number", as deployments and task sets are named. */
struct str deployment_number(struct str id);

/* The service of the cluster that a request names by name or ARN; fails with ServiceNotFoundException. */
checked bool service_find(const struct call *call, const struct cluster_record *cluster, struct str name_or_arn,
                          const struct service_record **ret_service);
/* The same with the cluster's name, and only one that is ACTIVE: ServiceNotActiveException otherwise. */
checked bool service_find_active(const struct call *call, struct str cluster_name, struct str name_or_arn,
                                 const struct service_record **ret_service);
/* NULL: there is none. */
const struct service_record *service_named(const struct call *call, const struct cluster_record *cluster,
                                           struct str name_or_arn);

/* How many services of the cluster are ACTIVE, and DRAINING, and by how their tasks are launched. */
struct service_counts {
    int32_t active, draining;
    int32_t active_by[LAUNCHES], draining_by[LAUNCHES];
};
struct service_counts services_count(const struct transaction *tx, const struct cluster_record *cluster);

/* ---- changing one ---- */

struct service_edit {
    struct service_record record;
    struct ecs_service service;
};

void service_edit_begin(const struct service_record *from, struct service_edit *ret_edit);
void service_edit_put(struct transaction *tx, struct service_edit *edit);
/* What is stopped from now on is not stopped for the evenness of zones, until that is gone about anew. */
void service_edit_end_rebalancing(struct service_edit *edit);

/* Forgets all that belongs to the service but itself and its events. */
void service_forget_history(struct transaction *tx, const struct service_record *service);
/* Forgets it. */
void service_forget(struct transaction *tx, const struct service_record *service);

/* For dirties: of services, of tasks, and of hosts that have room again. */
void service_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);
void service_mark_of_task(const struct transaction *tx, const void *before, const void *after, struct marks *marks);
void services_mark_unplaced(const struct transaction *tx, struct marks *marks);
