/* The handlers of Secrets Manager's operations, declared for the table in operations.c. Core thread; see core/call.h.
 */
#pragma once

#include "plane/secrets/secrets.h"
#include "plane/secrets/version.h"

#define SECRETS_HANDLER(name)                                                                                          \
    bool secretsmanager_##name(struct call *call, const struct secretsmanager_##name##_request *in,                    \
                               struct secretsmanager_##name##_response *out)

/* Refuses a member of a request that Berth has nothing behind. */
#define SECRETS_UNSUPPORTED(call, member, why)                                                                         \
    fail_api((call)->fail, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION, "Berth does not support '%s': %s",        \
             (member), (why))

/* A secret's own members, changed in a copy and put. */
struct secret_change {
    struct secret_record record;
    struct secretsmanager_secret_list_entry entry;
};
void secret_change_begin(struct secret_change *change, const struct secret_record *secret);
/* Also moves LastChangedDate. */
void secret_change_put(struct transaction *tx, struct secret_change *change);

/* The text or the bytes of a request: both are refused. *ret_value has neither when the request has neither. */
checked bool secret_value_of(const struct call *call, struct str text, struct str binary,
                             struct secret_value *ret_value);

/* Secrets. */
SECRETS_HANDLER(create_secret);
SECRETS_HANDLER(describe_secret);
SECRETS_HANDLER(update_secret);
SECRETS_HANDLER(delete_secret);
SECRETS_HANDLER(restore_secret);
SECRETS_HANDLER(rotate_secret);
SECRETS_HANDLER(cancel_rotate_secret);
SECRETS_HANDLER(list_secrets);
/* Tags. */
checked bool secret_tags_check(const struct secretsmanager_tag_list_type *tags, struct fail *f);
bool secretsmanager_tag_resource(struct call *call, const struct secretsmanager_tag_resource_request *in, void *out);
bool secretsmanager_untag_resource(struct call *call, const struct secretsmanager_untag_resource_request *in,
                                   void *out);
/* Values and their versions. */
SECRETS_HANDLER(get_secret_value);
SECRETS_HANDLER(batch_get_secret_value);
SECRETS_HANDLER(put_secret_value);
SECRETS_HANDLER(update_secret_version_stage);
SECRETS_HANDLER(list_secret_version_ids);
SECRETS_HANDLER(get_random_password);
/* Policies of secrets. */
SECRETS_HANDLER(put_resource_policy);
SECRETS_HANDLER(get_resource_policy);
SECRETS_HANDLER(delete_resource_policy);
SECRETS_HANDLER(validate_resource_policy);
