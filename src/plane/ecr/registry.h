/* A registry: what an account has in a region besides its repositories, namely the policy that stands over all of them,
 * and settings. Without a record it has no policy and the settings that AWS's new accounts have. */
#pragma once

#include "plane/ecr/ecr.h"

extern const struct table_spec registry_table; /* by account, region */

/* The record, or what a registry without one is. */
struct registry_record registry_find(const struct transaction *tx, const struct registry_id *id);

/* Whether the registry's policy decides on that action (user guide, "Private registry permissions in Amazon ECR"): on
 * all with scope V2; V1 is about replication, caches of other registries and the repositories that these make. */
bool registry_policy_covers(const struct registry_record *registry, struct str action);
/* Whether an upload may take a layer from another repository instead of bytes: BLOB_MOUNTING. */
bool registry_mounts_blobs(const struct transaction *tx, const struct registry_id *id);
