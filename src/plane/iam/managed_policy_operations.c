/* The operations on managed policies and their versions. */
#include "base/must.h"
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"
#include "plane/iam/policy.h"
#include "plane/iam/principal_policy.h"

enum { POLICIES_MAX = 1500, POLICY_SIZE_MAX = 6144 }; /* IAM user guide, "IAM and AWS STS quotas" */

/* ---- finding ---- */

bool managed_policy_find(const struct call *call, struct str arn, const struct managed_policy_record **ret_policy)
{
    const struct managed_policy_record *policy;

    if (!str_starts(arn, STR("arn:")))
        return fail_api(call->fail, IAM_ERROR_INVALID_INPUT_EXCEPTION, "ARN %.*s is not valid.", STR_ARG(arn));
    policy = managed_policy_by_arn(call->tx, arn);
    if (policy == NULL ||
        (!str_eq(policy->account_id, ACCOUNT_AWS) && !str_eq(policy->account_id, call->principal->account)))
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "Policy %.*s was not found.", STR_ARG(arn));
    *ret_policy = policy;
    return true;
}

bool managed_policy_find_own(const struct call *call, struct str arn, const struct managed_policy_record **ret_policy)
{
    if (str_starts(arn, STR("arn:aws:iam::aws:")))
        return fail_api(call->fail, "AccessDenied",
                        "Policy is outside your own account: %.*s is AWS's, and not yours to change.", STR_ARG(arn));
    return managed_policy_find(call, arn, ret_policy);
}

static bool find_attachable(const struct call *call, struct str arn, const char *noun,
                            const struct managed_policy_record **ret_policy)
{
    const struct managed_policy_record *policy;
    struct fail not_found;

    if (!managed_policy_find(call, arn, &policy)) {
        not_found = *call->fail;
        if (strcmp(not_found.type, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION) != 0)
            return false;
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "%s %.*s does not exist or is not attachable.",
                        noun, STR_ARG(arn));
    }
    if (!policy->policy->is_attachable)
        return fail_api(call->fail, IAM_ERROR_POLICY_NOT_ATTACHABLE_EXCEPTION,
                        "Cannot attach a Service Role Policy to a Customer Role.");
    *ret_policy = policy;
    return true;
}

bool managed_policy_find_attachable(const struct call *call, struct str arn,
                                    const struct managed_policy_record **ret_policy)
{
    return find_attachable(call, arn, "Policy", ret_policy);
}

bool boundary_make(const struct call *call, struct str policy_arn,
                   struct iam_attached_permissions_boundary **ret_boundary)
{
    const struct managed_policy_record *policy;
    struct iam_attached_permissions_boundary *boundary = NULL;

    if (policy_arn.ptr != NULL) {
        if (!find_attachable(call, policy_arn, "Scope ARN:", &policy))
            return false;
        boundary = arena_new(call->arena, struct iam_attached_permissions_boundary);
        boundary->permissions_boundary_type = IAM_PERMISSIONS_BOUNDARY_ATTACHMENT_TYPE_PERMISSIONS_BOUNDARY_POLICY;
        boundary->permissions_boundary_arn = policy_arn;
    }
    *ret_boundary = boundary;
    return true;
}

/* ---- how they are shown ---- */

static size_t count_walk(struct walk walk)
{
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}

/* In the caller's account: AWS's policies are attached in many. */
static size_t count_attachments(const struct call *call, const struct iam_policy *policy)
{
    return count_walk(transaction_walk(call->tx, &attachment_table, "policy",
                                       KEY_PREFIX(call->arena, policy->policy_id, call->principal->account)));
}

static size_t count_boundaries(const struct call *call, const struct iam_policy *policy)
{
    struct str prefix = KEY_PREFIX(call->arena, policy->arn, call->principal->account);

    return count_walk(transaction_walk(call->tx, &user_table, "boundary", prefix)) +
           count_walk(transaction_walk(call->tx, &role_table, "boundary", prefix));
}

struct iam_policy managed_policy_shown(const struct call *call, const struct managed_policy_record *record)
{
    struct iam_policy policy = *record->policy;

