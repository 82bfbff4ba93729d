/* Roles and instance profiles.
 *
 * A role's trust policy is kept as its text (role->assume_role_policy_document) and as it was read, with ids for
 * whom it names (principal_ids.h). A service-linked
 * role is one under the path /aws-service-role/. */
#pragma once

#include "plane/iam/entity.h"
#include "plane/iam/iam_record.h"

extern const struct table_spec
    role_table; /* by id; "name": by account and name; "boundary": by its policy's ARN and account */
/* By id; "name": by account and name; "role": by role id. */
extern const struct table_spec instance_profile_table;

/* The role of that name, or NULL. */
const struct role_record *role_by_name(const struct transaction *tx, struct str account, struct str name);
/* The role whose ARN this is, of whatever account, or NULL. */
const struct role_record *role_by_arn(const struct transaction *tx, struct str arn);
const struct instance_profile_record *instance_profile_by_name(const struct transaction *tx, struct str account,
                                                               struct str name);
#define SERVICE_LINKED_PATH STR("/aws-service-role/")
bool role_is_service_linked(const struct role_record *role);
