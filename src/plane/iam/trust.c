#include "plane/iam/trust.h"

#include "plane/iam/operations.h"

enum { TRUST_SIZE_MAX = 2048 }; /* IAM user guide, "IAM and AWS STS quotas", ACLSizePerRole */

/* ARNs of users and roles of an account that lives here must be of ones that exist; all other forms (account, root,
 * session, user of an account elsewhere) are taken as they are. */
static bool principal_exists(const struct call *call, struct str value)
{
    struct arn_parts parts;
    const struct user_record *user;

    if (!arn_split(value, &parts))
        return true;
    if (str_is(parts.kind, "role"))
        return role_by_arn(call->tx, value) != NULL;
    if (!str_is(parts.kind, "user"))
        return true;
    user = user_by_name(call->tx, parts.account, parts.name);
    return user != NULL && str_eq(user->user->arn, value);
}

static bool check_principals(const struct call *call, const struct policy_document *document)
{
    for (size_t i = 0; i < document->statements.count; i++) {
        const struct policy_principals *principals = &document->statements.items[i].principals;

        for (size_t k = 0; k < principals->count; k++)
            if (principals->items[k].type == POLICY_PRINCIPAL_TYPE_AWS &&
                !principal_exists(call, principals->items[k].value))
                return fail_api(call->fail, IAM_ERROR_MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                                "Invalid principal in policy: \"AWS\":\"%.*s\"", STR_ARG(principals->items[k].value));
    }
    return true;
}

bool trust_read(const struct call *call, struct str text, struct policy_document **ret_document)
{
    if (document_size(text) > TRUST_SIZE_MAX)
        return fail_api(call->fail, IAM_ERROR_LIMIT_EXCEEDED_EXCEPTION, "Cannot exceed quota for ACLSizePerRole: %d",
                        TRUST_SIZE_MAX);
    return policy_read(text, POLICY_TRUST, call->arena, ret_document, call->fail) &&
           check_principals(call, *ret_document);
}
