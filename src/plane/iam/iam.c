#include "plane/iam/iam.h"

#include "base/must.h"
#include "plane/iam/access_key.h"
#include "plane/iam/account.h"
#include "plane/iam/aws_managed_policy.h"
#include "plane/iam/group.h"
#include "plane/iam/managed_policy.h"
#include "plane/iam/oidc_provider.h"
#include "plane/iam/principal_policy.h"
#include "plane/iam/role.h"
#include "plane/iam/service_linked_role.h"
#include "plane/iam/user.h"

/* ---- tables ---- */

static void account_key(const void *record, struct buf *key)
{
    const struct account_record *account = record;

    key_add(key, account->account_id);
    key_add(key, account->region);
}

const struct table_spec account_table = {.name = "account", .shape = &account_record_shape, .key = account_key};

/* ---- accounts and their root keys ---- */

const struct access_key_record *iam_root_key(const struct transaction *tx, struct str account)
{
    struct walk walk = transaction_walk(tx, &access_key_table, "root", KEY_PREFIX(tx->arena, account));

    return walk_next(&walk);
}

void iam_root_key_put(struct transaction *tx, const struct access_key_record *key)
{
    const struct access_key_record *before = iam_root_key(tx, key->account_id);

    if (before != NULL && !str_eq(before->access_key_id, key->access_key_id))
        transaction_delete(tx, &access_key_table, before->access_key_id);
    (void)transaction_put(tx, &access_key_table, key);
}

static void root_key_make(struct transaction *tx, struct str account)
{
    struct access_key_record key = {
        .access_key_id = iam_id_new(tx, "AKIA", ACCESS_KEY_ID_LEN),
        .account_id = account,
        .secret = iam_secret_new(tx, SECRET_KEY_LEN),
        .kind = ACCESS_KEY_KIND_ROOT,
        .principal_arn = arena_printf(tx->arena, "arn:aws:iam::%.*s:root", STR_ARG(account)),
        .user_id = account,
    };

    SET(&key, created_at, tx->now_ms);
    (void)transaction_put(tx, &access_key_table, &key);
}

static void seed(struct transaction *tx, struct str account, struct str region)
{
    struct account_record record = {.account_id = account, .region = region};

    SET(&record, created_at, tx->now_ms);
    (void)transaction_put(tx, &account_table, &record);
    if (iam_root_key(tx, account) == NULL)
        root_key_make(tx, account);
    aws_managed_policies_put(tx);
}

void iam_home_ensure(struct transaction *tx, struct str account, struct str region)
{
    if (transaction_get(tx, &account_table, KEY(tx->arena, account, region)) == NULL)
        transaction_seed(tx, account, region);
}

/* ---- the domain ---- */

static const struct table_spec *const tables[] = {
    &account_table,       &account_alias_table,    &access_key_table,     &last_use_table,
    &user_table,          &membership_table,       &group_table,          &role_table,
    &role_deletion_table, &instance_profile_table, &managed_policy_table, &policy_version_table,
    &attachment_table,    &inline_policy_table,    &oidc_provider_table,  &credential_report_table,
};
static const struct reconciler_spec *const reconcilers[] = {&access_key_reconciler, &aws_managed_policy_reconciler,
                                                            &oidc_provider_reconciler, &role_deletion_reconciler};
static const struct dirties_spec dirties[] = {{&access_key_table, access_key_mark},
                                              {&oidc_provider_table, oidc_provider_mark},
                                              {&role_deletion_table, role_deletion_mark}};

const struct domain_spec iam_domain = {
    .name = "iam",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
    .seed = seed,
};
