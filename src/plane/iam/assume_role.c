/* AssumeRole: a caller becomes a role for a time. Whether he may (his policies and the role's trust policy) has been
 * decided before; what is left are the rules of the session (STS API reference, "AssumeRole"; IAM user guide, "Session
 * tags in AWS STS", "Role chaining"). */
#include "plane/iam/assume_role.h"
#include "base/must.h"
#include "plane/iam/session_request.h"

/* The longest session of a role that was assumed with the session of another role. */
enum { SECONDS_DEFAULT = 3600, CHAINED_SECONDS_MAX = 3600 };

static bool check_caller(const struct call *call, const struct sts_assume_role_request *in)
{
    if (call->principal->kind == PRINCIPAL_ROOT && !call->settings->auth_open)
        return fail_status(call->fail, 403, "AccessDenied", "Roles may not be assumed by root accounts.");
    if (in->serial_number.ptr != NULL || in->token_code.ptr != NULL)
        return fail_status(call->fail, 403, "AccessDenied",
                           "MultiFactorAuthentication failed: Berth has no MFA devices; SerialNumber and TokenCode are "
                           "refused.");
    if (in->provided_contexts.count > 0)
        return fail_api(call->fail, "ValidationError", "Berth has no context providers; ProvidedContexts is refused.");
    return true;
}

bool role_session_seconds(const struct call *call, const struct role_record *role, bool is_chained, int32_t asked,
                          int32_t *ret_seconds)
{
    int32_t seconds = asked == 0 ? SECONDS_DEFAULT : asked;

    if (is_chained && seconds > CHAINED_SECONDS_MAX)
        return fail_api(call->fail, "ValidationError",
                        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
                        "chaining");
    if (seconds > role->role->max_session_duration)
        return fail_api(call->fail, "ValidationError",
                        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    *ret_seconds = seconds;
    return true;
}

/* Whoever began a chain of roles under a name keeps it. */
static bool choose_source_identity(const struct call *call, struct str asked, const struct session_detail *from,
                                   struct session_detail *session)
{
    bool has = from != NULL && from->source_identity.ptr != NULL;

    if (has && asked.ptr != NULL && !str_eq(asked, from->source_identity))
        return fail_status(call->fail, 403, "AccessDenied",
                           "The source identity '%.*s' of the calling session cannot be changed to '%.*s'.",
                           STR_ARG(from->source_identity), STR_ARG(asked));
    session->source_identity = has ? from->source_identity : asked;
    return true;
}

struct access_key_record role_session_make(const struct call *call, const struct role_record *role,
                                           const struct session_detail *session, int32_t seconds)
{
    struct session_detail detail = *session;
    struct access_key_record of = {
        .account_id = role->account_id,
        .kind = ACCESS_KEY_KIND_SESSION,
        .owner_id = role->role->role_id,
        .principal_arn = assumed_role_arn(call->arena, role->account_id, role->role->arn, session->session_name),
        .user_id = arena_printf(call->arena, "%.*s:%.*s", STR_ARG(role->role->role_id), STR_ARG(session->session_name)),
        .session = &detail,
    };

    detail.role_arn = role->role->arn;
    return session_make(call->tx, &of, seconds);
}

struct sts_assumed_role_user *assumed_role_user(struct arena *arena, const struct access_key_record *key)
{
    struct sts_assumed_role_user *user = arena_new(arena, struct sts_assumed_role_user);

    user->arn = key->principal_arn;
    user->assumed_role_id = key->user_id;
    return user;
}

bool sts_assume_role(struct call *call, const struct sts_assume_role_request *in, struct sts_assume_role_response *out)
{
    const struct role_record *role = role_by_arn(call->tx, in->role_arn);
    const struct access_key_record *caller = iam_key_of(call->tx, call->principal);
    const struct session_detail *from = caller == NULL ? NULL : caller->session;
    struct session_policy_request policies = {in->policy, &in->policy_arns, .account = call->principal->account};
    struct session_detail session = {.session_name = in->role_session_name};
    struct access_key_record key;
    int32_t seconds;

    if (!check_caller(call, in))
        return false;
    if (role == NULL)
        return fail_status(call->fail, 403, "AccessDenied",
                           "User: %.*s is not authorized to perform: sts:AssumeRole on resource: %.*s",
                           STR_ARG(call->principal->arn), STR_ARG(in->role_arn));
    policies.account = role->account_id;
    if (!role_session_seconds(call, role, call->principal->kind == PRINCIPAL_SESSION, in->duration_seconds, &seconds) ||
        !session_policies_read(call, &policies, &session.policies) ||
        !session_tags_read(call, &in->tags, &in->transitive_tag_keys, from, &session) ||
        !choose_source_identity(call, in->source_identity, from, &session))
        return false;
    key = role_session_make(call, role, &session, seconds);
    out->credentials = session_credentials(call->arena, &key);
    out->assumed_role_user = assumed_role_user(call->arena, &key);
    out->source_identity = session.source_identity;
    if (session_packed_percent(&policies, &in->tags) > 0)
        SET(out, packed_policy_size, session_packed_percent(&policies, &in->tags));
    return true;
}
