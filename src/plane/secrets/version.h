/* Versions of a secret and the labels that stand on them. Within a secret a label stands on one version at most;
 * AWSCURRENT is on one as soon as there is any, and the version that had it before has AWSPREVIOUS. */
#pragma once

#include "plane/secrets/secrets.h"

/* A value as requests have it: a text or bytes, one of them. */
struct secret_value {
    struct str text, binary;
};

struct new_version {
    struct secret_value value;
    struct str token;                                        /* becomes its id; absent: a new one is made up */
    struct secretsmanager_secret_version_stages_type stages; /* absent: AWSCURRENT */
};

/* NULL when there is none. */
const struct secret_version_record *secret_version(const struct transaction *tx, const struct secret_record *secret,
                                                   struct str version_id);
const struct secret_version_record *secret_version_at(const struct transaction *tx, const struct secret_record *secret,
                                                      struct str stage);
/* The one that VersionId and VersionStage mean; both absent: AWSCURRENT. Fails with ResourceNotFoundException, and with
 * InvalidRequestException when they do not mean the same. */
struct version_choice {
    struct str id, stage;
};
checked bool secret_version_choose(const struct transaction *tx, const struct secret_record *secret,
                                   const struct version_choice *choice,
                                   const struct secret_version_record **ret_version, struct fail *f);

/* Adds a version, its labels taken from those that had them. Where the token's version is there already: nothing is
 * done when its value is the same, ResourceExistsException otherwise. */
checked bool secret_version_add(const struct call *call, const struct secret_record *secret,
                                const struct new_version *wanted, const struct secret_version_record **ret_version);

/* Moves a label to a version, or takes it away (to NULL). */
void secret_stage_move(struct transaction *tx, const struct secret_record *secret, struct str stage,
                       const struct secret_version_record *to);
/* How many labels stand on all versions together. */
size_t secret_stage_count(const struct transaction *tx, const struct secret_record *secret);
/* The labels of all versions that have some, by version id, in the arena. */
struct secretsmanager_secret_versions_to_stages_map_type
secret_stages(const struct transaction *tx, const struct secret_record *secret, struct arena *arena);
