/* The operations of STS but those that assume roles. */
#include "base/must.h"
#include "plane/iam/access.h"
#include "plane/iam/assume_role.h"
#include "plane/iam/authorization_message.h"
#include "plane/iam/authorize.h"
#include "plane/iam/operations.h"
#include "plane/iam/session_request.h"
#include "plane/iam/web_identity.h"

/* STS API reference, "GetSessionToken", "GetFederationToken", DurationSeconds: twelve hours unless asked; for the root
 * of an account an hour at most. */
enum { SECONDS_DEFAULT = 43200, ROOT_SECONDS_MAX = 3600 };

static bool sts_get_caller_identity(struct call *call, const struct sts_get_caller_identity_request *in,
                                    struct sts_get_caller_identity_response *out)
{
    (void)in;
    out->account = call->principal->account;
    out->arn = call->principal->arn;
    out->user_id = call->principal->user_id;
    return true;
}

static int32_t seconds_of(const struct call *call, bool has_seconds, int32_t seconds)
{
    int32_t chosen = has_seconds ? seconds : SECONDS_DEFAULT;

    return call->principal->kind == PRINCIPAL_ROOT && chosen > ROOT_SECONDS_MAX ? ROOT_SECONDS_MAX : chosen;
}

/* Only long-term keys get these tokens. */
static bool check_caller(const struct call *call, const struct access_key_record *key, const char *operation)
{
    if ((key != NULL && key->session_token.ptr != NULL) || call->principal->kind == PRINCIPAL_SESSION)
        return fail_status(call->fail, 403, "AccessDenied", "Cannot call %s with session credentials", operation);
    return true;
}

static bool sts_get_session_token(struct call *call, const struct sts_get_session_token_request *in,
                                  struct sts_get_session_token_response *out)
{
    const struct access_key_record *caller = iam_key_of(call->tx, call->principal);
    struct access_key_record key = {.account_id = call->principal->account,
                                    .kind = ACCESS_KEY_KIND_ROOT_SESSION,
                                    .principal_arn = call->principal->arn,
                                    .user_id = call->principal->user_id};

    if (!check_caller(call, caller, "GetSessionToken") || !SESSION_TOKEN_SIZE_CHECK(call, in))
        return false;
    if (in->serial_number.ptr != NULL || in->token_code.ptr != NULL)
        return fail_status(call->fail, 403, "AccessDenied",
                           "Berth has no MFA devices; SerialNumber and TokenCode are refused");
    if (call->principal->kind == PRINCIPAL_USER) {
        key.kind = ACCESS_KEY_KIND_USER_SESSION;
        key.owner_id = caller->owner_id;
        key.parent_key_id = caller->access_key_id;
    }
    key = session_make(call->tx, &key, seconds_of(call, in->has_duration_seconds, in->duration_seconds));
    out->credentials = session_credentials(call->arena, &key);
    return true;
}

static bool sts_get_federation_token(struct call *call, const struct sts_get_federation_token_request *in,
                                     struct sts_get_federation_token_response *out)
{
    const struct access_key_record *caller = iam_key_of(call->tx, call->principal);
    struct session_policy_request policies = {in->policy, &in->policy_arns, call->principal->account};
    struct session_detail session = {.session_name = in->name};
    struct access_key_record key = {
        .account_id = call->principal->account, .kind = ACCESS_KEY_KIND_FEDERATED, .session = &session};

