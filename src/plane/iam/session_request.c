#include "plane/iam/session_request.h"

#include "base/must.h"
#include "plane/iam/managed_policy.h"
#include "plane/iam/operations.h"

/* STS API reference, "AssumeRole". */
enum { POLICY_LEN_MAX = 2048, POLICY_ARNS_MAX = 10, TAGS_MAX = 50 };

/* ---- policies ---- */

static bool add_inline(const struct call *call, struct str text, struct session_policies *policies)
{
    struct policy_document *document;

    if (text.len > POLICY_LEN_MAX)
        return fail_api(call->fail, STS_ERROR_PACKED_POLICY_TOO_LARGE_EXCEPTION,
                        "Packed policy consumes %zu%% of allotted space, please use smaller policy.",
                        text.len * 100 / POLICY_LEN_MAX);
    if (!policy_read(text, POLICY_IDENTITY, call->arena, &document, call->fail))
        return false;
    policies->items[policies->count++] = (struct session_policy){STR("session policy"), document};
    return true;
}

static bool add_managed(const struct call *call, struct str arn, struct str account, struct session_policies *policies)
{
    const struct managed_policy_record *policy = managed_policy_by_arn(call->tx, arn);

    if (policy == NULL || (!str_eq(policy->account_id, account) && !str_eq(policy->account_id, ACCOUNT_AWS)))
        return fail_api(call->fail, "ValidationError", "The policy %.*s at 'policyArns' does not exist.", STR_ARG(arn));
    policies->items[policies->count++] = (struct session_policy){policy->policy->arn, policy->document};
    return true;
}

bool session_policies_read(const struct call *call, const struct session_policy_request *request,
                           struct session_policies *ret_policies)
{
    struct session_policies policies = {NULL, 0};

    if (request->arns->count > POLICY_ARNS_MAX)
        return fail_api(call->fail, "ValidationError",
                        "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must "
                        "have length less than or equal to %d",
                        POLICY_ARNS_MAX);
    if (request->text.ptr != NULL || request->arns->count > 0)
        policies.items = arena_array(call->arena, struct session_policy, request->arns->count + 1);
    if (request->text.ptr != NULL && !add_inline(call, request->text, &policies))
        return false;
    for (size_t i = 0; i < request->arns->count; i++)
        if (!add_managed(call, request->arns->items[i].arn, request->account, &policies))
            return false;
    *ret_policies = policies;
    return true;
}

/* ---- tags ---- */

static const struct iam_tag *tag_of(const struct iam_tag_list_type *tags, struct str key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (str_eq_nocase(tags->items[i].key, key))
            return &tags->items[i];
    return NULL;
}

/* The tags and keys that the caller's session hands on. */
static void inherit(const struct session_detail *from, struct session_detail *to)
{
    for (size_t i = 0; from != NULL && i < from->transitive_tag_keys.count; i++) {
        const struct iam_tag *tag = tag_of(&from->tags, from->transitive_tag_keys.items[i]);

        if (tag == NULL)
            continue;
        to->tags.items[to->tags.count++] = *tag;
        to->transitive_tag_keys.items[to->transitive_tag_keys.count++] = tag->key;
    }
}

static bool add_tag(const struct call *call, const struct sts_tag *tag, size_t inherited, struct session_detail *to)
{
    const struct iam_tag *same = tag_of(&to->tags, tag->key);

    if (str_starts_nocase(tag->key, STR("aws:")))
        return fail_api(call->fail, "ValidationError",
                        "Tag key '%.*s' is not valid: keys that begin with aws: are reserved for AWS.",
                        STR_ARG(tag->key));
    if (same != NULL && same < &to->tags.items[inherited])
        return fail_api(call->fail, "InvalidParameterValue",
                        "One of the specified transitive tag keys can't be set because it conflicts with a transitive "
                        "tag key from the calling session.");
    if (same != NULL)
        return fail_api(call->fail, "InvalidParameterValue",
                        "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    if (to->tags.count == TAGS_MAX)
        return fail_api(call->fail, "ValidationError", "A session can have at most %d tags.", TAGS_MAX);
    to->tags.items[to->tags.count++] = (struct iam_tag){.key = tag->key, .value = tag->value};
    return true;
}

bool session_tags_read(const struct call *call, const struct sts_tag_list_type *tags,
                       const struct sts_tag_key_list_type *transitive, const struct session_detail *from,
                       struct session_detail *to)
{
    size_t inherited;

    to->tags = (struct iam_tag_list_type){arena_array(call->arena, struct iam_tag, TAGS_MAX), 0};
    to->transitive_tag_keys =
        (struct iam_tag_key_list_type){arena_array(call->arena, struct str, (size_t)2 * TAGS_MAX), 0};
    inherit(from, to);
    inherited = to->tags.count;
    for (size_t i = 0; i < tags->count; i++)
        if (!add_tag(call, &tags->items[i], inherited, to))
            return false;
    for (size_t i = 0; i < transitive->count; i++) {
        if (tag_of(&to->tags, transitive->items[i]) == NULL)
            return fail_api(call->fail, "InvalidParameterValue",
                            "The specified transitive tag key must be included in the requested tags.");
        to->transitive_tag_keys.items[to->transitive_tag_keys.count++] = transitive->items[i];
    }
    return true;
}

int32_t session_packed_percent(const struct session_policy_request *request, const struct sts_tag_list_type *tags)
{
    size_t size = request->text.len;

    for (size_t i = 0; i < request->arns->count; i++)
        size += request->arns->items[i].arn.len;
    for (size_t i = 0; i < tags->count; i++)
        size += tags->items[i].key.len + tags->items[i].value.len;
    return size == 0 ? 0 : (int32_t)(size * 100 / (POLICY_LEN_MAX * 2)) + 1;
}

struct sts_credentials *session_credentials(struct arena *arena, const struct access_key_record *key)
{
    struct sts_credentials *credentials = arena_new(arena, struct sts_credentials);

    credentials->access_key_id = key->access_key_id;
    credentials->secret_access_key = key->secret;
    credentials->session_token = key->session_token;
    SET(credentials, expiration, key->expires_at);
    return credentials;
}
