/* AWS Secrets Manager: secrets, their versions, and the labels (staging labels) that say which version is meant.
 *
 * Life of a secret: there -> marked for deletion (DeleteSecret; RestoreSecret takes it back; nobody reads its value) ->
 * gone with all its versions at purge_at, or at once when it is deleted by force. A version lives with its secret; of
 * those that bear no label the oldest go when there are more than VERSIONS_MAX.
 *
 * Values are sealed (vault.h): no record, dump, log line or message shows one. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "model/gen/secretsmanager.h"
#include "plane/secrets/secrets_record.h"
#include "plane/secrets/vault.h"

/* User guide, "AWS Secrets Manager quotas". */
enum { SECRETS_MAX = 500000, VERSIONS_MAX = 100, STAGES_MAX = 20 };

#define STAGE_CURRENT  STR("AWSCURRENT")
#define STAGE_PREVIOUS STR("AWSPREVIOUS")

extern const struct domain_spec secrets_domain;
extern const struct operation_spec secretsmanager_handlers[];
extern const size_t secretsmanager_handler_count;

extern const struct table_spec secret_table;         /* by account, region, name */
extern const struct table_spec secret_version_table; /* by account, region, name, version id */

/* Where a request looks: what an ARN says of account and region counts more. */
struct secret_place {
    struct str account, region;
};

/* The secret of that name, ARN, or ARN without the six characters at its end (user guide, "Finding a secret from a
 * partial ARN"); also one that is marked for deletion. NULL when there is none. */
const struct secret_record *secret_named(const struct transaction *tx, const struct secret_place *place,
                                         struct str secret_id);
/* The same; fails with ResourceNotFoundException. */
checked bool secret_find(const struct call *call, struct str secret_id, const struct secret_record **ret_secret);
/* The same; fails with InvalidRequestException when it is marked for deletion. */
checked bool secret_find_active(const struct call *call, struct str secret_id, const struct secret_record **ret_secret);
/* Takes the secret away with all its versions. */
void secret_remove(struct transaction *tx, const struct secret_record *secret);

/* A version's value, in the arena. Fails with DecryptionFailure. */
checked bool secret_version_open(const struct transaction *tx, const struct secret_version_record *version,
                                 struct arena *arena, struct str *ret_value, struct fail *f);

/* Any sealed value, to see whether the installation's key is the right one; false when there is none. */
bool secrets_any_sealed(const struct transaction *tx, struct sealed *ret_sealed);
