#include "plane/iam/trust.h"

#include "plane/iam/operations.h"
#include "plane/iam/principal_ids.h"

enum { TRUST_SIZE_MAX = 2048 }; /* IAM user guide, "IAM and AWS STS quotas", ACLSizePerRole */

bool trust_read(const struct call *call, struct str text, struct policy_document **ret_document)
{
    struct str unknown;

    if (document_size(text) > TRUST_SIZE_MAX)
        return fail_api(call->fail, IAM_ERROR_LIMIT_EXCEEDED_EXCEPTION, "Cannot exceed quota for ACLSizePerRole: %d",
                        TRUST_SIZE_MAX);
    if (!policy_read(text, POLICY_TRUST, call->arena, ret_document, call->fail))
        return false;
    return principal_ids_put(call->tx, *ret_document, &unknown) ||
           fail_api(call->fail, IAM_ERROR_MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                    "Invalid principal in policy: \"AWS\":\"%.*s\"", STR_ARG(unknown));
}
