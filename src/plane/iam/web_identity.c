#include "plane/iam/web_identity.h"

#include "plane/iam/assume_role.h"
#include "plane/iam/jwt.h"
#include "plane/iam/oidc_provider.h"
#include "plane/iam/session_request.h"

/* What a trust policy may ask about (IAM user guide, "Available keys for AWS OIDC federation"): keys of the provider
 * are its URL, a colon and the claim. */
struct identity {
    const struct call *call;
    const struct oidc_provider_record *provider;
    struct str provider_arn, session_name;
    struct jwt jwt;
};

static bool invalid_token(const struct call *call, const char *why)
{
    return fail_api(call->fail, STS_ERROR_INVALID_IDENTITY_TOKEN_EXCEPTION, "%s", why);
}

static bool not_authorized(const struct call *call)
{
    return fail_status(call->fail, 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
}

/* ---- the token ---- */

static bool check_times(const struct call *call, const struct jwt *jwt)
{
    int64_t now_s = call->tx->now_ms / SECOND_MS;

    if (jwt->expires_s <= now_s)
        return fail_api(call->fail, STS_ERROR_EXPIRED_TOKEN_EXCEPTION,
                        "Token expired: current date/time %lld must be before the expiration date/time %lld",
                        (long long)now_s, (long long)jwt->expires_s);
    if (jwt->not_before_s > now_s)
        return invalid_token(call, "The ID Token provided is not yet valid.");
    return true;
}

/* Where a token names the party that it was given out to, that one has to be known (OpenID Connect Core,
 * section 3.1.3.7); otherwise one of those that it is meant for. */
static bool has_known_client(const struct identity *identity)
{
    const struct iam_client_id_list_type *known = &identity->provider->client_ids;

    if (identity->jwt.authorized_party.ptr != NULL)
        return str_is_among(identity->jwt.authorized_party, known->items, known->count);
    for (size_t i = 0; i < identity->jwt.audience_count; i++)
        if (str_is_among(identity->jwt.audiences[i], known->items, known->count))
            return true;
    return false;
}

static bool check_signature(const struct identity *identity)
{
    const struct call *call = identity->call;
    struct fail why;

    if (identity->provider->key_set.ptr == NULL)
        return fail_api(call->fail, STS_ERROR_IDP_COMMUNICATION_ERROR_EXCEPTION,
                        "The verification keys of %.*s have not been fetched: the provider did not answer yet.",
                        STR_ARG(identity->provider->url));
    if (jwt_verify(&identity->jwt, identity->provider->key_set, call->arena, &why))
        return true;
    return fail_api(call->fail, STS_ERROR_INVALID_IDENTITY_TOKEN_EXCEPTION,
                    "The ID Token provided could not be verified: %s.", why.message);
}

static bool read_token(const struct call *call, struct str token, const struct role_record *role,
                       struct identity *identity)
{
    struct fail why;

    if (!jwt_read(token, call->arena, &identity->jwt, &why))
        return invalid_token(call, "The ID Token provided is not a valid JWT. (You may see this error if you sent an "
                                   "Access Token)");
    identity->provider = oidc_provider_of_issuer(call->tx, role->account_id, identity->jwt.issuer);
    if (identity->provider == NULL)
        return fail_api(call->fail, STS_ERROR_INVALID_IDENTITY_TOKEN_EXCEPTION,
                        "No OpenIDConnect provider found in your account for %.*s", STR_ARG(identity->jwt.issuer));
    identity->provider_arn = oidc_provider_arn(call->arena, identity->provider);
    if (!check_signature(identity) || !check_times(call, &identity->jwt))
        return false;
    return has_known_client(identity) || invalid_token(call, "Incorrect token audience");
}

/* ---- the trust policy ---- */

static struct policy_values one_value(const struct call *call, struct str value)
{
    struct str *item = arena_new(call->arena, struct str);

    *item = value;
    return (struct policy_values){item, 1};
}

/* The claim behind "id.example.com/eks:", or a global key. */
static bool find_key(const void *context, struct str key, struct policy_values *ret_values)
{
    const struct identity *identity = context;
    const struct call *call = identity->call;
    struct str url = identity->provider->url;

    if (key.len > url.len + 1 && str_eq_nocase(str_to(key, url.len), url) && key.ptr[url.len] == ':') {
        struct str claim = str_from(key, url.len + 1);

        if (str_is(claim, "aud")) {
            *ret_values = (struct policy_values){identity->jwt.audiences, identity->jwt.audience_count};
            return true;
        }
        *ret_values = one_value(call, str_is(claim, "sub") ? identity->jwt.subject : identity->jwt.authorized_party);
        return str_is(claim, "sub") || (str_is(claim, "azp") && identity->jwt.authorized_party.ptr != NULL);
    }
    if (str_eq_nocase(key, STR("aws:FederatedProvider")))
        *ret_values = one_value(call, identity->provider_arn);
    else if (str_eq_nocase(key, STR("aws:SourceIp")))
        *ret_values = one_value(call, call->source_ip);
    else if (str_eq_nocase(key, STR("aws:CurrentTime")))
        *ret_values = one_value(call, when_to_iso8601(call->arena, call->tx->now_ms));
    else if (str_eq_nocase(key, STR("sts:RoleSessionName")))
        *ret_values = one_value(call, identity->session_name);
    else
        return false;
    return true;
}

static bool is_trusted(const struct identity *identity, const struct role_record *role)
{
    const struct policy_caller caller = {.federated = identity->provider_arn};
    const struct policy_named trust = {role->role->arn, role->trust};
    const struct policy_question question = {.caller = &caller,
                                             .action = STR("sts:AssumeRoleWithWebIdentity"),
                                             .resource = role->role->arn,
                                             .resource_account = role->account_id,
                                             .key = find_key,
                                             .context = identity};

    return policy_decide_trust(&question, &trust).verdict == POLICY_ALLOW;
}

/* ---- the operation ---- */

bool sts_assume_role_with_web_identity(struct call *call, const struct sts_assume_role_with_web_identity_request *in,
                                       struct sts_assume_role_with_web_identity_response *out)
{
    const struct role_record *role = role_by_arn(call->tx, in->role_arn);
    struct session_policy_request policies = {in->policy, &in->policy_arns, .account = STR("")};
    struct session_detail session = {.session_name = in->role_session_name};
    struct identity identity = {.call = call, .session_name = in->role_session_name};
    struct access_key_record key;
    int32_t seconds;

    if (in->provider_id.ptr != NULL)
        return fail_api(call->fail, "ValidationError",
                        "ProviderId names an OAuth 2.0 provider, which Berth has none of; OpenID Connect tokens go "
                        "without it.");
    if (role == NULL)
        return not_authorized(call);
    policies.account = role->account_id;
    if (!read_token(call, in->web_identity_token, role, &identity))
        return false;
    if (!is_trusted(&identity, role))
        return not_authorized(call);
    if (!role_session_seconds(call, role, /* is_chained= */ false, in->duration_seconds, &seconds) ||
        !session_policies_read(call, &policies, &session.policies))
        return false;
    session.federated_provider = identity.provider_arn;
    key = role_session_make(call, role, &session, seconds);
    out->credentials = session_credentials(call->arena, &key);
    out->assumed_role_user = assumed_role_user(call->arena, &key);
    out->provider = identity.provider_arn;
    out->subject_from_web_identity_token = identity.jwt.subject;
    out->audience = identity.jwt.audience_count > 0 ? identity.jwt.audiences[0] : identity.jwt.authorized_party;
    return true;
}
