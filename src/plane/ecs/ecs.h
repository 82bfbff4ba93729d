/* Amazon ECS: clusters, task definitions, tasks and services.
 *
 * Records (see records.json) are by account, region and their own name. Statuses of a task and who moves them stand in
 * task.h. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "model/gen/ecs.h"
#include "plane/ecs/ecs_record.h"

extern const struct domain_spec ecs_domain;
extern const struct operation_spec ecs_handlers[];
extern const size_t ecs_handler_count;

extern const struct table_spec cluster_table;         /* by account, region, name */
extern const struct table_spec family_table;          /* by account, region, family */
extern const struct table_spec task_definition_table; /* by account, region, family, revision (ten digits) */
extern const struct table_spec task_table;            /* by account, region, cluster, task id; see task.h */
extern const struct table_spec client_token_table;    /* by account, region, operation, token */
extern const struct table_spec account_setting_table; /* by account, region, principal, name */

/* Takes the last part of an ARN of that kind ("cluster", "task-definition", "task") or a bare name. */
struct str ecs_name(struct str name_or_arn);
/* The name, of that kind, that an ARN of the caller's account and region or a bare name means; false for other ARNs. */
checked bool ecs_own_name(const struct call *call, struct str name_or_arn, const char *kind, struct str *ret_name);
struct str ecs_arn(const struct call *call, const char *kind, struct str name);
/* "a, b", for messages; in the arena. */
struct str ecs_joined(struct arena *arena, const struct str *items, size_t count);

/* The cluster that a request names (absent: "default"); fails with ClusterNotFoundException "Cluster not found.". An
 * INACTIVE cluster counts as not found. */
checked bool cluster_find(const struct call *call, struct str name_or_arn, const struct cluster_record **ret_cluster);

/* "family", "family:revision" or an ARN; without a revision the latest ACTIVE one. NULL: none. */
const struct task_definition_record *task_definition_find(const struct call *call, struct str text);
/* The key of task_definition_table that an ARN "arn:...:task-definition/family:revision" names; a key of nothing when
 * the text is not one. */
struct str task_definition_key_of_arn(struct arena *arena, struct str arn);
