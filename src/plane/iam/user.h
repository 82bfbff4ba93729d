/* Users, and the groups that they are members of.
 *
 * Life: made, renamed and moved (its keys' ARN follows), deleted once nothing hangs on it. */
#pragma once

#include "plane/iam/entity.h"
#include "plane/iam/iam_record.h"

extern const struct table_spec
    user_table; /* by id; "name": by account and name; "boundary": by its policy's ARN and account */
extern const struct table_spec membership_table; /* by user id, group id; "group": by group id */

/* The user of that name, or NULL. */
const struct user_record *user_by_name(const struct transaction *tx, struct str account, struct str name);