    SET(&policy, attachment_count, (int32_t)count_attachments(call, &policy));
    SET(&policy, permissions_boundary_usage_count, (int32_t)count_boundaries(call, &policy));
    if (policy.tags.items == NULL)
        policy.tags.items = arena_array(call->arena, struct iam_tag, 0);
    return policy;
}

struct iam_policy_version policy_version_shown(const struct call *call, const struct managed_policy_record *policy,
                                               const struct policy_version_record *record)
{
    struct iam_policy_version version = {.version_id = arena_printf(call->arena, "v%d", record->version)};

    SET(&version, is_default_version, str_eq(version.version_id, policy->policy->default_version_id));
    SET(&version, create_date, record->created_at);
    return version;
}

/* ---- policies ---- */

/* As an answer to a document that a request brings: what it says, or why not. */
static bool read_document(const struct call *call, struct str text, struct policy_document **ret_document)
{
    if (document_size(text) > POLICY_SIZE_MAX)
        return fail_api(call->fail, IAM_ERROR_LIMIT_EXCEEDED_EXCEPTION, "Cannot exceed quota for PolicySize: %d",
                        POLICY_SIZE_MAX);
    return policy_read(text, POLICY_MANAGED, call->arena, ret_document, call->fail);
}

static void put_version(const struct call *call, struct str policy_id, int32_t number, struct str text)
{
    struct policy_version_record version = {.policy_id = policy_id, .text = text};

    SET(&version, version, number);
    SET(&version, created_at, call->tx->now_ms);
    must(transaction_put(call->tx, &policy_version_table, &version));
}

bool iam_create_policy(struct call *call, const struct iam_create_policy_request *in,
                       struct iam_create_policy_response *out)
{
    struct iam_policy *policy = arena_new(call->arena, struct iam_policy);
    struct managed_policy_record record = {.account_id = call->principal->account, .policy = policy};

    if (!iam_tags_check(&in->tags, call->fail))
        return false;
    if (entity_by_name(call->tx, &managed_policy_table, record.account_id, in->policy_name) != NULL)
        return fail_api(call->fail, IAM_ERROR_ENTITY_ALREADY_EXISTS_EXCEPTION,
                        "A policy called %.*s already exists. Duplicate names are not allowed.",
                        STR_ARG(in->policy_name));
    if (!quota_check(entity_count(call, &managed_policy_table), POLICIES_MAX, "PoliciesPerAccount", call->fail) ||
        !read_document(call, in->policy_document, &record.document))
        return false;
    policy->policy_name = in->policy_name;
    policy->policy_id = iam_id_new(call->tx, "ANPA", ENTITY_ID_LEN);
    policy->path = iam_path(in->path);
    policy->arn = iam_arn(call->arena, record.account_id, "policy", in->path, in->policy_name);
    policy->default_version_id = STR("v1");
    policy->description = in->description;
    policy->tags = in->tags;
    SET(policy, is_attachable, true);
    SET(policy, create_date, call->tx->now_ms);
    SET(policy, update_date, call->tx->now_ms);
    SET(&record, last_version, 1);
    must(transaction_put(call->tx, &managed_policy_table, &record));
    put_version(call, policy->policy_id, 1, in->policy_document);
    out->policy = arena_new(call->arena, struct iam_policy);
    *out->policy = managed_policy_shown(call, &record);
    if (in->tags.count == 0)
        out->policy->tags.items = NULL;
    out->policy->description = (struct str){NULL, 0}; /* API reference, "Policy": only GetPolicy returns it */
    return true;
}

bool iam_get_policy(struct call *call, const struct iam_get_policy_request *in, struct iam_get_policy_response *out)
{
    const struct managed_policy_record *policy;

    if (!managed_policy_find(call, in->policy_arn, &policy))
        return false;
    out->policy = arena_new(call->arena, struct iam_policy);
    *out->policy = managed_policy_shown(call, policy);
    return true;
}

/* Whether ListPolicies shows it. */
static bool is_wanted(const struct iam_list_policies_request *in, const struct iam_policy *policy)
{
    bool as_boundary = in->policy_usage_filter == IAM_POLICY_USAGE_TYPE_PERMISSIONS_BOUNDARY;
    int32_t uses = as_boundary ? policy->permissions_boundary_usage_count : policy->attachment_count;
    bool must_be_used =
        in->policy_usage_filter != IAM_POLICY_USAGE_TYPE_NONE || (in->has_only_attached && in->only_attached);

    return str_starts(policy->path, in->path_prefix) && (!must_be_used || uses > 0);
}

