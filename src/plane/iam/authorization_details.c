/* GetAccountAuthorizationDetails: users, groups, roles and managed policies with all that hangs on them, in one list of
 * pages. */
#include "plane/iam/operations.h"
#include "plane/iam/principal_policy.h"

enum { ITEMS_DEFAULT = 100 };

struct details {
    const struct call *call;
    const struct iam_get_account_authorization_details_request *in;
    struct iam_get_account_authorization_details_response *out;
    size_t limit, count;
    size_t section;    /* where the walk stands */
    struct str marker; /* absent while the page is not full */
};

/* ---- the parts ---- */

static struct iam_policy_detail_list_type inline_details(const struct call *call, struct str id)
{
    struct walk walk = transaction_walk(call->tx, &inline_policy_table, NULL, KEY_PREFIX(call->arena, id));
    struct walk again = walk;
    const struct inline_policy_record *policy;
    struct iam_policy_detail_list_type list = {NULL, 0};
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    list.items = arena_array(call->arena, struct iam_policy_detail, count);
    while ((policy = walk_next(&again)) != NULL)
        list.items[list.count++] = (struct iam_policy_detail){policy->name, document_shown(call->arena, policy->text)};
    return list;
}

static struct iam_attached_policies_list_type attached_details(const struct call *call, struct str id)
{
    struct walk walk = transaction_walk(call->tx, &attachment_table, NULL, KEY_PREFIX(call->arena, id));
    struct walk again = walk;
    const struct attachment_record *attachment;
    struct iam_attached_policies_list_type list = {NULL, 0};
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    list.items = arena_array(call->arena, struct iam_attached_policy, count);
    while ((attachment = walk_next(&again)) != NULL) {
        const struct managed_policy_record *policy =
            transaction_get(call->tx, &managed_policy_table, attachment->policy_id);

        list.items[list.count++] = (struct iam_attached_policy){policy->policy->policy_name, policy->policy->arn};
    }
    return list;
}

static struct iam_group_name_list_type group_names(const struct call *call, struct str user_id)
{
    struct walk walk = transaction_walk(call->tx, &membership_table, NULL, KEY_PREFIX(call->arena, user_id));
    struct walk again = walk;
    const struct membership_record *membership;
    struct iam_group_name_list_type list = {NULL, 0};
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    list.items = arena_array(call->arena, struct str, count);
    while ((membership = walk_next(&again)) != NULL) {
        const struct group_record *group = transaction_get(call->tx, &group_table, membership->group_id);

        list.items[list.count++] = group->group->group_name;
    }
    return list;
}

static struct iam_instance_profile_list_type profiles_of(const struct call *call, struct str role_id)
{
    struct walk walk = transaction_walk(call->tx, &instance_profile_table, "role", KEY_PREFIX(call->arena, role_id));
    struct walk again = walk;
    const struct instance_profile_record *profile;
    struct iam_instance_profile_list_type list = {NULL, 0};
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    list.items = arena_array(call->arena, struct iam_instance_profile, count);
    while ((profile = walk_next(&again)) != NULL)
        list.items[list.count++] = instance_profile_shown(call, profile);
    return list;
}

/* ---- a record as a detail ---- */

static void add_user(struct details *details, const void *record)
{
    const struct iam_user *user = ((const struct user_record *)record)->user;
    struct iam_user_detail *detail = &details->out->user_detail_list.items[details->out->user_detail_list.count++];

    *detail = (struct iam_user_detail){
        .path = user->path,
        .user_name = user->user_name,
        .user_id = user->user_id,
        .arn = user->arn,
        .user_policy_list = inline_details(details->call, user->user_id),
        .group_list = group_names(details->call, user->user_id),
        .attached_managed_policies = attached_details(details->call, user->user_id),
        .permissions_boundary = user->permissions_boundary,
        .tags = user->tags,
    };
    SET(detail, create_date, user->create_date);
}

static void add_group(struct details *details, const void *record)
{
    const struct iam_group *group = ((const struct group_record *)record)->group;
    struct iam_group_detail *detail = &details->out->group_detail_list.items[details->out->group_detail_list.count++];

    *detail = (struct iam_group_detail){
        .path = group->path,
        .group_name = group->group_name,
        .group_id = group->group_id,
        .arn = group->arn,
        .group_policy_list = inline_details(details->call, group->group_id),
        .attached_managed_policies = attached_details(details->call, group->group_id),
    };
    SET(detail, create_date, group->create_date);
}

static void add_role(struct details *details, const void *record)
{
    const struct iam_role role = role_shown(details->call, record);
    struct iam_role_detail *detail = &details->out->role_detail_list.items[details->out->role_detail_list.count++];

    *detail = (struct iam_role_detail){
        .path = role.path,
        .role_name = role.role_name,
        .role_id = role.role_id,
        .arn = role.arn,
        .assume_role_policy_document = role.assume_role_policy_document,
        .instance_profile_list = profiles_of(details->call, role.role_id),
        .role_policy_list = inline_details(details->call, role.role_id),
        .attached_managed_policies = attached_details(details->call, role.role_id),
        .permissions_boundary = role.permissions_boundary,
        .tags = role.tags,
        .role_last_used = role.role_last_used,
    };
    SET(detail, create_date, role.create_date);
}

