/* The table of Secrets Manager's operations. Resources as "Actions, resources, and condition keys for AWS Secrets
 * Manager" (service authorization reference) has them. An operation that is not here is refused by name: replication to
 * other regions. */
#include "plane/secrets/operations.h"

#include "plane/secrets/access.h"

static struct str arn_of_name(const struct call *call, struct str name)
{
    return arena_printf(call->arena, "arn:aws:secretsmanager:%.*s:%.*s:secret:%.*s", STR_ARG(call->region),
                        STR_ARG(call->principal->account), STR_ARG(name));
}

/* The secret's own ARN, whatever the request calls it; of one that does not exist, what it would begin with. */
static struct str secret_resource(const struct call *call, struct str secret_id)
{
    const struct secret_place place = {call->principal->account, call->region};
    const struct secret_record *secret = secret_named(call->tx, &place, secret_id);

    if (secret != NULL)
        return secret->secret->arn;
    return str_starts(secret_id, STR("arn:")) ? secret_id : arn_of_name(call, secret_id);
}

#define SECRET_RESOURCE(operation)                                                                                     \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return secret_resource(call, ((const struct secretsmanager_##operation##_request *)in)->secret_id);            \
    }

SECRET_RESOURCE(describe_secret)
SECRET_RESOURCE(update_secret)
SECRET_RESOURCE(delete_secret)
SECRET_RESOURCE(restore_secret)
SECRET_RESOURCE(rotate_secret)
SECRET_RESOURCE(cancel_rotate_secret)
SECRET_RESOURCE(tag_resource)
SECRET_RESOURCE(untag_resource)
SECRET_RESOURCE(get_secret_value)
SECRET_RESOURCE(put_secret_value)
SECRET_RESOURCE(update_secret_version_stage)
SECRET_RESOURCE(list_secret_version_ids)
SECRET_RESOURCE(put_resource_policy)
SECRET_RESOURCE(get_resource_policy)
SECRET_RESOURCE(delete_resource_policy)

static struct str validate_resource_policy_resource(const struct call *call, const void *in)
{
    const struct secretsmanager_validate_resource_policy_request *of = in;

    return of->secret_id.ptr == NULL ? STR("*") : secret_resource(call, of->secret_id);
}

/* With tags it takes the permission to tag, too. */
static void create_secret_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct secretsmanager_create_secret_request *of = in;

    asks_add(asks, "secretsmanager:CreateSecret", arn_of_name(call, of->name));
    if (of->tags.count > 0)
        asks_add(asks, "secretsmanager:TagResource", arn_of_name(call, of->name));
}

#define GUARDED(name, action, resource, asks)                                                                          \
    OPERATION_GUARDED(secretsmanager, name, "secretsmanager:" action, resource, NULL, asks, &secrets_access)
#define ROW(name, action)     GUARDED(name, action, name##_resource, NULL)
#define ROW_ANY(name, action) GUARDED(name, action, NULL, NULL)

const struct operation_spec secretsmanager_handlers[] = {
    GUARDED(create_secret, "CreateSecret", NULL, create_secret_asks),
    ROW(describe_secret, "DescribeSecret"),
    ROW(update_secret, "UpdateSecret"),
    ROW(delete_secret, "DeleteSecret"),
    ROW(restore_secret, "RestoreSecret"),
    ROW(rotate_secret, "RotateSecret"),
    ROW(cancel_rotate_secret, "CancelRotateSecret"),
    ROW_ANY(list_secrets, "ListSecrets"),
    ROW(tag_resource, "TagResource"),
    ROW(untag_resource, "UntagResource"),
    ROW(get_secret_value, "GetSecretValue"),
    ROW_ANY(batch_get_secret_value, "BatchGetSecretValue"),
    ROW(put_secret_value, "PutSecretValue"),
    ROW(update_secret_version_stage, "UpdateSecretVersionStage"),
    ROW(list_secret_version_ids, "ListSecretVersionIds"),
    ROW_ANY(get_random_password, "GetRandomPassword"),
    ROW(put_resource_policy, "PutResourcePolicy"),
    ROW(get_resource_policy, "GetResourcePolicy"),
    ROW(delete_resource_policy, "DeleteResourcePolicy"),
    ROW(validate_resource_policy, "ValidateResourcePolicy"),
};
const size_t secretsmanager_handler_count = COUNT_OF(secretsmanager_handlers);
