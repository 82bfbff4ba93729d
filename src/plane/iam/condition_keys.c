/* Condition keys: the global ones (IAM user guide, "AWS global condition context keys"), IAM's own, tags, and those
 * that a service declares. What is not here is absent from the request: aws:MultiFactorAuthPresent (there is no MFA),
 * aws:CalledVia, aws:SourceVpc and their kin. */
#include "model/interpret.h"
#include "plane/iam/authorize.h"
#include "plane/iam/iam.h"
#include "plane/iam/role.h"
#include "plane/iam/user.h"

typedef struct str value_fn(const struct key_context *context);

static const struct str ABSENT = {NULL, 0};

/* ---- the principal ---- */

static bool has_session(const struct key_context *context)
{
    return context->key != NULL && context->key->session != NULL;
}

/* Of a role's session the role, not the session. */
static struct str principal_arn(const struct key_context *context)
{
    if (context->call->principal->kind == PRINCIPAL_SESSION && has_session(context) &&
        context->key->session->role_arn.ptr != NULL)
        return context->key->session->role_arn;
    return context->call->principal->arn;
}

static struct str principal_account(const struct key_context *context)
{
    return context->call->principal->account;
}

static struct str principal_type(const struct key_context *context)
{
    if (context->key != NULL && context->key->kind == ACCESS_KEY_KIND_FEDERATED)
        return STR("FederatedUser");
    switch (context->call->principal->kind) {
    case PRINCIPAL_ANONYMOUS:
        return STR("Anonymous");
    case PRINCIPAL_ROOT:
        return STR("Account");
    case PRINCIPAL_USER:
        return STR("User");
    case PRINCIPAL_SESSION:
        break;
    }
    return STR("AssumedRole");
}

static const struct user_record *user_of(const struct key_context *context)
{
    if (context->call->principal->kind != PRINCIPAL_USER || context->key == NULL || context->key->owner_id.ptr == NULL)
        return NULL;
    return transaction_get(context->call->tx, &user_table, context->key->owner_id);
}

/* Users have a name; roles' sessions and the root have none. */
static struct str username(const struct key_context *context)
{
    const struct user_record *user = user_of(context);

    return user == NULL ? ABSENT : user->user->user_name;
}

static struct str userid(const struct key_context *context)
{
    return context->call->principal->user_id;
}

static bool is_temporary(const struct key_context *context)
{
    return context->key != NULL && context->key->session_token.ptr != NULL;
}

static struct str token_issue_time(const struct key_context *context)
{
    return is_temporary(context) ? when_to_iso8601(context->call->arena, context->key->created_at) : ABSENT;
}

static struct str source_identity(const struct key_context *context)
{
    return has_session(context) ? context->key->session->source_identity : ABSENT;
}

static struct str federated_provider(const struct key_context *context)
{
    return has_session(context) ? context->key->session->federated_provider : ABSENT;
}

/* ---- the request ---- */

static struct str source_ip(const struct key_context *context)
{
    return context->call->source_ip;
}

static struct str current_time(const struct key_context *context)
{
    return when_to_iso8601(context->call->arena, context->call->tx->now_ms);
}

static struct str epoch_time(const struct key_context *context)
{
    return arena_printf(context->call->arena, "%lld", (long long)(context->call->tx->now_ms / SECOND_MS));
}

static struct str requested_region(const struct key_context *context)
{
    return context->call->region;
}

static struct str secure_transport(const struct key_context *context)
{
    return context->call->secure ? STR("true") : STR("false");
}

static struct str user_agent(const struct key_context *context)
{
    return context->call->user_agent;
}

static struct str never(const struct key_context *context)
{
    (void)context;
    return STR("false");
}

static struct str resource_account(const struct key_context *context)
{
    return context->resource_account;
}

static struct str passed_to_service(const struct key_context *context)
{
    return context->ask->passed_to;
}

static const struct {
    struct str name;
    value_fn *value;
} rows[] = {
    {STR_INIT("aws:PrincipalArn"), principal_arn},
    {STR_INIT("aws:PrincipalAccount"), principal_account},
    {STR_INIT("aws:PrincipalType"), principal_type},
    {STR_INIT("aws:PrincipalIsAWSService"), never},
    {STR_INIT("aws:ViaAWSService"), never},
    {STR_INIT("aws:username"), username},
    {STR_INIT("aws:userid"), userid},
    {STR_INIT("aws:TokenIssueTime"), token_issue_time},
    {STR_INIT("aws:SourceIdentity"), source_identity},
    {STR_INIT("aws:FederatedProvider"), federated_provider},
    {STR_INIT("aws:SourceIp"), source_ip},
    {STR_INIT("aws:CurrentTime"), current_time},
    {STR_INIT("aws:EpochTime"), epoch_time},
    {STR_INIT("aws:RequestedRegion"), requested_region},
    {STR_INIT("aws:SecureTransport"), secure_transport},
    {STR_INIT("aws:UserAgent"), user_agent},
    {STR_INIT("aws:ResourceAccount"), resource_account},
    {STR_INIT("iam:PassedToService"), passed_to_service},
};

