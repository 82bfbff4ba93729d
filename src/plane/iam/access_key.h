/* Access keys: secrets that requests are signed with, and whom they stand for.
 *
 *   ROOT          an account's root, for good        ROOT_SESSION  GetSessionToken of it
 *   USER          a user, until it is deleted        USER_SESSION  GetSessionToken; follows the key it was made with
 *   SESSION       a role, taken on                   FEDERATED     GetFederationToken
 *
 * A key works while its status is Active (or absent) and its time is not over; then it is kept for KEY_KEPT_MS more, so
 * that its user hears that it expired. Written by their operations alone. */
#pragma once

#include "core/core.h"
#include "plane/iam/entity.h"
#include "plane/iam/iam_record.h"

#define KEY_KEPT_MS (24 * HOUR_MS)
enum { SECRET_KEY_LEN = 40, SESSION_TOKEN_LEN = 128 };

/* By access key id; "root": the root keys by account; "owner": by user or role id. */
extern const struct table_spec access_key_table;
extern const struct table_spec last_use_table; /* by access key id or role id */
extern const struct reconciler_spec access_key_reconciler;

/* For dirties: of the table of keys. */
void access_key_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);

/* Base 64 that nobody can guess. */
struct str iam_secret_new(struct transaction *tx, size_t len);
/* Takes access from all keys and sessions of a user or role that is no more. */
void access_key_revoke_all(struct transaction *tx, struct str owner_id);