    if (!check_caller(call, caller, "GetFederationToken") || !SESSION_TOKEN_SIZE_CHECK(call, in) ||
        !session_policies_read(call, &policies, &session.policies) ||
        !session_tags_read(call, &in->tags, &(struct sts_tag_key_list_type){NULL, 0}, /* from= */ NULL, &session))
        return false;
    if (session.policies.items == NULL) /* then nothing but resource policies allows anything */
        session.policies.items = arena_array(call->arena, struct session_policy, 0);
    if (call->principal->kind == PRINCIPAL_USER) {
        key.owner_id = caller->owner_id;
        key.parent_key_id = caller->access_key_id;
    }
    key.principal_arn = arena_printf(call->arena, "arn:aws:sts::%.*s:federated-user/%.*s",
                                     STR_ARG(call->principal->account), STR_ARG(in->name));
    key.user_id = arena_printf(call->arena, "%.*s:%.*s", STR_ARG(call->principal->account), STR_ARG(in->name));
    key = session_make(call->tx, &key, seconds_of(call, in->has_duration_seconds, in->duration_seconds));
    out->credentials = session_credentials(call->arena, &key);
    out->federated_user = arena_new(call->arena, struct sts_federated_user);
    out->federated_user->arn = key.principal_arn;
    out->federated_user->federated_user_id = key.user_id;
    if (session_packed_percent(&policies, &in->tags) > 0)
        SET(out, packed_policy_size, session_packed_percent(&policies, &in->tags));
    return true;
}

static bool sts_get_access_key_info(struct call *call, const struct sts_get_access_key_info_request *in,
                                    struct sts_get_access_key_info_response *out)
{
    const struct access_key_record *key = transaction_get(call->tx, &access_key_table, in->access_key_id);

    if (key == NULL)
        return fail_api(call->fail, "ValidationError", "Invalid Access Key ID: %.*s", STR_ARG(in->access_key_id));
    out->account = key->account_id;
    return true;
}

/* ---- who may assume a role: his policies and the role's trust policy ---- */

static struct str assume_role_resource(const struct call *call, const void *in)
{
    (void)call;
    return ((const struct sts_assume_role_request *)in)->role_arn;
}

static const struct policy_document *trust_of(const struct call *call, struct str role_arn)
{
    const struct role_record *role = role_by_arn(call->tx, role_arn);

    return role == NULL ? NULL : role->trust;
}

/* Tags and source identity are permissions of their own (IAM user guide, "Session tags in AWS STS", "Monitor and
 * control actions taken with assumed roles"). */
static void assume_role_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct sts_assume_role_request *request = in;

    (void)call;
    asks_add(asks, "sts:AssumeRole", request->role_arn);
    if (request->tags.count > 0)
        asks_add(asks, "sts:TagSession", request->role_arn);
    if (request->source_identity.ptr != NULL)
        asks_add(asks, "sts:SetSourceIdentity", request->role_arn);
}

static const struct condition_key assume_role_keys[] = {
    {"sts:ExternalId", "ExternalId", NULL},
    {"sts:RoleSessionName", "RoleSessionName", NULL},
    {"sts:SourceIdentity", "SourceIdentity", NULL},
};
static const struct condition_list assume_role_lists[] = {{"sts:TransitiveTagKeys", "TransitiveTagKeys", NULL}};
static const struct access_spec assume_role_access = {.lists = assume_role_lists,
                                                      .list_count = COUNT_OF(assume_role_lists),
                                                      .keys = assume_role_keys,
                                                      .key_count = COUNT_OF(assume_role_keys),
                                                      .tag = iam_tag_of,
                                                      .policy = trust_of,
                                                      .policy_must_allow = true};

const struct operation_spec sts_handlers[] = {
    OPERATION(sts, get_caller_identity, NULL, NULL), /* nobody needs a permission (STS API reference) */
    OPERATION_GUARDED(sts, assume_role, "sts:AssumeRole", assume_role_resource, NULL, assume_role_asks,
                      &assume_role_access),
    OPERATION(sts, assume_role_with_web_identity, NULL, NULL), /* the token is who asks; the role's trust decides */
    OPERATION(sts, decode_authorization_message, "sts:DecodeAuthorizationMessage", NULL),
    OPERATION(sts, get_session_token, "sts:GetSessionToken", NULL),
    OPERATION(sts, get_federation_token, "sts:GetFederationToken", NULL),
    OPERATION(sts, get_access_key_info, "sts:GetAccessKeyInfo", NULL),
};
const size_t sts_handler_count = COUNT_OF(sts_handlers);
