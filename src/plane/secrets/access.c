#include "plane/secrets/access.h"

#include "plane/secrets/secrets.h"

static const struct secret_record *secret_of(const struct call *call, struct str arn)
{
    const struct secret_place place = {call->principal->account, call->region};

    return secret_named(call->tx, &place, arn);
}

static struct str tag_of(const struct call *call, struct str arn, struct str key)
{
    const struct secret_record *secret = secret_of(call, arn);

    for (size_t i = 0; secret != NULL && i < secret->secret->tags.count; i++)
        if (str_eq_nocase(secret->secret->tags.items[i].key, key))
            return secret->secret->tags.items[i].value;
    return (struct str){NULL, 0};
}

static const struct policy_document *policy_of(const struct call *call, struct str arn)
{
    const struct secret_record *secret = secret_of(call, arn);

    return secret == NULL ? NULL : secret->policy;
}

/* The ARN of the secret that the request means. */
static struct str secret_id_key(const struct call *call, const struct operation *operation, const void *in)
{
    struct str secret_id = request_member(call, operation, in, "SecretId");
    const struct secret_record *secret = secret_id.ptr == NULL ? NULL : secret_of(call, secret_id);

    return secret == NULL ? secret_id : secret->secret->arn;
}

static const struct condition_key keys[] = {
    {"secretsmanager:SecretId", NULL, secret_id_key},
    {"secretsmanager:Name", "Name", NULL},
    {"secretsmanager:Description", "Description", NULL},
    {"secretsmanager:KmsKeyId", "KmsKeyId", NULL},
    {"secretsmanager:VersionId", "VersionId", NULL},
    {"secretsmanager:VersionStage", "VersionStage", NULL},
    {"secretsmanager:RecoveryWindowInDays", "RecoveryWindowInDays", NULL},
    {"secretsmanager:ForceDeleteWithoutRecovery", "ForceDeleteWithoutRecovery", NULL},
    {"secretsmanager:BlockPublicPolicy", "BlockPublicPolicy", NULL},
};

const struct access_spec secrets_access = {
    .keys = keys, .key_count = COUNT_OF(keys), .tag = tag_of, .policy = policy_of};
