/* What users, groups, roles, instance profiles and managed policies have in common: a name that is unique in its
 * account without regard to case, a path, an id that is never used again, an ARN made of account, path and name (IAM
 * user guide, "IAM identifiers").
 *
 * Records of them are kept by id, so that what hangs on one (keys, memberships, policies) survives a new name; the
 * index "name" finds them, in the order in which they are listed. */
#pragma once

#include "core/core.h"

/* Ids: four letters that tell the kind ("AIDA") and 17 of base 32; keys have 16 behind theirs. */
struct str iam_id_new(struct transaction *tx, const char *prefix, size_t len);
enum { ENTITY_ID_LEN = 21, ACCESS_KEY_ID_LEN = 20 };

/* "arn:aws:iam::1234:user/path/name"; an absent path is "/". */
struct str iam_arn(struct arena *arena, struct str account, const char *kind, struct str path, struct str name);
struct str iam_path(struct str path);

/* The key under index "name". */
void entity_name_key(struct buf *key, struct str account, struct str name);
/* The record of that name, or NULL. */
const void *entity_by_name(const struct transaction *tx, const struct table_spec *table, struct str account,
                           struct str name);

/* The account and the name in "arn:aws:iam::1234:role/path/name". */
struct arn_parts {
    struct str account, kind, name;
};
checked bool arn_split(struct str arn, struct arn_parts *ret_parts);
