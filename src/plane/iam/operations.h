/* The handlers of IAM's operations, declared for the table in operations.c, and what many of them need. Core thread;
 * see core/call.h. */
#pragma once

#include "core/call.h"
#include "plane/iam/group.h"
#include "plane/iam/managed_policy.h"
#include "plane/iam/role.h"
#include "plane/iam/user.h"

#define IAM_HANDLER(name)                                                                                              \
    bool iam_##name(struct call *call, const struct iam_##name##_request *in, struct iam_##name##_response *out)
/* Of operations that answer nothing but success. */
#define IAM_HANDLER_SILENT(name) bool iam_##name(struct call *call, const struct iam_##name##_request *in, void *out)
/* Of operations that take nothing. */
#define IAM_HANDLER_BARE(name) bool iam_##name(struct call *call, const void *in, struct iam_##name##_response *out)

/* ---- finding, or failing with NoSuchEntity; names are of the caller's account ---- */

checked bool user_find(const struct call *call, struct str name, const struct user_record **ret_user);
checked bool group_find(const struct call *call, struct str name, const struct group_record **ret_group);
checked bool role_find(const struct call *call, struct str name, const struct role_record **ret_role);
/* The same for a change: a service-linked role is AWS's to change. */
checked bool role_find_own(const struct call *call, struct str name, const struct role_record **ret_role);
checked bool instance_profile_find(const struct call *call, struct str name,
                                   const struct instance_profile_record **ret_profile);
/* The caller's own policies and AWS's. */
checked bool managed_policy_find(const struct call *call, struct str arn,
                                 const struct managed_policy_record **ret_policy);
/* The same for a change: AWS's own are not the caller's to change. */
checked bool managed_policy_find_own(const struct call *call, struct str arn,
                                     const struct managed_policy_record **ret_policy);
/* A policy that can be attached, or be a boundary. */
checked bool managed_policy_find_attachable(const struct call *call, struct str arn,
                                            const struct managed_policy_record **ret_policy);
/* The user of that name; without one, the caller himself. */
checked bool user_find_or_self(const struct call *call, struct str name, const struct user_record **ret_user);

/* ---- rules ---- */

/* "Cannot exceed quota for `name`: max", when there are as many already. */
checked bool quota_check(size_t count, size_t max, const char *name, struct fail *f);
/* How many of the table's index "name" an account has. */
size_t entity_count(const struct call *call, const struct table_spec *table);
/* Reserved and doubled keys. */
checked bool iam_tags_check(const struct iam_tag_list_type *tags, struct fail *f);
/* What an answer shows of a boundary that a request names. */
checked bool boundary_make(const struct call *call, struct str policy_arn,
                           struct iam_attached_permissions_boundary **ret_boundary);
/* Quotas of documents do not count white space (IAM user guide, "IAM and AWS STS quotas"). */
size_t document_size(struct str text);
/* Documents go out as URLs write them (RFC 3986, section 2.1). */
struct str document_shown(struct arena *arena, struct str text);

/* ---- changing ---- */

/* Whether managed or inline policies hang on it: the DeleteConflict. */
checked bool holds_no_policies(const struct call *call, struct str principal_id);

/* Makes a role out of what a request says of it: name, path, document; the rest is filled. */
checked bool role_make(const struct call *call, struct iam_role *role, struct role_record *ret_record);
/* Deletes it, whatever hangs on it; its sessions end. */
void role_delete(const struct call *call, const struct role_record *role);

/* ---- how things are shown ---- */

struct iam_role role_shown(const struct call *call, const struct role_record *record);
struct iam_role role_listed(const struct call *call, const struct role_record *record);
struct iam_instance_profile instance_profile_shown(const struct call *call,
                                                   const struct instance_profile_record *record);

struct iam_policy managed_policy_shown(const struct call *call, const struct managed_policy_record *record);
/* Without its document. */
struct iam_policy_version policy_version_shown(const struct call *call, const struct managed_policy_record *policy,
                                               const struct policy_version_record *record);

/* ---- the handlers ---- */