/* Walks the account's own policies and behind them AWS's ("aws" stands behind all digits): one walk over the index. */
bool iam_list_policies(struct call *call, const struct iam_list_policies_request *in,
                       struct iam_list_policies_response *out)
{
    bool local = in->scope != IAM_POLICY_SCOPE_TYPE_AWS;
    bool aws = in->scope != IAM_POLICY_SCOPE_TYPE_LOCAL;
    struct str own = KEY_PREFIX(call->arena, call->principal->account);
    const struct listing_request request = {&managed_policy_table, "name", STR(""), LISTING_PAGE(in)};
    const struct managed_policy_record *policy;
    struct listing listing;
    size_t at;

    if (!listing_begin(call, &request, &listing))
        return false;
    if (listing.walk.at.ptr == NULL)
        listing.walk.at = local ? own : ACCOUNT_AWS;
    LISTING_ITEMS(&listing, &out->policies);
    while ((policy = walk_next(&listing.walk)) != NULL) {
        bool is_own = str_eq(policy->account_id, call->principal->account);
        struct iam_policy shown;

        if (!is_own && !str_eq(policy->account_id, ACCOUNT_AWS)) {
            listing.walk.at = ACCOUNT_AWS;
            continue;
        }
        if (is_own ? !local : !aws)
            continue;
        shown = managed_policy_shown(call, policy);
        if (!is_wanted(in, &shown))
            continue;
        if (!listing_take(&listing, &at))
            break;
        shown.tags.items = NULL; /* API reference, "ListPolicies" and "Policy": these are not returned */
        shown.description.ptr = NULL;
        out->policies.items[at] = shown;
    }
    LISTING_END(&listing, &out->policies, out);
    return true;
}

static struct walk versions_of(const struct call *call, const struct managed_policy_record *policy)
{
    return transaction_walk(call->tx, &policy_version_table, NULL, KEY_PREFIX(call->arena, policy->policy->policy_id));
}

bool iam_delete_policy(struct call *call, const struct iam_delete_policy_request *in, void *out)
{
    const struct managed_policy_record *policy;
    struct walk versions;

    (void)out;
    if (!managed_policy_find_own(call, in->policy_arn, &policy))
        return false;
    versions = versions_of(call, policy);
    if (count_attachments(call, policy->policy) + count_boundaries(call, policy->policy) > 0)
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "Cannot delete a policy attached to entities.");
    if (count_walk(versions) > 1)
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "This policy has more than one version. Before you delete a policy, you must delete the "
                        "policy's versions. The default version is deleted with the policy.");
    while (walk_next(&versions) != NULL)
        transaction_delete(call->tx, &policy_version_table, versions.at);
    transaction_delete(call->tx, &managed_policy_table, policy->policy->policy_id);
    return true;
}

/* ---- versions ---- */

/* "v3" of that policy. */
static bool find_version(const struct call *call, const struct managed_policy_record *policy, struct str id,
                         const struct policy_version_record **ret_version)
{
    const struct policy_version_record *version = NULL;
    int64_t number;

    if (id.len > 1 && id.ptr[0] == 'v' && str_to_int64(str_from(id, 1), &number) && number > 0)
        version = transaction_get(call->tx, &policy_version_table,
                                  policy_version_key(call->arena, policy->policy->policy_id, number));
    if (version == NULL)
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION,
                        "Policy %.*s version %.*s does not exist or is not attachable.", STR_ARG(policy->policy->arn),
                        STR_ARG(id));
    *ret_version = version;
    return true;
}

/* Makes that text what the policy says. */
static void set_default(const struct call *call, const struct managed_policy_record *before, int32_t number,
                        struct policy_document *document)
{
    struct managed_policy_record changed = *before;
    struct iam_policy policy = *before->policy;

    policy.default_version_id = arena_printf(call->arena, "v%d", number);
    SET(&policy, update_date, call->tx->now_ms);
    changed.policy = &policy;
    changed.document = document;
    must(transaction_put(call->tx, &managed_policy_table, &changed));
}

