/* Groups of users; who is in one stands in membership_table (user.h). */
#pragma once

#include "plane/iam/entity.h"
#include "plane/iam/iam_record.h"

extern const struct table_spec group_table; /* by id; "name": by account and name */

/* The group of that name, or NULL. */
const struct group_record *group_by_name(const struct transaction *tx, struct str account, struct str name);
