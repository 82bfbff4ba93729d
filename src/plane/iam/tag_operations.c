/* Tags of users, roles, policies, instance profiles and OIDC providers. */
#include "base/must.h"
#include "plane/iam/oidc_provider.h"
#include "plane/iam/operations.h"

enum { TAGS_MAX = 50 }; /* IAM user guide, "IAM and AWS STS quotas" */

/* Keys differ by more than case (IAM user guide, "Tags for IAM resources", rules). */
static struct iam_tag *tag_of(const struct iam_tag_list_type *tags, struct str key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (str_eq_nocase(tags->items[i].key, key))
            return &tags->items[i];
    return NULL;
}

bool iam_tags_check(const struct iam_tag_list_type *tags, struct fail *f)
{
    for (size_t i = 0; i < tags->count; i++) {
        struct str key = tags->items[i].key;

        if (str_starts_nocase(key, STR("aws:")))
            return fail_api(f, IAM_ERROR_INVALID_INPUT_EXCEPTION,
                            "Tag key '%.*s' is not valid: keys that begin with aws: are reserved for AWS.",
                            STR_ARG(key));
        if (tag_of(tags, key) != &tags->items[i])
            return fail_api(f, IAM_ERROR_INVALID_INPUT_EXCEPTION,
                            "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    }
    return true;
}

static bool merge(const struct call *call, const struct iam_tag_list_type *before, const struct iam_tag_list_type *more,
                  struct iam_tag_list_type *ret_tags)
{
    struct iam_tag_list_type tags = {arena_array(call->arena, struct iam_tag, before->count + more->count), 0};

    if (!iam_tags_check(more, call->fail))
        return false;
    for (size_t i = 0; i < before->count; i++)
        tags.items[tags.count++] = before->items[i];
    for (size_t i = 0; i < more->count; i++) {
        struct iam_tag *same = tag_of(&tags, more->items[i].key);

        *(same != NULL ? same : &tags.items[tags.count++]) = more->items[i];
    }
    if (tags.count > TAGS_MAX)
        return fail_api(call->fail, IAM_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "The number of tags has reached the maximum limit.");
    *ret_tags = tags;
    return true;
}

static struct iam_tag_list_type without(const struct call *call, const struct iam_tag_list_type *before,
                                        const struct iam_tag_key_list_type *keys)
{
    struct iam_tag_list_type tags = {arena_array(call->arena, struct iam_tag, before->count), 0};

    for (size_t i = 0; i < before->count; i++)
        if (!str_is_among(before->items[i].key, keys->items, keys->count))
            tags.items[tags.count++] = before->items[i];
    return tags;
}

struct page {
    struct str marker;
    size_t max;
};
#define PAGE_OF(in) ((struct page){(in)->marker, (in)->has_max_items ? (size_t)(in)->max_items : 100})

/* In the order of their keys; a marker is the last one. */
static bool list(const struct call *call, const struct iam_tag_list_type *tags, struct page page,
                 struct iam_tag_list_type *ret_shown, struct str *ret_marker)
{
    struct iam_tag_list_type shown = {arena_array(call->arena, struct iam_tag, tags->count), 0};
    struct str after;

    if (!page_begin(call->arena, page.marker, "ValidationError", &after, call->fail))
        return fail_api(call->fail, "ValidationError", "Invalid Marker.");
    for (size_t i = 0; i < tags->count; i++) {
        size_t at = shown.count;

        if (after.ptr != NULL && str_compare(tags->items[i].key, after) <= 0)
            continue;
        for (; at > 0 && str_compare(shown.items[at - 1].key, tags->items[i].key) > 0; at--)
            shown.items[at] = shown.items[at - 1];
        shown.items[at] = tags->items[i];
        shown.count++;
    }
    *ret_marker = (struct str){NULL, 0};
    if (shown.count > page.max) {
        shown.count = page.max;
        *ret_marker = page_token(call->arena, shown.items[page.max - 1].key);
    }
    *ret_shown = shown;
    return true;
}

/* ---- putting a record with other tags: one a kind ---- */

static void put_user(const struct call *call, const struct user_record *record, const struct iam_tag_list_type *tags)
{
    struct user_record changed = *record;
    struct iam_user user = *record->user;

    user.tags = *tags;
    changed.user = &user;
    must(transaction_put(call->tx, &user_table, &changed));
}

static void put_role(const struct call *call, const struct role_record *record, const struct iam_tag_list_type *tags)
{
    struct role_record changed = *record;
    struct iam_role role = *record->role;

    role.tags = *tags;
    changed.role = &role;
    must(transaction_put(call->tx, &role_table, &changed));
}

static void put_managed_policy(const struct call *call, const struct managed_policy_record *record,
                               const struct iam_tag_list_type *tags)
{
    struct managed_policy_record changed = *record;
    struct iam_policy policy = *record->policy;

    policy.tags = *tags;
    changed.policy = &policy;
    must(transaction_put(call->tx, &managed_policy_table, &changed));
}

static void put_instance_profile(const struct call *call, const struct instance_profile_record *record,
                                 const struct iam_tag_list_type *tags)
{
    struct instance_profile_record changed = *record;
    struct iam_instance_profile profile = *record->instance_profile;

    profile.tags = *tags;
    changed.instance_profile = &profile;
    must(transaction_put(call->tx, &instance_profile_table, &changed));
}

static void put_oidc_provider(const struct call *call, const struct oidc_provider_record *record,
                              const struct iam_tag_list_type *tags)
{
    struct oidc_provider_record changed = *record;

    changed.tags = *tags;
    must(transaction_put(call->tx, &oidc_provider_table, &changed));
}

/* ---- handlers: of `kind`, whose records are `record_kind`, found by `member` and kept tags at `path` ---- */

#define TAGS_OF(kind, noun, member, path)                                                                              \
    bool iam_tag_##kind(struct call *call, const struct iam_tag_##kind##_request *in, void *out)                       \
    {                                                                                                                  \
        const struct noun##_record *record;                                                                            \
        struct iam_tag_list_type tags;                                                                                 \
                                                                                                                       \
        (void)out;                                                                                                     \
        if (!noun##_find(call, in->member, &record) || !merge(call, &record->path, &in->tags, &tags))                  \
            return false;                                                                                              \
        put_##noun(call, record, &tags);                                                                               \
        return true;                                                                                                   \
    }                                                                                                                  \
    bool iam_untag_##kind(struct call *call, const struct iam_untag_##kind##_request *in, void *out)                   \
    {                                                                                                                  \
        const struct noun##_record *record;                                                                            \
        struct iam_tag_list_type tags;                                                                                 \
                                                                                                                       \
        (void)out;                                                                                                     \
        if (!noun##_find(call, in->member, &record))                                                                   \
            return false;                                                                                              \
        tags = without(call, &record->path, &in->tag_keys);                                                            \
        put_##noun(call, record, &tags);                                                                               \
        return true;                                                                                                   \
    }                                                                                                                  \
    bool iam_list_##kind##_tags(struct call *call, const struct iam_list_##kind##_tags_request *in,                    \
                                struct iam_list_##kind##_tags_response *out)                                           \
    {                                                                                                                  \
        const struct noun##_record *record;                                                                            \
                                                                                                                       \
        if (!noun##_find(call, in->member, &record) ||                                                                 \
            !list(call, &record->path, PAGE_OF(in), &out->tags, &out->marker))                                         \
            return false;                                                                                              \
        SET(out, is_truncated, out->marker.ptr != NULL);                                                               \
        return true;                                                                                                   \
    }

TAGS_OF(user, user, user_name, user->tags)
TAGS_OF(role, role, role_name, role->tags)
TAGS_OF(policy, managed_policy, policy_arn, policy->tags)
TAGS_OF(instance_profile, instance_profile, instance_profile_name, instance_profile->tags)
TAGS_OF(open_id_connect_provider, oidc_provider, open_id_connect_provider_arn, tags)
