/* The table of IAM operations: handler, IAM action, resource. An operation that is not here is refused by name: what
 * makes login profiles, MFA devices, SSH keys, certificates, SAML providers and service-specific credentials, access
 * advisor and delegation (there is no console to sign in to, and no organization). */
#include "plane/iam/operations.h"

#include "plane/iam/access.h"
#include "plane/iam/iam.h"
#include "plane/iam/oidc_provider.h"
#include "plane/iam/service_linked_role.h"

/* ---- resources: the ARN with the path that the entity has; under "/" when there is none of that name ---- */

static struct str user_resource(const struct call *call, struct str name)
{
    const struct user_record *user;

    if (name.ptr == NULL)
        return call->principal->arn;
    user = user_by_name(call->tx, call->principal->account, name);
    return user != NULL ? user->user->arn
                        : iam_arn(call->arena, call->principal->account, "user", (struct str){NULL, 0}, name);
}

static struct str group_resource(const struct call *call, struct str name)
{
    const struct group_record *group = group_by_name(call->tx, call->principal->account, name);

    return group != NULL ? group->group->arn
                         : iam_arn(call->arena, call->principal->account, "group", (struct str){NULL, 0}, name);
}

static struct str role_resource(const struct call *call, struct str name)
{
    const struct role_record *role = role_by_name(call->tx, call->principal->account, name);

    return role != NULL ? role->role->arn
                        : iam_arn(call->arena, call->principal->account, "role", (struct str){NULL, 0}, name);
}

static struct str profile_resource(const struct call *call, struct str name)
{
    const struct instance_profile_record *profile = instance_profile_by_name(call->tx, call->principal->account, name);

    return profile != NULL
               ? profile->instance_profile->arn
               : iam_arn(call->arena, call->principal->account, "instance-profile", (struct str){NULL, 0}, name);
}

static struct str arn_resource(const struct call *call, struct str arn)
{
    (void)call;
    return arn;
}

#define RESOURCE(operation, of, member)                                                                                \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return of(call, ((const struct iam_##operation##_request *)in)->member);                                       \
    }

#define NEW_RESOURCE(operation, kind, member)                                                                          \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct iam_##operation##_request *request = in;                                                          \
                                                                                                                       \
        return iam_arn(call->arena, call->principal->account, kind, request->path, request->member);                   \
    }

NEW_RESOURCE(create_user, "user", user_name)
NEW_RESOURCE(create_group, "group", group_name)
NEW_RESOURCE(create_role, "role", role_name)
NEW_RESOURCE(create_instance_profile, "instance-profile", instance_profile_name)
NEW_RESOURCE(create_policy, "policy", policy_name)

#define USER(operation)    RESOURCE(operation, user_resource, user_name)
#define GROUP(operation)   RESOURCE(operation, group_resource, group_name)
#define ROLE(operation)    RESOURCE(operation, role_resource, role_name)
#define PROFILE(operation) RESOURCE(operation, profile_resource, instance_profile_name)
#define POLICY(operation)  RESOURCE(operation, arn_resource, policy_arn)
#define OIDC(operation)    RESOURCE(operation, arn_resource, open_id_connect_provider_arn)

USER(get_user)
USER(update_user)
USER(delete_user)
USER(put_user_permissions_boundary)
USER(delete_user_permissions_boundary)
USER(create_access_key)
USER(list_access_keys)
USER(list_mfa_devices)
USER(list_ssh_public_keys)
USER(list_signing_certificates)
USER(list_service_specific_credentials)
USER(get_login_profile)
USER(delete_login_profile)
USER(update_access_key)
USER(delete_access_key)
USER(list_groups_for_user)
USER(tag_user)
USER(untag_user)
USER(list_user_tags)
GROUP(get_group)
GROUP(update_group)
GROUP(delete_group)
GROUP(add_user_to_group)
GROUP(remove_user_from_group)
ROLE(get_role)
ROLE(update_role)
ROLE(update_role_description)
ROLE(update_assume_role_policy)
ROLE(delete_role)
ROLE(put_role_permissions_boundary)
ROLE(delete_role_permissions_boundary)
ROLE(tag_role)
ROLE(untag_role)
ROLE(list_role_tags)
ROLE(list_instance_profiles_for_role)
ROLE(delete_service_linked_role)
PROFILE(get_instance_profile)
PROFILE(delete_instance_profile)
PROFILE(add_role_to_instance_profile)
PROFILE(remove_role_from_instance_profile)
PROFILE(tag_instance_profile)
PROFILE(untag_instance_profile)
PROFILE(list_instance_profile_tags)
POLICY(get_policy)
POLICY(delete_policy)
POLICY(create_policy_version)
POLICY(get_policy_version)
POLICY(list_policy_versions)
POLICY(set_default_policy_version)
POLICY(delete_policy_version)
POLICY(list_entities_for_policy)
POLICY(tag_policy)
POLICY(untag_policy)
POLICY(list_policy_tags)
OIDC(get_open_id_connect_provider)
OIDC(delete_open_id_connect_provider)
OIDC(add_client_id_to_open_id_connect_provider)
OIDC(remove_client_id_from_open_id_connect_provider)
OIDC(update_open_id_connect_provider_thumbprint)
OIDC(tag_open_id_connect_provider)
OIDC(untag_open_id_connect_provider)
OIDC(list_open_id_connect_provider_tags)

