/* Sessions: keys with a token that stand for somebody for a time. What differs by kind is filled by STS's operations.
 */
#pragma once

#include "plane/iam/access_key.h"
#include "plane/iam/iam.h"

/* Puts a key like `of` with id, secret, token and times of its own; 0 seconds: until somebody ends it. The record's
 * strs stand where `of`'s do and in the transaction's arena. */
struct access_key_record session_make(struct transaction *tx, const struct access_key_record *of, int64_t seconds);

struct str assumed_role_arn(struct arena *arena, struct str account, struct str role_arn, struct str session);