static struct iam_policy_document_version_list_type version_details(const struct call *call,
                                                                    const struct managed_policy_record *policy)
{
    struct iam_policy_document_version_list_type list = {
        arena_array(call->arena, struct iam_policy_version, POLICY_VERSIONS_MAX), 0};
    struct walk walk =
        transaction_walk(call->tx, &policy_version_table, NULL, KEY_PREFIX(call->arena, policy->policy->policy_id));
    const struct policy_version_record *version;

    while (list.count < POLICY_VERSIONS_MAX && (version = walk_next(&walk)) != NULL) {
        list.items[list.count] = policy_version_shown(call, policy, version);
        list.items[list.count++].document = document_shown(call->arena, version->text);
    }
    return list;
}

static void add_policy(struct details *details, const void *record)
{
    const struct iam_policy policy = managed_policy_shown(details->call, record);
    struct iam_managed_policy_detail *detail = &details->out->policies.items[details->out->policies.count++];

    *detail = (struct iam_managed_policy_detail){
        .policy_name = policy.policy_name,
        .policy_id = policy.policy_id,
        .arn = policy.arn,
        .path = policy.path,
        .default_version_id = policy.default_version_id,
        .description = policy.description,
        .policy_version_list = version_details(details->call, record),
    };
    SET(detail, attachment_count, policy.attachment_count);
    SET(detail, permissions_boundary_usage_count, policy.permissions_boundary_usage_count);
    SET(detail, is_attachable, policy.is_attachable);
    SET(detail, create_date, policy.create_date);
    SET(detail, update_date, policy.update_date);
}

/* ---- the sections, in the order of the pages ---- */

static const struct section {
    enum iam_entity_type filter;
    const struct table_spec *table;
    void (*add)(struct details *details, const void *record);
} sections[] = {
    {IAM_ENTITY_TYPE_USER, &user_table, add_user},
    {IAM_ENTITY_TYPE_GROUP, &group_table, add_group},
    {IAM_ENTITY_TYPE_ROLE, &role_table, add_role},
    {IAM_ENTITY_TYPE_LOCAL_MANAGED_POLICY, &managed_policy_table, add_policy},
    {IAM_ENTITY_TYPE_AWS_MANAGED_POLICY, &managed_policy_table, add_policy},
};

static bool is_wanted(const struct details *details, enum iam_entity_type kind)
{
    for (size_t i = 0; i < details->in->filter.count; i++)
        if (details->in->filter.items[i] == kind)
            return true;
    return details->in->filter.count == 0;
}

/* Of AWS's, only what the account uses (API reference, "GetAccountAuthorizationDetails"). */
static bool is_shown(const struct details *details, const struct section *section, const void *record)
{
    struct iam_policy policy;

    if (section->filter != IAM_ENTITY_TYPE_AWS_MANAGED_POLICY)
        return true;
    policy = managed_policy_shown(details->call, record);
    return policy.attachment_count > 0 || policy.permissions_boundary_usage_count > 0;
}

/* A marker is the number of a section and the key of the last record, without its prefix. */
static void add_section(struct details *details, const struct section *section, struct str after)
{
    const struct call *call = details->call;
    bool is_aws = section->filter == IAM_ENTITY_TYPE_AWS_MANAGED_POLICY;
    struct str prefix = KEY_PREFIX(call->arena, is_aws ? ACCOUNT_AWS : call->principal->account);
    struct walk walk = transaction_walk(call->tx, section->table, "name", prefix);
    struct str last = after.ptr == NULL ? STR("") : after;
    const void *record;

    if (after.ptr != NULL)
        walk.at = arena_printf(call->arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(after));
    while ((record = walk_next(&walk)) != NULL) {
        if (!is_shown(details, section, record))
            continue;
        if (details->count == details->limit) {
            details->marker =
                page_token(call->arena, arena_printf(call->arena, "%zu%.*s", details->section, STR_ARG(last)));
            return;
        }
        section->add(details, record);
        details->count++;
        last = str_from(walk.at, prefix.len);
    }
}

bool iam_get_account_authorization_details(struct call *call,
                                           const struct iam_get_account_authorization_details_request *in,
                                           struct iam_get_account_authorization_details_response *out)
{
    struct details details = {
        .call = call, .in = in, .out = out, .limit = in->has_max_items ? (size_t)in->max_items : ITEMS_DEFAULT};
    struct str after;

    if (!page_begin(call->arena, in->marker, "ValidationError", &after, call->fail))
        return fail_api(call->fail, "ValidationError", "Invalid Marker.");
    if (after.len > 0 && after.ptr[0] >= '0' && (size_t)(after.ptr[0] - '0') < COUNT_OF(sections)) {
        details.section = (size_t)(after.ptr[0] - '0');
        after = str_from(after, 1);
    }
    out->user_detail_list.items = arena_array(call->arena, struct iam_user_detail, details.limit);
    out->group_detail_list.items = arena_array(call->arena, struct iam_group_detail, details.limit);
    out->role_detail_list.items = arena_array(call->arena, struct iam_role_detail, details.limit);
    out->policies.items = arena_array(call->arena, struct iam_managed_policy_detail, details.limit);
    for (; details.section < COUNT_OF(sections) && details.marker.ptr == NULL; details.section++) {
        if (is_wanted(&details, sections[details.section].filter))
            add_section(&details, &sections[details.section], after);
        after = (struct str){NULL, 0};
    }
    out->marker = details.marker;
    SET(out, is_truncated, details.marker.ptr != NULL);
    return true;
}
