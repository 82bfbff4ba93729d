#include "model/gen/sts.h"
#include "plane/iam/iam.h"

static bool sts_get_caller_identity(struct call *call, const struct sts_get_caller_identity_request *in,
                                    struct sts_get_caller_identity_response *out)
{
    (void)in;
    out->account = call->principal->account;
    out->arn = call->principal->arn;
    out->user_id = call->principal->user_id;
    return true;
}

const struct operation_spec sts_handlers[] = {
    OPERATION(sts, get_caller_identity, "sts:GetCallerIdentity", NULL),
};
const size_t sts_handler_count = COUNT_OF(sts_handlers);
