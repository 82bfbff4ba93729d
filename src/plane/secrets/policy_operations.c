/* Resource policies of secrets. What they allow is decided in plane/iam (access.c). */
#include "base/must.h"
#include "plane/iam/principal_ids.h"
#include "plane/secrets/operations.h"
#include "plane/secrets/resource_policy.h"

static void put_policy(struct transaction *tx, const struct secret_record *secret, struct str text,
                       struct policy_document *document)
{
    struct secret_record record = *secret;

    record.policy_text = text;
    record.policy = document;
    must(transaction_put(tx, &secret_table, &record));
}

static bool know_principals(const struct call *call, struct policy_document *document)
{
    struct str unknown;

    return principal_ids_put(call->tx, document, &unknown) ||
           fail_api(call->fail, SECRETSMANAGER_ERROR_MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                    "This resource policy contains an unsupported principal: %.*s", STR_ARG(unknown));
}

bool secretsmanager_put_resource_policy(struct call *call, const struct secretsmanager_put_resource_policy_request *in,
                                        struct secretsmanager_put_resource_policy_response *out)
{
    const struct secret_record *secret;
    struct policy_document *document;

    if (!secret_find_active(call, in->secret_id, &secret) ||
        !resource_policy_read(in->resource_policy, call->arena, &document, call->fail) ||
        !know_principals(call, document))
        return false;
    if (in->block_public_policy && resource_policy_is_public(document))
        return fail_api(call->fail, SECRETSMANAGER_ERROR_PUBLIC_POLICY_EXCEPTION,
                        "You can't attach a resource policy that allows broad access to the secret.");
    put_policy(call->tx, secret, in->resource_policy, document);
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    return true;
}

bool secretsmanager_get_resource_policy(struct call *call, const struct secretsmanager_get_resource_policy_request *in,
                                        struct secretsmanager_get_resource_policy_response *out)
{
    const struct secret_record *secret;

    if (!secret_find_active(call, in->secret_id, &secret))
        return false;
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    if (secret->policy_text.ptr != NULL)
        out->resource_policy =
            principal_ids_shown(call->tx, secret->policy_text, secret->policy, POLICY_RESOURCE, call->arena);
    return true;
}

bool secretsmanager_delete_resource_policy(struct call *call,
                                           const struct secretsmanager_delete_resource_policy_request *in,
                                           struct secretsmanager_delete_resource_policy_response *out)
{
    const struct secret_record *secret;

    if (!secret_find_active(call, in->secret_id, &secret))
        return false;
    put_policy(call->tx, secret, (struct str){NULL, 0}, NULL);
    out->arn = secret->secret->arn;
    out->name = secret->secret->name;
    return true;
}

bool secretsmanager_validate_resource_policy(struct call *call,
                                             const struct secretsmanager_validate_resource_policy_request *in,
                                             struct secretsmanager_validate_resource_policy_response *out)
{
    const struct secret_record *secret;
    struct policy_document *document;
    struct fail malformed;
    bool well_formed = resource_policy_read(in->resource_policy, call->arena, &document, &malformed);

    if (in->secret_id.ptr != NULL && !secret_find_active(call, in->secret_id, &secret))
        return false;
    out->validation_errors.items = arena_new(call->arena, struct secretsmanager_validation_errors_entry);
    if (!well_formed || resource_policy_is_public(document)) {
        out->validation_errors.items->check_name = well_formed ? STR("PublicPolicy") : STR("PolicySyntax");
        out->validation_errors.items->error_message =
            well_formed ? STR("The resource policy allows broad access to the secret.")
                        : arena_str(call->arena, str_of(malformed.message));
        out->validation_errors.count = 1;
    }
    SET(out, policy_validation_passed, out->validation_errors.count == 0);
    return true;
}