bool iam_create_policy_version(struct call *call, const struct iam_create_policy_version_request *in,
                               struct iam_create_policy_version_response *out)
{
    const struct managed_policy_record *policy;
    struct managed_policy_record changed;
    struct policy_document *document;

    if (!managed_policy_find_own(call, in->policy_arn, &policy) || !read_document(call, in->policy_document, &document))
        return false;
    if (count_walk(versions_of(call, policy)) >= POLICY_VERSIONS_MAX)
        return fail_api(call->fail, IAM_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "A managed policy can have up to %d versions. Before you create a new version, you must delete "
                        "an existing version.",
                        POLICY_VERSIONS_MAX);
    changed = *policy;
    changed.last_version++;
    put_version(call, policy->policy->policy_id, changed.last_version, in->policy_document);
    if (in->has_set_as_default && in->set_as_default)
        set_default(call, &changed, changed.last_version, document);
    else
        must(transaction_put(call->tx, &managed_policy_table, &changed));
    out->policy_version = arena_new(call->arena, struct iam_policy_version);
    out->policy_version->version_id = arena_printf(call->arena, "v%d", changed.last_version);
    SET(out->policy_version, is_default_version, in->has_set_as_default && in->set_as_default);
    SET(out->policy_version, create_date, call->tx->now_ms);
    return true;
}

bool iam_get_policy_version(struct call *call, const struct iam_get_policy_version_request *in,
                            struct iam_get_policy_version_response *out)
{
    const struct policy_version_record *version;
    const struct managed_policy_record *policy;

    if (!managed_policy_find(call, in->policy_arn, &policy) || !find_version(call, policy, in->version_id, &version))
        return false;
    out->policy_version = arena_new(call->arena, struct iam_policy_version);
    *out->policy_version = policy_version_shown(call, policy, version);
    out->policy_version->document = document_shown(call->arena, version->text);
    return true;
}

/* Few enough to turn around: the newest come first. */
bool iam_list_policy_versions(struct call *call, const struct iam_list_policy_versions_request *in,
                              struct iam_list_policy_versions_response *out)
{
    const struct managed_policy_record *policy;
    const struct policy_version_record *version;
    struct listing listing;
    size_t at;

    if (!managed_policy_find(call, in->policy_arn, &policy) ||
        !listing_begin(call,
                       &(struct listing_request){&policy_version_table, NULL,
                                                 KEY_PREFIX(call->arena, policy->policy->policy_id), LISTING_PAGE(in)},
                       &listing))
        return false;
    LISTING_ITEMS(&listing, &out->versions);
    while ((version = walk_next(&listing.walk)) != NULL) {
        if (!listing_take(&listing, &at))
            break;
        out->versions.items[at] = policy_version_shown(call, policy, version);
    }
    LISTING_END(&listing, &out->versions, out);
    for (size_t i = 0; i < out->versions.count / 2; i++) {
        struct iam_policy_version swap = out->versions.items[i];

        out->versions.items[i] = out->versions.items[out->versions.count - 1 - i];
        out->versions.items[out->versions.count - 1 - i] = swap;
    }
    return true;
}

bool iam_set_default_policy_version(struct call *call, const struct iam_set_default_policy_version_request *in,
                                    void *out)
{
    const struct policy_version_record *version;
    const struct managed_policy_record *policy;
    struct policy_document *document;

    (void)out;
    if (!managed_policy_find_own(call, in->policy_arn, &policy) ||
        !find_version(call, policy, in->version_id, &version) ||
        !policy_read(version->text, POLICY_MANAGED, call->arena, &document, call->fail))
        return false;
    set_default(call, policy, version->version, document);
    return true;
}

bool iam_delete_policy_version(struct call *call, const struct iam_delete_policy_version_request *in, void *out)
{
    const struct policy_version_record *version;
    const struct managed_policy_record *policy;

    (void)out;
    if (!managed_policy_find_own(call, in->policy_arn, &policy) ||
        !find_version(call, policy, in->version_id, &version))
        return false;
    if (str_eq(in->version_id, policy->policy->default_version_id))
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "Cannot delete the default version of a policy.");
    transaction_delete(call->tx, &policy_version_table,
                       policy_version_key(call->arena, version->policy_id, version->version));
    return true;
}
