/* Clusters: a name that tasks stand under.
 *
 * Life: ACTIVE -> INACTIVE (deleted: still shown by DescribeClusters for CLUSTER_KEPT_MS, and made anew by
 * CreateCluster) -> gone. */
#pragma once

#include "plane/ecs/ecs.h"

#define CLUSTER_KEPT_MS DAY_MS

extern const struct reconciler_spec cluster_reconciler; /* forgets the deleted ones */

/* For dirties: of the table of clusters. */
void cluster_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);

/* For the domain: clusters need the role that is linked to ecs.amazonaws.com (developer guide, "Deleting a
 * service-linked role for Amazon ECS"). */
size_t cluster_service_uses(const struct transaction *tx, struct str account, struct str service,
                            struct service_use *ret_uses, size_t max);

bool cluster_is_active(const struct cluster_record *cluster);

/* Which parts of a cluster an answer has besides those that every answer has. */
struct cluster_parts {
    bool configuration, settings, statistics, tags;
};
/* What the answer to a change has. */
#define CLUSTER_CHANGED ((struct cluster_parts){.configuration = true, .settings = true, .tags = true})

/* The cluster as the API shows it, its tasks counted. In the call's arena. */
struct ecs_cluster *cluster_shown(const struct call *call, const struct cluster_record *record,
                                  const struct cluster_parts *parts);
/* Whether a task of the cluster has not stopped yet. */
bool cluster_has_tasks(const struct call *call, const struct cluster_record *record);
