/* Managed policies, the ones of accounts and AWS's own, and their versions.
 *
 * What the default version says is kept read, in the policy. AWS's own belong to the account "aws" and can be attached
 * in every account. */
#pragma once

#include "plane/iam/entity.h"
#include "plane/iam/iam_record.h"

extern const struct table_spec managed_policy_table; /* by id; "name": by account and name */
extern const struct table_spec policy_version_table; /* by policy id and number */

struct str policy_version_key(struct arena *arena, struct str policy_id, int64_t number);

#define ACCOUNT_AWS STR("aws")
enum { POLICY_VERSIONS_MAX = 5 }; /* IAM user guide, "IAM and AWS STS quotas" */

/* The policy whose ARN this is, of whatever account, or NULL. */
const struct managed_policy_record *managed_policy_by_arn(const struct transaction *tx, struct str arn);
