#include "model/gen/sts.h"
#include "plane/iam/session.h"

static bool sts_get_caller_identity(struct call *call, const struct sts_get_caller_identity_request *in,
                                    struct sts_get_caller_identity_response *out)
{
    (void)in;
    out->account = call->principal->account;
    out->arn = call->principal->arn;
    out->user_id = call->principal->user_id;
    return true;
}

/* STS API reference, GetSessionToken, DurationSeconds: an hour at most for the root of an account. */
enum { SESSION_SECONDS_DEFAULT = 3600 };

static bool sts_get_session_token(struct call *call, const struct sts_get_session_token_request *in,
                                  struct sts_get_session_token_response *out)
{
    int32_t seconds = in->has_duration_seconds && in->duration_seconds < SESSION_SECONDS_DEFAULT
                          ? in->duration_seconds
                          : SESSION_SECONDS_DEFAULT;
    struct sts_credentials *credentials = arena_new(call->arena, struct sts_credentials);
    struct access_key_record of = {.account_id = call->principal->account,
                                   .kind = ACCESS_KEY_KIND_ROOT_SESSION,
                                   .principal_arn = call->principal->arn,
                                   .user_id = call->principal->user_id};
    struct access_key_record key;

    if (str_starts(call->principal->access_key, STR("ASIA")))
        return fail_api(call->fail, "AccessDenied", "Cannot call GetSessionToken with session credentials");
    if (in->serial_number.ptr != NULL || in->token_code.ptr != NULL)
        return fail_api(call->fail, "AccessDenied", "Berth has no MFA devices; SerialNumber and TokenCode are refused");
    key = session_make(call->tx, &of, seconds);
    credentials->access_key_id = key.access_key_id;
    credentials->secret_access_key = key.secret;
    credentials->session_token = key.session_token;
    SET(credentials, expiration, key.expires_at);
    out->credentials = credentials;
    return true;
}

const struct operation_spec sts_handlers[] = {
    OPERATION(sts, get_caller_identity, NULL, NULL),
    OPERATION(sts, get_session_token, "sts:GetSessionToken", NULL),
};
const size_t sts_handler_count = COUNT_OF(sts_handlers);