/* ---- tags ---- */

static struct str tag_among(const struct iam_tag_list_type *tags, struct str key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (str_eq_nocase(tags->items[i].key, key))
            return tags->items[i].value;
    return ABSENT;
}

/* A session's own tags come before those of its role. */
static struct str principal_tag(const struct key_context *context, struct str key)
{
    const struct user_record *user = user_of(context);
    const struct role_record *role;
    struct str value = ABSENT;

    if (user != NULL)
        return tag_among(&user->user->tags, key);
    if (has_session(context))
        value = tag_among(&context->key->session->tags, key);
    if (value.ptr != NULL || context->key == NULL || context->key->owner_id.ptr == NULL)
        return value;
    role = transaction_get(context->call->tx, &role_table, context->key->owner_id);
    return role == NULL ? ABSENT : tag_among(&role->role->tags, key);
}

static struct str request_tag(const struct key_context *context, struct str key)
{
    struct str value;

    return request_tag_find(context, key, &value) ? value : ABSENT;
}

static struct str resource_tag(const struct key_context *context, struct str key)
{
    if (context->access == NULL || context->access->tag == NULL || str_is(context->ask->resource, "*"))
        return ABSENT;
    return context->access->tag(context->call, context->ask->resource, key);
}

static const struct {
    struct str prefix;
    struct str (*value)(const struct key_context *context, struct str key);
} tag_rows[] = {
    {STR_INIT("aws:PrincipalTag/"), principal_tag},
    {STR_INIT("aws:RequestTag/"), request_tag},
    {STR_INIT("aws:ResourceTag/"), resource_tag},
};

/* "ecs:ResourceTag/team" where the action is ECS's: the older name of aws:ResourceTag. */
static bool is_own_resource_tag(const struct key_context *context, struct str key, struct str *ret_tag)
{
    static const struct str words = STR_INIT("ResourceTag/");
    struct str rest;
    struct str vendor = str_cut(key, ':', &rest);
    struct str own = str_cut(str_of(context->ask->action), ':', &(struct str){0});

    if (rest.ptr == NULL || !str_eq_nocase(vendor, own) || !str_starts_nocase(rest, words))
        return false;
    *ret_tag = str_from(rest, words.len);
    return true;
}

static struct str find_tag(const struct key_context *context, struct str key)
{
    struct str tag;

    for (size_t i = 0; i < COUNT_OF(tag_rows); i++)
        if (str_starts_nocase(key, tag_rows[i].prefix))
            return tag_rows[i].value(context, str_from(key, tag_rows[i].prefix.len));
    return is_own_resource_tag(context, key, &tag) ? resource_tag(context, tag) : ABSENT;
}

/* ---- what services declare ---- */

static struct str service_value(const struct key_context *context, const struct condition_key *key)
{
    if (key->member != NULL)
        return request_member(context->call, context->operation, context->in, key->member);
    return key->value(context->call, context->operation, context->in);
}

static bool list_values(const struct key_context *context, const struct condition_list *list,
                        struct policy_values *ret_values)
{
    struct str *items;

    if (!request_values(context->call, context->operation, context->in, list->path, ret_values))
        return false;
    items = arena_array(context->call->arena, struct str, ret_values->count);
    for (size_t i = 0; i < ret_values->count; i++)
        items[i] = list->each == NULL
                       ? ret_values->items[i]
                       : list->each(context->call, context->operation, context->in, ret_values->items[i]);
    ret_values->items = items;
    return true;
}

/* ---- all keys ---- */

static struct str find_one(const struct key_context *context, struct str key)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_eq_nocase(rows[i].name, key))
            return rows[i].value(context);
    for (size_t i = 0; context->in != NULL && context->access != NULL && i < context->access->key_count; i++)
        if (str_eq_nocase(str_of(context->access->keys[i].name), key))
            return service_value(context, &context->access->keys[i]);
    return find_tag(context, key);
}

bool condition_key_find(const void *opaque, struct str key, struct policy_values *ret_values)
{
    const struct key_context *context = opaque;
    struct str *value;

    if (str_eq_nocase(key, STR("aws:TagKeys")))
        return request_tag_keys(context, ret_values);
    for (size_t i = 0; context->in != NULL && context->access != NULL && i < context->access->list_count; i++)
        if (str_eq_nocase(str_of(context->access->lists[i].name), key))
            return list_values(context, &context->access->lists[i], ret_values);
    if (context->in != NULL && context->access != NULL && context->access->values != NULL &&
        context->access->values(context->call, context->operation, context->in, key, ret_values))
        return true;
    value = arena_new(context->call->arena, struct str);
    *value = find_one(context, key);
    *ret_values = (struct policy_values){value, 1};
    return value->ptr != NULL;
}
