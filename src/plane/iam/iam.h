/* Identity: accounts, users, groups, roles, what policies hang on them, keys and sessions, and the decision whether a
 * call may go ahead. IAM is global: its records are by account, without a region. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "plane/iam/iam_record.h"
#include "plane/iam/policy.h"

extern const struct domain_spec iam_domain;
extern const struct table_spec access_key_table; /* by access key id; see access_key.h */
extern const struct table_spec account_table;    /* struct account_record by account id and region */

extern const struct operation_spec iam_handlers[];
extern const size_t iam_handler_count;
extern const struct operation_spec sts_handlers[];
extern const size_t sts_handler_count;

/* The account's root key of the installation's first state: what `berth env` prints. NULL when there is none. */
const struct access_key_record *iam_root_key(const struct transaction *tx, struct str account);

/* The record behind the principal's key: kind, owner (user or role id), session (name, tags, source identity,
 * policies), time of issue. NULL with --auth=open, where any key is good, and for keys that are gone meanwhile. */
const struct access_key_record *iam_key_of(const struct transaction *tx, const struct principal *principal);

/* Keeps for what a user's or root's key, or the role of a session's, was last used, and when: now. */
struct iam_use {
    struct str access_key, service, region;
};
void iam_use_note(struct transaction *tx, const struct iam_use *use);

/* The policies that a decision about the principal takes besides the resource's: those of the user and his groups or of
 * the role, the boundary, and those of the session. The lists stand in the arena, the documents in records. */
void iam_policies_of(const struct transaction *tx, const struct principal *principal, struct arena *arena,
                     struct policies *ret_policies);
/* The same without a session, of the user, group or role that has that id. */
void iam_policies_of_owner(const struct transaction *tx, struct str owner_id, struct arena *arena,
                           struct policies *ret_policies);

/* Puts this root key in the place of the one that its account has. */
void iam_root_key_put(struct transaction *tx, const struct access_key_record *key);

/* Makes the account at home in the region (record, root key, default VPC ...) if it is not yet. */
void iam_home_ensure(struct transaction *tx, struct str account, struct str region);

/* A session of a role for the task that `session_name` names: its key id in the transaction's arena. It is valid for so
 * many seconds (0: without an end of its own), and until iam_session_end. A role that does not exist gives one that has
 * no policies. */
struct str iam_session_begin(struct transaction *tx, struct str account, struct str role_arn, struct str session_name,
                             int64_t seconds);
void iam_session_end(struct transaction *tx, struct str access_key_id);