#define HOLDER(holder, of)                                                                                             \
    RESOURCE(attach_##holder##_policy, of, holder##_name)                                                              \
    RESOURCE(detach_##holder##_policy, of, holder##_name)                                                              \
    RESOURCE(list_attached_##holder##_policies, of, holder##_name)                                                     \
    RESOURCE(put_##holder##_policy, of, holder##_name)                                                                 \
    RESOURCE(get_##holder##_policy, of, holder##_name)                                                                 \
    RESOURCE(list_##holder##_policies, of, holder##_name)                                                              \
    RESOURCE(delete_##holder##_policy, of, holder##_name)

HOLDER(user, user_resource)
HOLDER(group, group_resource)
HOLDER(role, role_resource)

static struct str create_open_id_connect_provider_resource(const struct call *call, const void *in)
{
    struct str url = ((const struct iam_create_open_id_connect_provider_request *)in)->url;
    size_t slashes = str_search(url, STR("//"));

    return arena_printf(call->arena, "arn:aws:iam::%.*s:oidc-provider/%.*s", STR_ARG(call->principal->account),
                        STR_ARG(slashes < url.len ? str_from(url, slashes + 2) : url));
}

static struct str create_service_linked_role_resource(const struct call *call, const void *in)
{
    const struct iam_create_service_linked_role_request *request = in;

    return service_linked_role_arn(call, request->aws_service_name, request->custom_suffix);
}

static struct str simulate_principal_policy_resource(const struct call *call, const void *in)
{
    (void)call;
    return ((const struct iam_simulate_principal_policy_request *)in)->policy_source_arn;
}

/* Whatever runs with the profile gets the role. */
static void add_role_to_instance_profile_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct iam_add_role_to_instance_profile_request *request = in;

    asks_add(asks, "iam:AddRoleToInstanceProfile", profile_resource(call, request->instance_profile_name));
    asks_pass_role(asks, call, request->role_name, "ec2.amazonaws.com");
}

#define ROW(name, action)     OPERATION_GUARDED(iam, name, "iam:" action, name##_resource, NULL, NULL, &iam_access)
#define ROW_ANY(name, action) OPERATION_GUARDED(iam, name, "iam:" action, NULL, NULL, NULL, &iam_access)
#define ROWS_OF_HOLDER(holder, Holder)                                                                                 \
    ROW(attach_##holder##_policy, "Attach" Holder "Policy"), ROW(detach_##holder##_policy, "Detach" Holder "Policy"),  \
        ROW(list_attached_##holder##_policies, "ListAttached" Holder "Policies"),                                      \
        ROW(put_##holder##_policy, "Put" Holder "Policy"), ROW(get_##holder##_policy, "Get" Holder "Policy"),          \
        ROW(list_##holder##_policies, "List" Holder "Policies"),                                                       \
        ROW(delete_##holder##_policy, "Delete" Holder "Policy")
#define ROWS_OF_TAGS(kind, Kind)                                                                                       \
    ROW(tag_##kind, "Tag" Kind), ROW(untag_##kind, "Untag" Kind), ROW(list_##kind##_tags, "List" Kind "Tags")

const struct operation_spec iam_handlers[] = {
    ROW(create_user, "CreateUser"),
    ROW(get_user, "GetUser"),
    ROW_ANY(list_users, "ListUsers"),
    ROW(update_user, "UpdateUser"),
    ROW(delete_user, "DeleteUser"),
    ROW(put_user_permissions_boundary, "PutUserPermissionsBoundary"),
    ROW(delete_user_permissions_boundary, "DeleteUserPermissionsBoundary"),
    ROW(create_access_key, "CreateAccessKey"),
    ROW(list_access_keys, "ListAccessKeys"),
    ROW_ANY(get_access_key_last_used, "GetAccessKeyLastUsed"),
    ROW(update_access_key, "UpdateAccessKey"),
    ROW(delete_access_key, "DeleteAccessKey"),
    ROW(create_group, "CreateGroup"),
    ROW(get_group, "GetGroup"),
    ROW_ANY(list_groups, "ListGroups"),
    ROW(list_groups_for_user, "ListGroupsForUser"),
    ROW(update_group, "UpdateGroup"),
    ROW(delete_group, "DeleteGroup"),
    ROW(add_user_to_group, "AddUserToGroup"),
    ROW(remove_user_from_group, "RemoveUserFromGroup"),
    ROW(create_role, "CreateRole"),
    ROW(get_role, "GetRole"),
    ROW_ANY(list_roles, "ListRoles"),
    ROW(update_role, "UpdateRole"),
    ROW(update_role_description, "UpdateRoleDescription"),
    ROW(update_assume_role_policy, "UpdateAssumeRolePolicy"),
    ROW(delete_role, "DeleteRole"),
    ROW(put_role_permissions_boundary, "PutRolePermissionsBoundary"),
    ROW(delete_role_permissions_boundary, "DeleteRolePermissionsBoundary"),
    ROW(create_service_linked_role, "CreateServiceLinkedRole"),
    ROW(delete_service_linked_role, "DeleteServiceLinkedRole"),
    ROW_ANY(get_service_linked_role_deletion_status, "GetServiceLinkedRoleDeletionStatus"),
    ROW(create_instance_profile, "CreateInstanceProfile"),
    ROW(get_instance_profile, "GetInstanceProfile"),
    ROW_ANY(list_instance_profiles, "ListInstanceProfiles"),
    ROW(list_instance_profiles_for_role, "ListInstanceProfilesForRole"),
    ROW(delete_instance_profile, "DeleteInstanceProfile"),
    OPERATION_GUARDED(iam, add_role_to_instance_profile, "iam:AddRoleToInstanceProfile",
                      add_role_to_instance_profile_resource, NULL, add_role_to_instance_profile_asks, &iam_access),
    ROW(remove_role_from_instance_profile, "RemoveRoleFromInstanceProfile"),
    ROW(create_policy, "CreatePolicy"),
    ROW(get_policy, "GetPolicy"),
    ROW_ANY(list_policies, "ListPolicies"),
    ROW(delete_policy, "DeletePolicy"),
    ROW(create_policy_version, "CreatePolicyVersion"),
    ROW(get_policy_version, "GetPolicyVersion"),
    ROW(list_policy_versions, "ListPolicyVersions"),
    ROW(set_default_policy_version, "SetDefaultPolicyVersion"),
    ROW(delete_policy_version, "DeletePolicyVersion"),
    ROW(list_entities_for_policy, "ListEntitiesForPolicy"),
    ROWS_OF_HOLDER(user, "User"),
    ROWS_OF_HOLDER(group, "Group"),
    ROWS_OF_HOLDER(role, "Role"),
    ROWS_OF_TAGS(user, "User"),
    ROWS_OF_TAGS(role, "Role"),
    ROWS_OF_TAGS(policy, "Policy"),
    ROWS_OF_TAGS(instance_profile, "InstanceProfile"),
    ROWS_OF_TAGS(open_id_connect_provider, "OpenIDConnectProvider"),
    ROW_ANY(list_account_aliases, "ListAccountAliases"),
    ROW_ANY(create_account_alias, "CreateAccountAlias"),
    ROW_ANY(delete_account_alias, "DeleteAccountAlias"),
    ROW_ANY(get_account_summary, "GetAccountSummary"),
    ROW_ANY(get_account_authorization_details, "GetAccountAuthorizationDetails"),
    ROW_ANY(generate_credential_report, "GenerateCredentialReport"),
    ROW_ANY(get_credential_report, "GetCredentialReport"),
    ROW(create_open_id_connect_provider, "CreateOpenIDConnectProvider"),
    ROW(get_open_id_connect_provider, "GetOpenIDConnectProvider"),
    ROW_ANY(list_open_id_connect_providers, "ListOpenIDConnectProviders"),
    ROW(delete_open_id_connect_provider, "DeleteOpenIDConnectProvider"),
    ROW(add_client_id_to_open_id_connect_provider, "AddClientIDToOpenIDConnectProvider"),
    ROW(remove_client_id_from_open_id_connect_provider, "RemoveClientIDFromOpenIDConnectProvider"),
    ROW(update_open_id_connect_provider_thumbprint, "UpdateOpenIDConnectProviderThumbprint"),
    ROW(list_mfa_devices, "ListMFADevices"),
    ROW_ANY(list_virtual_mfa_devices, "ListVirtualMFADevices"),
    ROW(list_ssh_public_keys, "ListSSHPublicKeys"),
    ROW(list_signing_certificates, "ListSigningCertificates"),
    ROW(list_service_specific_credentials, "ListServiceSpecificCredentials"),
    ROW_ANY(list_server_certificates, "ListServerCertificates"),
    ROW_ANY(list_saml_providers, "ListSAMLProviders"),
    ROW(get_login_profile, "GetLoginProfile"),
    ROW(delete_login_profile, "DeleteLoginProfile"),
    ROW_ANY(get_account_password_policy, "GetAccountPasswordPolicy"),
    ROW_ANY(delete_account_password_policy, "DeleteAccountPasswordPolicy"),
    ROW_ANY(simulate_custom_policy, "SimulateCustomPolicy"),
    ROW(simulate_principal_policy, "SimulatePrincipalPolicy"),
};
const size_t iam_handler_count = COUNT_OF(iam_handlers);