IAM_HANDLER(create_user);
IAM_HANDLER(get_user);
IAM_HANDLER(list_users);
IAM_HANDLER_SILENT(update_user);
IAM_HANDLER_SILENT(delete_user);
IAM_HANDLER_SILENT(put_user_permissions_boundary);
IAM_HANDLER_SILENT(delete_user_permissions_boundary);
IAM_HANDLER(create_access_key);
IAM_HANDLER(list_access_keys);
IAM_HANDLER(get_access_key_last_used);
IAM_HANDLER_SILENT(update_access_key);
IAM_HANDLER_SILENT(delete_access_key);
IAM_HANDLER(create_group);
IAM_HANDLER(get_group);
IAM_HANDLER(list_groups);
IAM_HANDLER(list_groups_for_user);
IAM_HANDLER_SILENT(update_group);
IAM_HANDLER_SILENT(delete_group);
IAM_HANDLER_SILENT(add_user_to_group);
IAM_HANDLER_SILENT(remove_user_from_group);
IAM_HANDLER(create_role);
IAM_HANDLER(get_role);
IAM_HANDLER(list_roles);
IAM_HANDLER(update_role);
IAM_HANDLER(update_role_description);
IAM_HANDLER_SILENT(update_assume_role_policy);
IAM_HANDLER_SILENT(delete_role);
IAM_HANDLER_SILENT(put_role_permissions_boundary);
IAM_HANDLER_SILENT(delete_role_permissions_boundary);
IAM_HANDLER(create_instance_profile);
IAM_HANDLER(get_instance_profile);
IAM_HANDLER(list_instance_profiles);
IAM_HANDLER(list_instance_profiles_for_role);
IAM_HANDLER_SILENT(delete_instance_profile);
IAM_HANDLER_SILENT(add_role_to_instance_profile);
IAM_HANDLER_SILENT(remove_role_from_instance_profile);
IAM_HANDLER(create_policy);
IAM_HANDLER(get_policy);
IAM_HANDLER(list_policies);
IAM_HANDLER_SILENT(delete_policy);
IAM_HANDLER(create_policy_version);
IAM_HANDLER(get_policy_version);
IAM_HANDLER(list_policy_versions);
IAM_HANDLER(list_entities_for_policy);
IAM_HANDLER_SILENT(set_default_policy_version);
IAM_HANDLER_SILENT(delete_policy_version);

/* Of users, groups and roles alike. */
#define HOLDER_HANDLERS(holder)                                                                                        \
    IAM_HANDLER_SILENT(attach_##holder##_policy);                                                                      \
    IAM_HANDLER_SILENT(detach_##holder##_policy);                                                                      \
    IAM_HANDLER(list_attached_##holder##_policies);                                                                    \
    IAM_HANDLER_SILENT(put_##holder##_policy);                                                                         \
    IAM_HANDLER(get_##holder##_policy);                                                                                \
    IAM_HANDLER(list_##holder##_policies);                                                                             \
    IAM_HANDLER_SILENT(delete_##holder##_policy)

HOLDER_HANDLERS(user);
HOLDER_HANDLERS(group);
HOLDER_HANDLERS(role);

#define TAG_HANDLERS(kind)                                                                                             \
    IAM_HANDLER_SILENT(tag_##kind);                                                                                    \
    IAM_HANDLER_SILENT(untag_##kind);                                                                                  \
    IAM_HANDLER(list_##kind##_tags)

TAG_HANDLERS(user);
TAG_HANDLERS(role);
TAG_HANDLERS(policy);
TAG_HANDLERS(instance_profile);
TAG_HANDLERS(open_id_connect_provider);

IAM_HANDLER(create_service_linked_role);
IAM_HANDLER(delete_service_linked_role);
IAM_HANDLER(get_service_linked_role_deletion_status);
IAM_HANDLER(list_account_aliases);
IAM_HANDLER_SILENT(create_account_alias);
IAM_HANDLER_SILENT(delete_account_alias);
IAM_HANDLER_BARE(get_account_summary);
IAM_HANDLER(get_account_authorization_details);
IAM_HANDLER_BARE(generate_credential_report);
IAM_HANDLER_BARE(get_credential_report);
IAM_HANDLER(create_open_id_connect_provider);
IAM_HANDLER(get_open_id_connect_provider);
IAM_HANDLER(list_open_id_connect_providers);
IAM_HANDLER_SILENT(delete_open_id_connect_provider);
IAM_HANDLER_SILENT(add_client_id_to_open_id_connect_provider);
IAM_HANDLER_SILENT(remove_client_id_from_open_id_connect_provider);
IAM_HANDLER_SILENT(update_open_id_connect_provider_thumbprint);
/* What accounts never have. */
IAM_HANDLER(list_mfa_devices);
IAM_HANDLER(list_virtual_mfa_devices);
IAM_HANDLER(list_ssh_public_keys);
IAM_HANDLER(list_signing_certificates);
IAM_HANDLER(list_service_specific_credentials);
IAM_HANDLER(list_server_certificates);
IAM_HANDLER(list_saml_providers);
IAM_HANDLER(get_login_profile);
IAM_HANDLER_SILENT(delete_login_profile);
IAM_HANDLER_BARE(get_account_password_policy);
bool iam_delete_account_password_policy(struct call *call, const void *in, void *out);
bool iam_simulate_custom_policy(struct call *call, const struct iam_simulate_custom_policy_request *in,
                                struct iam_simulate_policy_response *out);
bool iam_simulate_principal_policy(struct call *call, const struct iam_simulate_principal_policy_request *in,
                                   struct iam_simulate_policy_response *out);
