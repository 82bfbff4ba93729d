/* Identity: accounts, their root keys, session keys, and the decision whether a call may go ahead.
 *
 * Users, roles and policies are not here yet: every principal is an account's root, or a session that Berth made itself
 * for a task's execution role. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "plane/iam/iam_record.h"

extern const struct domain_spec iam_domain;
extern const struct table_spec access_key_table; /* struct access_key_record by access key id */
extern const struct table_spec account_table;    /* struct account_record by account id and region */

extern const struct operation_spec sts_handlers[];
extern const size_t sts_handler_count;

/* The account's root key of the installation's first state: what `berth env` prints. NULL when there is none. */
const struct access_key_record *iam_root_key(const struct transaction *tx, struct str account);

/* Puts this root key in the place of the one that its account has. */
void iam_root_key_put(struct transaction *tx, const struct access_key_record *key);

/* Makes the account at home in the region (record, root key, default VPC ...) if it is not yet. */
void iam_home_ensure(struct transaction *tx, struct str account, struct str region);

/* A session of a role for the task that `session_name` names: its key id in the transaction's arena. It is valid for so
 * many seconds (0: without an end of its own), and until iam_session_end. */
struct str iam_session_begin(struct transaction *tx, struct str account, struct str role_arn, struct str session_name,
                             int64_t seconds);
/* A session of an account's root itself, until that time: the record, its strs in the transaction's arena. */
struct access_key_record iam_root_session(struct transaction *tx, const struct principal *root, int64_t expires_ms);
void iam_session_end(struct transaction *tx, struct str access_key_id);

/* The decision: may the principal do the action to the resource (an ARN, or "*")? Fails with AccessDeniedException in
 * AWS's words. Nobody may do anything to what is another account's; root may do everything in its own; an execution
 * session what the agent does for its task: logs, image pulls. */
checked bool iam_allows(const struct principal *principal, const char *action, struct str resource, struct fail *f);
/* The hook that every operation of every service goes through before its handler; the registry protocol, which has no
 * handlers, asks iam_allows itself. */
checked bool iam_authorize(const struct call *call, const struct operation_spec *operation, const void *in);
