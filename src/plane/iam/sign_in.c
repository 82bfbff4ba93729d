/* What people sign in with besides access keys: passwords, MFA devices, SSH keys, certificates, SAML. Berth has none of
 * it (there is no console), and what would make one is refused by name; so an account has none, which is what those who
 * tidy up after a user, or look whether there is any, are told. */
#include "plane/iam/operations.h"

/* A user that the request names has to be there. */
static bool check_user(const struct call *call, struct str name)
{
    const struct user_record *user;

    return name.ptr == NULL || user_find(call, name, &user);
}

#define LIST_OF_NONE(operation, list, user_name)                                                                       \
    bool iam_##operation(struct call *call, const struct iam_##operation##_request *in,                                \
                         struct iam_##operation##_response *out)                                                       \
    {                                                                                                                  \
        (void)in;                                                                                                      \
        if (!check_user(call, user_name))                                                                              \
            return false;                                                                                              \
        out->list.items = arena_alloc(call->arena, 0);                                                                 \
        SET(out, is_truncated, false);                                                                                 \
        return true;                                                                                                   \
    }

LIST_OF_NONE(list_mfa_devices, mfa_devices, in->user_name)
LIST_OF_NONE(list_virtual_mfa_devices, virtual_mfa_devices, ((struct str){NULL, 0}))
LIST_OF_NONE(list_ssh_public_keys, ssh_public_keys, in->user_name)
LIST_OF_NONE(list_signing_certificates, certificates, in->user_name)
LIST_OF_NONE(list_service_specific_credentials, service_specific_credentials, in->user_name)
LIST_OF_NONE(list_server_certificates, server_certificate_metadata_list, ((struct str){NULL, 0}))

bool iam_list_saml_providers(struct call *call, const struct iam_list_saml_providers_request *in,
                             struct iam_list_saml_providers_response *out)
{
    (void)in;
    out->saml_provider_list.items = arena_alloc(call->arena, 0);
    return true;
}

static bool no_login_profile(const struct call *call, struct str user_name)
{
    const struct user_record *user;

    return user_find_or_self(call, user_name, &user) &&
           fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "Login Profile for User %.*s cannot be found.",
                    STR_ARG(user->user->user_name));
}

bool iam_get_login_profile(struct call *call, const struct iam_get_login_profile_request *in,
                           struct iam_get_login_profile_response *out)
{
    (void)out;
    return no_login_profile(call, in->user_name);
}

bool iam_delete_login_profile(struct call *call, const struct iam_delete_login_profile_request *in, void *out)
{
    (void)out;
    return no_login_profile(call, in->user_name);
}

static bool no_password_policy(const struct call *call)
{
    return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION,
                    "The Password Policy with domain name %.*s cannot be found.", STR_ARG(call->principal->account));
}

bool iam_get_account_password_policy(struct call *call, const void *in,
                                     struct iam_get_account_password_policy_response *out)
{
    (void)in;
    (void)out;
    return no_password_policy(call);
}

bool iam_delete_account_password_policy(struct call *call, const void *in, void *out)
{
    (void)in;
    (void)out;
    return no_password_policy(call);
}
