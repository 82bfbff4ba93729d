/* Resource policies of CloudWatch Logs: kept as their text, one decision over all of an account and region ("Resource
 * policies", CloudWatch Logs user guide). They let services in; calls of users are decided by IAM's policies. */
#include "base/must.h"
#include "plane/iam/policy.h"
#include "plane/logs/operations.h"

/* "CloudWatch Logs quotas". */
enum { RESOURCE_POLICIES_MAX = 10, DOCUMENT_BYTES_MAX = 5120, DESCRIBE_LIMIT_DEFAULT = 50 };

static void resource_policy_key(const void *record, struct buf *key)
{
    const struct resource_policy_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->policy->policy_name);
}

const struct table_spec logs_resource_policy_table = {
    .name = "logs_resource_policy", .shape = &resource_policy_record_shape, .key = resource_policy_key};

/* ---- the decision ---- */

struct source {
    struct str account, arn;
};

static bool source_key(const void *context, struct str key, struct policy_values *ret_values)
{
    const struct source *source = context;
    const struct str *value = str_eq_nocase(key, STR("aws:SourceAccount")) ? &source->account
                              : str_eq_nocase(key, STR("aws:SourceArn"))   ? &source->arn
                                                                           : NULL;

    if (value == NULL)
        return false;
    *ret_values = (struct policy_values){value, 1};
    return true;
}

static enum policy_verdict decide(const struct resource_policy_record *record, const struct policy_question *question)
{
    struct policy_document *document;
    struct policy_named named;
    struct policies policies = {.resource = {&named, 1, true}};
    struct arena arena;
    struct fail f;
    enum policy_verdict verdict = POLICY_IMPLICIT_DENY;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (policy_read(record->policy->policy_document, POLICY_RESOURCE, &arena, &document, &f)) {
        named = (struct policy_named){record->policy->policy_name, document};
        verdict = policy_decide(question, &policies).verdict;
    }
    arena_free(&arena);
    return verdict;
}

bool log_group_lets(const struct transaction *tx, const struct log_group_record *group, const char *service,
                    struct str source_arn, const char *action)
{
    const struct source source = {group->account_id, source_arn};
    const struct policy_caller caller = {.account = group->account_id, .service = str_of(service)};
    const struct policy_question question = {
        .caller = &caller,
        .action = str_of(action),
        .resource = arena_printf(tx->arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s:log-stream:", STR_ARG(group->region),
                                 STR_ARG(group->account_id), STR_ARG(group->log_group->log_group_name)),
        .resource_account = group->account_id,
        .key = source_key,
        .context = &source};
    struct walk walk = transaction_walk(tx, &logs_resource_policy_table, NULL,
                                        KEY_PREFIX(tx->arena, group->account_id, group->region));
    const struct resource_policy_record *record;
    bool allowed = false;

    while ((record = walk_next(&walk)) != NULL) {
        enum policy_verdict verdict = decide(record, &question);

        if (verdict == POLICY_EXPLICIT_DENY)
            return false;
        allowed = allowed || verdict == POLICY_ALLOW;
    }
    return allowed;
}

/* ---- operations ---- */

static bool check_document(const struct call *call, struct str text)
{
    struct policy_document *document;
    char message[sizeof(call->fail->message)];

    if (text.len > DOCUMENT_BYTES_MAX)
        return fail_api(call->fail, LOGS_ERROR_LIMIT_EXCEEDED_EXCEPTION, "Resource policies are at most %d bytes long.",
                        DOCUMENT_BYTES_MAX);
    if (policy_read(text, POLICY_RESOURCE, call->arena, &document, call->fail))
        return true;
    memcpy(message, call->fail->message, sizeof(message));
    return fail_api(call->fail, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", message);
}

static size_t count_of(const struct call *call)
{
    struct walk walk = transaction_walk(call->tx, &logs_resource_policy_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}

static struct str key_of(const struct call *call, struct str name)
{
    return KEY(call->arena, call->principal->account, call->region, name);
}

bool logs_put_resource_policy(struct call *call, const struct logs_put_resource_policy_request *in,
                              struct logs_put_resource_policy_response *out)
{
    struct logs_resource_policy *policy = arena_new(call->arena, struct logs_resource_policy);
    struct resource_policy_record record = {
        .account_id = call->principal->account, .region = call->region, .policy = policy};

    if (in->resource_arn.ptr != NULL)
        return logs_unsupported("resourceArn", "policies are of the account, not of one log group", call->fail);
    if (in->expected_revision_id.ptr != NULL)
        return logs_unsupported("expectedRevisionId", "it is for policies of one log group", call->fail);
    if (in->policy_name.len == 0 || in->policy_document.len == 0)
        return fail_api(call->fail, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "policyName and policyDocument must be given.");
    if (!check_document(call, in->policy_document))
        return false;
    if (transaction_get(call->tx, &logs_resource_policy_table, key_of(call, in->policy_name)) == NULL &&
        count_of(call) >= RESOURCE_POLICIES_MAX)
        return fail_api(call->fail, LOGS_ERROR_LIMIT_EXCEEDED_EXCEPTION, "Resource limit exceeded.");
    *policy = (struct logs_resource_policy){.policy_name = in->policy_name, .policy_document = in->policy_document};
    SET(policy, last_updated_time, call->tx->now_ms);
    must(transaction_put(call->tx, &logs_resource_policy_table, &record));
    out->resource_policy = policy;
    return true;
}

bool logs_delete_resource_policy(struct call *call, const struct logs_delete_resource_policy_request *in, void *out)
{
    struct str key = key_of(call, in->policy_name);

    (void)out;
    if (in->resource_arn.ptr != NULL)
        return logs_unsupported("resourceArn", "policies are of the account, not of one log group", call->fail);
    if (transaction_get(call->tx, &logs_resource_policy_table, key) == NULL)
        return fail_api(call->fail, LOGS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, "Policy with name [%.*s] does not exist.",
                        STR_ARG(in->policy_name));
    transaction_delete(call->tx, &logs_resource_policy_table, key);
    return true;
}

bool logs_describe_resource_policies(struct call *call, const struct logs_describe_resource_policies_request *in,
                                     struct logs_describe_resource_policies_response *out)
{
    struct walk walk = transaction_walk(call->tx, &logs_resource_policy_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    size_t limit = PAGE_LIMIT(in, DESCRIBE_LIMIT_DEFAULT);
    const struct resource_policy_record *record;
    struct str after;

    if (!page_begin(call->arena, in->next_token, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, &after, call->fail))
        return false;
    if (after.ptr != NULL)
        walk.at = key_of(call, after);
    out->resource_policies.items = arena_array(call->arena, struct logs_resource_policy, limit);
    while ((record = walk_next(&walk)) != NULL) {
        if (out->resource_policies.count == limit) {
            out->next_token = page_token(call->arena, out->resource_policies.items[limit - 1].policy_name);
            break;
        }
        out->resource_policies.items[out->resource_policies.count++] = *record->policy;
    }
    return true;
}
