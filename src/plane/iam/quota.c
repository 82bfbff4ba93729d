/* IAM's quotas, in its words (IAM user guide, "IAM and AWS STS quotas"). */
#include "plane/iam/operations.h"

bool quota_check(size_t count, size_t max, const char *name, struct fail *f)
{
    if (count < max)
        return true;
    return fail_api(f, IAM_ERROR_LIMIT_EXCEEDED_EXCEPTION, "Cannot exceed quota for %s: %zu", name, max);
}

size_t entity_count(const struct call *call, const struct table_spec *table)
{
    struct walk walk = transaction_walk(call->tx, table, "name", KEY_PREFIX(call->arena, call->principal->account));
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}
