/* GetAccountSummary: how many of each there are, and the quotas. */
#include "plane/iam/account.h"
#include "plane/iam/iam.h"
#include "plane/iam/oidc_provider.h"
#include "plane/iam/operations.h"

static int32_t count_own(const struct call *call, const struct table_spec *table)
{
    return (int32_t)entity_count(call, table);
}

static int32_t count_prefix(const struct call *call, const struct table_spec *table)
{
    struct walk walk = transaction_walk(call->tx, table, NULL, KEY_PREFIX(call->arena, call->principal->account));
    int32_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}

/* Of the account's own policies. */
static int32_t count_versions(const struct call *call)
{
    struct walk policies =
        transaction_walk(call->tx, &managed_policy_table, "name", KEY_PREFIX(call->arena, call->principal->account));
    const struct managed_policy_record *policy;
    int32_t count = 0;

    while ((policy = walk_next(&policies)) != NULL) {
        struct walk versions =
            transaction_walk(call->tx, &policy_version_table, NULL, KEY_PREFIX(call->arena, policy->policy->policy_id));

        while (walk_next(&versions) != NULL)
            count++;
    }
    return count;
}

bool iam_get_account_summary(struct call *call, const void *in, struct iam_get_account_summary_response *out)
{
    const struct iam_summary_map_type_entry rows[] = {
        {IAM_SUMMARY_KEY_TYPE_USERS, count_own(call, &user_table)},
        {IAM_SUMMARY_KEY_TYPE_USERS_QUOTA, 5000},
        {IAM_SUMMARY_KEY_TYPE_GROUPS, count_own(call, &group_table)},
        {IAM_SUMMARY_KEY_TYPE_GROUPS_QUOTA, 300},
        {IAM_SUMMARY_KEY_TYPE_ROLES, count_own(call, &role_table)},
        {IAM_SUMMARY_KEY_TYPE_ROLES_QUOTA, 1000},
        {IAM_SUMMARY_KEY_TYPE_INSTANCE_PROFILES, count_own(call, &instance_profile_table)},
        {IAM_SUMMARY_KEY_TYPE_INSTANCE_PROFILES_QUOTA, 1000},
        {IAM_SUMMARY_KEY_TYPE_POLICIES, count_own(call, &managed_policy_table)},
        {IAM_SUMMARY_KEY_TYPE_POLICIES_QUOTA, 1500},
        {IAM_SUMMARY_KEY_TYPE_POLICY_VERSIONS_IN_USE, count_versions(call)},
        {IAM_SUMMARY_KEY_TYPE_POLICY_VERSIONS_IN_USE_QUOTA, 10000},
        {IAM_SUMMARY_KEY_TYPE_VERSIONS_PER_POLICY_QUOTA, POLICY_VERSIONS_MAX},
        {IAM_SUMMARY_KEY_TYPE_POLICY_SIZE_QUOTA, 6144},
        {IAM_SUMMARY_KEY_TYPE_USER_POLICY_SIZE_QUOTA, 2048},
        {IAM_SUMMARY_KEY_TYPE_GROUP_POLICY_SIZE_QUOTA, 5120},
        {IAM_SUMMARY_KEY_TYPE_ROLE_POLICY_SIZE_QUOTA, 10240},
        {IAM_SUMMARY_KEY_TYPE_ASSUME_ROLE_POLICY_SIZE_QUOTA, 2048},
        {IAM_SUMMARY_KEY_TYPE_ATTACHED_POLICIES_PER_USER_QUOTA, 10},
        {IAM_SUMMARY_KEY_TYPE_ATTACHED_POLICIES_PER_GROUP_QUOTA, 10},
        {IAM_SUMMARY_KEY_TYPE_ATTACHED_POLICIES_PER_ROLE_QUOTA, 10},
        {IAM_SUMMARY_KEY_TYPE_GROUPS_PER_USER_QUOTA, 10},
        {IAM_SUMMARY_KEY_TYPE_ACCESS_KEYS_PER_USER_QUOTA, 2},
        {IAM_SUMMARY_KEY_TYPE_ACCOUNT_ACCESS_KEYS_PRESENT, iam_root_key(call->tx, call->principal->account) != NULL},
        {IAM_SUMMARY_KEY_TYPE_PROVIDERS, count_prefix(call, &oidc_provider_table)},
        {IAM_SUMMARY_KEY_TYPE_ACCOUNT_MFA_ENABLED, 0},
        {IAM_SUMMARY_KEY_TYPE_ACCOUNT_PASSWORD_PRESENT, 0},
        {IAM_SUMMARY_KEY_TYPE_ACCOUNT_SIGNING_CERTIFICATES_PRESENT, 0},
        {IAM_SUMMARY_KEY_TYPE_MFA_DEVICES, 0},
        {IAM_SUMMARY_KEY_TYPE_MFA_DEVICES_IN_USE, 0},
        {IAM_SUMMARY_KEY_TYPE_SERVER_CERTIFICATES, 0},
        {IAM_SUMMARY_KEY_TYPE_SERVER_CERTIFICATES_QUOTA, 0},
        {IAM_SUMMARY_KEY_TYPE_SIGNING_CERTIFICATES_PER_USER_QUOTA, 0},
        {IAM_SUMMARY_KEY_TYPE_GLOBAL_ENDPOINT_TOKEN_VERSION, 2},
    };

    (void)in;
    out->summary_map.items = arena_array(call->arena, struct iam_summary_map_type_entry, COUNT_OF(rows));
    memcpy(out->summary_map.items, rows, sizeof(rows));
    out->summary_map.count = COUNT_OF(rows);
    return true;
}
