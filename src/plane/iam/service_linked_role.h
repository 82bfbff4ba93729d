/* Service-linked roles: ones that a service defines and its name fixes (IAM user guide, "Service-linked roles"). */
#pragma once

#include "core/call.h"
#include "core/core.h"

extern const struct table_spec role_deletion_table;           /* by account and task id */
extern const struct reconciler_spec role_deletion_reconciler; /* forgets old ones */
void role_deletion_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);

struct str service_linked_role_arn(const struct call *call, struct str service, struct str suffix);
/* Makes the role of a service that needs one, where the account does not have it; that takes the caller's right to
 * iam:CreateServiceLinkedRole. */
checked bool service_linked_role_ensure(const struct call *call, struct str service);
