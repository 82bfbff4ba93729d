/* What hangs on a user, group or role, by its id: managed policies that are attached, and inline policies. */
#pragma once

#include "plane/iam/entity.h"
#include "plane/iam/iam_record.h"

/* By principal id and policy id; "policy": by policy id, the account that attached it and principal id. */
extern const struct table_spec attachment_table;
extern const struct table_spec inline_policy_table; /* by principal id and name */
