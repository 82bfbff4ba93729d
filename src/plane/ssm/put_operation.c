/* PutParameter. */
#include "base/must.h"
#include "plane/ssm/allowed_pattern.h"
#include "plane/ssm/operations.h"
#include "plane/ssm/parameter_policy.h"

enum { STANDARD_BYTES_MAX = 4096, ADVANCED_BYTES_MAX = 8192 }; /* user guide, "Managing parameter tiers" */

/* What is being put: the request, and what stands there already. */
struct put {
    const struct ssm_put_parameter_request *in;
    const struct parameter_record *before;           /* NULL: the parameter is new */
    const struct parameter_version_record *previous; /* NULL: likewise */
    struct ssm_parameter_history history;            /* the new version, as far as it is known */
    struct parameter_policies policies;
};

static bool invalid(const struct call *call, const char *why)
{
    return fail_api(call->fail, "ValidationException", "%s", why);
}

/* ---- rules ---- */

static bool check_existence(const struct call *call, const struct put *put)
{
    const struct parameter_place here = {call->principal->account, call->region};

    if (put->before != NULL && !put->in->overwrite)
        return fail_api(call->fail, SSM_ERROR_PARAMETER_ALREADY_EXISTS,
                        "The parameter already exists. To overwrite this value, set the overwrite option in the "
                        "request to true.");
    if (put->before == NULL && parameter_at(call->tx, &here, parameter_twin(call->arena, put->in->name)) != NULL)
        return fail_api(call->fail, SSM_ERROR_PARAMETER_ALREADY_EXISTS,
                        "The parameter already exists: %.*s differs from it in the first slash only, and would have "
                        "the same ARN.",
                        STR_ARG(put->in->name));
    if (put->in->overwrite && put->in->tags.count > 0)
        return invalid(call, "Invalid request: tags and overwrite can't be used together. To create a parameter with "
                             "tags, please remove overwrite flag. To update tags for an existing parameter, please use "
                             "AddTagsToResource or RemoveTagsFromResource.");
    if (put->before == NULL && put->in->type == SSM_PARAMETER_TYPE_NONE)
        return invalid(call, "A parameter type is required when you create a parameter.");
    if (put->before == NULL && transaction_count(call->tx, &parameter_table) >= PARAMETERS_MAX)
        return fail_api(call->fail, SSM_ERROR_PARAMETER_LIMIT_EXCEEDED,
                        "You have exceeded the number of parameters: there can be %d at most.", PARAMETERS_MAX);
    return true;
}

static bool choose_type(const struct call *call, struct put *put)
{
    const struct ssm_put_parameter_request *in = put->in;
    enum ssm_parameter_type type = put->previous == NULL ? in->type : put->previous->history->type;

    if (in->type != SSM_PARAMETER_TYPE_NONE && in->type != type)
        return fail_api(call->fail, SSM_ERROR_HIERARCHY_TYPE_MISMATCH_EXCEPTION,
                        "Parameter Store doesn't support changing a parameter type in a hierarchy: %.*s is a %s. You "
                        "must create a new, unique parameter.",
                        STR_ARG(in->name), enum_name(&ssm_parameter_type_shape, (int)type));
    if (in->key_id.ptr != NULL && type != SSM_PARAMETER_TYPE_SECURE_STRING)
        return invalid(call, "KeyId is required for SecureString type parameter only.");
    put->history.type = type;
    if (type == SSM_PARAMETER_TYPE_SECURE_STRING)
        put->history.key_id = in->key_id.ptr != NULL  ? in->key_id
                              : put->previous != NULL ? put->previous->history->key_id
                                                      : STR("alias/aws/ssm");
    return true;
}

static bool choose_data_type(const struct call *call, struct put *put)
{
    struct str data_type = put->in->data_type.len > 0 ? put->in->data_type : STR("text");

    if (str_is(data_type, "aws:ec2:image"))
        return invalid(call, "Berth does not support the data type aws:ec2:image: there are no images (AMIs) to check "
                             "the value against.");
    if (!str_is(data_type, "text"))
        return fail_api(call->fail, "ValidationException",
                        "The following data type is not supported: %.*s (Data type names are all lowercase.)",
                        STR_ARG(data_type));
    put->history.data_type = data_type;
    return true;
}

static bool choose_policies(const struct call *call, struct put *put)
{
    if (put->in->policies.ptr != NULL)
        return parameter_policies_parse(put->in->policies, call->tx->now_ms, call->arena, &put->policies, call->fail);
    if (put->previous != NULL) {
        put->policies.list = put->previous->history->policies;
        put->policies.expires = put->before->has_expires_at;
        put->policies.expires_at = put->before->expires_at;
    }
    return true;
}

/* Intelligent-Tiering is a choice, not a tier: what the parameter needs. */
static enum ssm_parameter_tier needed_tier(const struct put *put)
{
    bool advanced = put->in->value.len > STANDARD_BYTES_MAX || put->policies.list.count > 0 ||
                    (put->previous != NULL && put->previous->history->tier == SSM_PARAMETER_TIER_ADVANCED);

    return advanced ? SSM_PARAMETER_TIER_ADVANCED : SSM_PARAMETER_TIER_STANDARD;
}

