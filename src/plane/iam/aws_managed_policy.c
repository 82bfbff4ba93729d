#include "plane/iam/aws_managed_policy.h"

#include "base/must.h"
#include "plane/iam/iam.h"
#include "plane/iam/managed_policy.h"

/* Those of service-linked roles are for nobody else. */
static bool is_attachable(const struct aws_managed_policy *policy)
{
    return !str_is(policy->path, "/aws-service-role/");
}

static void put(struct transaction *tx, const struct aws_managed_policy *source)
{
    struct iam_policy policy = {.policy_name = source->name,
                                .policy_id = source->id,
                                .arn = source->arn,
                                .path = source->path,
                                .default_version_id = arena_printf(tx->arena, "v%d", source->version)};
    struct managed_policy_record record = {.account_id = ACCOUNT_AWS, .policy = &policy};
    struct policy_version_record version = {.policy_id = source->id, .text = source->text};
    struct fail f;

    SET(&policy, is_attachable, is_attachable(source));
    SET(&policy, create_date, source->created_ms);
    SET(&policy, update_date, source->updated_ms);
    SET(&record, last_version, source->version);
    SET(&version, version, source->version);
    SET(&version, created_at, source->updated_ms);
    must(policy_read(source->text, POLICY_MANAGED, tx->arena, &record.document, &f));
    must(transaction_put(tx, &managed_policy_table, &record));
    must(transaction_put(tx, &policy_version_table, &version));
}

void aws_managed_policies_put(struct transaction *tx)
{
    for (size_t i = 0; i < aws_managed_policy_count; i++) {
        const struct managed_policy_record *known =
            transaction_get(tx, &managed_policy_table, aws_managed_policies[i].id);

        if (known == NULL || known->policy->update_date != aws_managed_policies[i].updated_ms)
            put(tx, &aws_managed_policies[i]);
    }
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    (void)key;
    aws_managed_policies_put(tx);
    return WHEN_NEVER;
}

const struct reconciler_spec aws_managed_policy_reconciler = {"aws_managed_policy", &account_table, reconcile};
