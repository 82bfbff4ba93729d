#include "plane/iam/access.h"

#include "plane/iam/oidc_provider.h"
#include "plane/iam/operations.h"

/* ---- tags ---- */

typedef const struct iam_tag_list_type *tags_fn(const struct call *call, struct str arn, const struct arn_parts *parts);

static const struct iam_tag_list_type *user_tags(const struct call *call, struct str arn, const struct arn_parts *parts)
{
    const struct user_record *user = user_by_name(call->tx, parts->account, parts->name);

    return user != NULL && str_eq(user->user->arn, arn) ? &user->user->tags : NULL;
}

static const struct iam_tag_list_type *role_tags(const struct call *call, struct str arn, const struct arn_parts *parts)
{
    const struct role_record *role = role_by_arn(call->tx, arn);

    (void)parts;
    return role != NULL ? &role->role->tags : NULL;
}

static const struct iam_tag_list_type *policy_tags(const struct call *call, struct str arn,
                                                   const struct arn_parts *parts)
{
    const struct managed_policy_record *policy = managed_policy_by_arn(call->tx, arn);

    (void)parts;
    return policy != NULL ? &policy->policy->tags : NULL;
}

static const struct iam_tag_list_type *profile_tags(const struct call *call, struct str arn,
                                                    const struct arn_parts *parts)
{
    const struct instance_profile_record *profile = instance_profile_by_name(call->tx, parts->account, parts->name);

    return profile != NULL && str_eq(profile->instance_profile->arn, arn) ? &profile->instance_profile->tags : NULL;
}

static const struct iam_tag_list_type *provider_tags(const struct call *call, struct str arn,
                                                     const struct arn_parts *parts)
{
    struct str url = str_from(arn, str_find(arn, '/') + 1);
    const struct oidc_provider_record *provider =
        transaction_get(call->tx, &oidc_provider_table, KEY(call->arena, parts->account, url));

    return provider != NULL ? &provider->tags : NULL;
}

static const struct {
    const char *kind;
    tags_fn *tags;
} tagged[] = {
    {"user", user_tags},
    {"role", role_tags},
    {"policy", policy_tags},
    {"instance-profile", profile_tags},
    {"oidc-provider", provider_tags},
};

struct str iam_tag_of(const struct call *call, struct str arn, struct str key)
{
    const struct iam_tag_list_type *tags = NULL;
    struct arn_parts parts;

    if (!arn_split(arn, &parts))
        return (struct str){NULL, 0};
    for (size_t i = 0; i < COUNT_OF(tagged); i++)
        if (str_is(parts.kind, tagged[i].kind))
            tags = tagged[i].tags(call, arn, &parts);
    for (size_t i = 0; tags != NULL && i < tags->count; i++)
        if (str_eq_nocase(tags->items[i].key, key))
            return tags->items[i].value;
    return (struct str){NULL, 0};
}

/* ---- condition keys ---- */

/* The boundary that a request sets, or that the user or role has whom it changes. */
static struct str boundary_key(const struct call *call, const struct operation *operation, const void *in)
{
    struct str asked = request_member(call, operation, in, "PermissionsBoundary");
    struct str user_name = request_member(call, operation, in, "UserName");
    struct str role_name = request_member(call, operation, in, "RoleName");
    const struct iam_attached_permissions_boundary *boundary = NULL;
    const struct user_record *user = NULL;
    const struct role_record *role = NULL;

    if (asked.ptr != NULL)
        return asked;
    if (user_name.ptr != NULL)
        user = user_by_name(call->tx, call->principal->account, user_name);
    if (role_name.ptr != NULL)
        role = role_by_name(call->tx, call->principal->account, role_name);
    if (user != NULL)
        boundary = user->user->permissions_boundary;
    else if (role != NULL)
        boundary = role->role->permissions_boundary;
    return boundary == NULL ? (struct str){NULL, 0} : boundary->permissions_boundary_arn;
}

static const struct condition_key keys[] = {
    {"iam:PolicyARN", "PolicyArn", NULL},
    {"iam:PermissionsBoundary", NULL, boundary_key},
    {"iam:AWSServiceName", "AWSServiceName", NULL},
};

const struct access_spec iam_access = {.keys = keys, .key_count = COUNT_OF(keys), .tag = iam_tag_of};