static bool choose_tier(const struct call *call, struct put *put)
{
    enum ssm_parameter_tier before = put->previous == NULL ? SSM_PARAMETER_TIER_STANDARD : put->previous->history->tier;
    enum ssm_parameter_tier tier = put->in->tier == SSM_PARAMETER_TIER_NONE ? before : put->in->tier;

    if (tier == SSM_PARAMETER_TIER_INTELLIGENT_TIERING)
        tier = needed_tier(put);
    if (tier == SSM_PARAMETER_TIER_STANDARD && before == SSM_PARAMETER_TIER_ADVANCED)
        return invalid(call,
                       "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
                       "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the "
                       "advanced parameter and recreate it as a standard parameter.");
    if (tier == SSM_PARAMETER_TIER_STANDARD && put->in->value.len > STANDARD_BYTES_MAX)
        return invalid(call, "Standard tier parameters support a maximum parameter value of 4096 characters. To create "
                             "a larger parameter value, upgrade the parameter to use the advanced-parameter tier.");
    if (put->in->value.len > ADVANCED_BYTES_MAX)
        return invalid(call, "Advanced tier parameters support a maximum parameter value of 8192 characters.");
    if (tier == SSM_PARAMETER_TIER_STANDARD && put->policies.list.count > 0)
        return invalid(call, "Parameter policies are only supported for parameters that use the advanced-parameter "
                             "tier.");
    put->history.tier = tier;
    return true;
}

static bool check_value(const struct call *call, struct put *put)
{
    if (put->in->value.len == 0)
        return invalid(call, "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must "
                             "have length greater than or equal to 1");
    put->history.allowed_pattern = put->in->allowed_pattern;
    if (put->in->allowed_pattern.ptr == NULL && put->previous != NULL)
        put->history.allowed_pattern = put->previous->history->allowed_pattern;
    return put->history.allowed_pattern.len == 0 ||
           allowed_pattern_check(put->history.allowed_pattern, put->in->value, call->fail);
}

/* ---- the new version ---- */

/* Before the 101st the oldest goes, unless somebody means it by a label. */
static bool make_room(const struct call *call, const struct put *put)
{
    const struct parameter_version_record *oldest;
    struct walk walk;

    if (put->before == NULL || put->before->latest < PARAMETER_VERSIONS_MAX)
        return true;
    walk = parameter_versions(call->tx, put->before);
    oldest = walk_next(&walk);
    if (oldest->history->labels.count > 0)
        return fail_api(call->fail, SSM_ERROR_PARAMETER_MAX_VERSION_LIMIT_EXCEEDED,
                        "You attempted to create a new version of %.*s by calling the PutParameter API with the "
                        "overwrite flag. Version %lld, the oldest version, can't be deleted because it has a label "
                        "associated with it. Move the label to another version of the parameter, and try again.",
                        STR_ARG(put->before->name), (long long)oldest->history->version);
    transaction_delete(call->tx, &parameter_version_table, walk.at);
    return true;
}

static void put_version(const struct call *call, struct put *put)
{
    struct parameter_record parameter = {.account_id = call->principal->account, .region = call->region};
    struct parameter_version_record version = {.account_id = call->principal->account, .region = call->region};

    if (put->before != NULL)
        parameter = *put->before;
    else
        parameter.tags = put->in->tags;
    parameter.name = put->in->name;
    SET(&parameter, latest, put->before == NULL ? 1 : put->before->latest + 1);
    parameter.expires_at = put->policies.expires_at;
    parameter.has_expires_at = put->policies.expires;
    must(transaction_put(call->tx, &parameter_table, &parameter));

    put->history.name = put->in->name;
    put->history.policies = put->policies.list;
    put->history.last_modified_user = call->principal->arn;
    put->history.description = put->in->description;
    if (put->in->description.ptr == NULL && put->previous != NULL)
        put->history.description = put->previous->history->description;
    SET(&put->history, version, parameter.latest);
    SET(&put->history, last_modified_date, call->tx->now_ms);
    version.history = &put->history;
    version.sealed =
        vault_seal(call->tx, parameter_version_key(call->tx, &parameter, parameter.latest), put->in->value);
    must(transaction_put(call->tx, &parameter_version_table, &version));
}

bool ssm_put_parameter(struct call *call, const struct ssm_put_parameter_request *in,
                       struct ssm_put_parameter_result *out)
{
    const struct parameter_place here = {call->principal->account, call->region};
    struct put put = {.in = in};

    if (!parameter_name_check(in->name, call->fail))
        return false;
    put.before = parameter_at(call->tx, &here, in->name);
    if (put.before != NULL)
        put.previous = parameter_version(call->tx, put.before, put.before->latest);
    if (!check_existence(call, &put) || !parameter_tags_check(&in->tags, call->fail) || !choose_type(call, &put) ||
        !choose_data_type(call, &put) || !choose_policies(call, &put) || !choose_tier(call, &put) ||
        !check_value(call, &put) || !make_room(call, &put))
        return false;
    put_version(call, &put);
    SET(out, version, put.history.version);
    out->tier = put.history.tier;
    return true;
}
