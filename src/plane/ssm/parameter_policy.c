#include "plane/ssm/parameter_policy.h"

#include "base/when.h"

#include <jansson.h>

/* ---- one policy ---- */

static bool bad_attribute(const char *type, const char *attribute, struct fail *f)
{
    return fail_api(f, SSM_ERROR_INVALID_POLICY_ATTRIBUTE_EXCEPTION,
                    "A policy attribute or its value is invalid: %s of the policy %s.", attribute, type);
}

static bool check_amount(const json_t *attributes, const char *type, const char *amount, struct fail *f)
{
    const char *number = json_string_value(json_object_get(attributes, amount));
    const char *unit = json_string_value(json_object_get(attributes, "Unit"));
    uint64_t value;

    if (number == NULL || !str_to_uint64(str_of(number), &value) || value == 0)
        return bad_attribute(type, amount, f);
    return (unit != NULL && (strcmp(unit, "Days") == 0 || strcmp(unit, "Hours") == 0)) ||
           bad_attribute(type, "Unit", f);
}

static bool check_expiration(const json_t *attributes, int64_t now_ms, struct parameter_policies *policies,
                             struct fail *f)
{
    const char *text = json_string_value(json_object_get(attributes, "Timestamp"));

    if (policies->expires)
        return fail_api(f, SSM_ERROR_INCOMPATIBLE_POLICY_EXCEPTION,
                        "There is a conflict in the policies specified for this parameter. You can't specify two "
                        "Expiration policies for a parameter.");
    if (text == NULL || !when_from_iso8601(str_of(text), &policies->expires_at) || policies->expires_at <= now_ms)
        return bad_attribute("Expiration", "Timestamp", f);
    policies->expires = true;
    return true;
}

static bool check_policy(const json_t *policy, int64_t now_ms, struct parameter_policies *policies, struct fail *f)
{
    const char *type = json_string_value(json_object_get(policy, "Type"));
    const char *version = json_string_value(json_object_get(policy, "Version"));
    const json_t *attributes = json_object_get(policy, "Attributes");

    if (version == NULL || strcmp(version, "1.0") != 0)
        return bad_attribute(type == NULL ? "without a Type" : type, "Version", f);
    if (type != NULL && strcmp(type, "Expiration") == 0)
        return check_expiration(attributes, now_ms, policies, f);
    if (type != NULL && strcmp(type, "ExpirationNotification") == 0)
        return check_amount(attributes, type, "Before", f);
    if (type != NULL && strcmp(type, "NoChangeNotification") == 0)
        return check_amount(attributes, type, "After", f);
    return fail_api(f, SSM_ERROR_INVALID_POLICY_TYPE_EXCEPTION,
                    "The policy type isn't supported. Parameter Store supports the following policy types: Expiration, "
                    "ExpirationNotification, and NoChangeNotification.");
}

/* ---- all of them ---- */

static void add(const json_t *policy, struct arena *arena, struct parameter_policies *policies)
{
    char *text = json_dumps(policy, JSON_COMPACT);
    struct ssm_parameter_inline_policy *to = &policies->list.items[policies->list.count++];

    to->policy_text = arena_str(arena, str_of(text == NULL ? "" : text));
    to->policy_type = arena_str(arena, str_of(json_string_value(json_object_get(policy, "Type"))));
    to->policy_status = STR("Pending");
    free(text);
}

static bool parse(const json_t *document, int64_t now_ms, struct arena *arena, struct parameter_policies *policies,
                  struct fail *f)
{
    const json_t *policy;
    size_t i;

    if (!json_is_array(document))
        return fail_api(f, "ValidationException", "Policies must be a JSON list of policies.");
    if (json_array_size(document) > PARAMETER_POLICIES_MAX)
        return fail_api(f, SSM_ERROR_POLICIES_LIMIT_EXCEEDED_EXCEPTION,
                        "You specified more than the maximum number of allowed policies for the parameter. The maximum "
                        "is %d.",
                        PARAMETER_POLICIES_MAX);
    policies->list.items = arena_array(arena, struct ssm_parameter_inline_policy, PARAMETER_POLICIES_MAX);
    if (json_array_size(document) == 1 && json_is_object(json_array_get(document, 0)) &&
        json_object_size(json_array_get(document, 0)) == 0)
        return true;
    json_array_foreach(document, i, policy)
    {
        if (!check_policy(policy, now_ms, policies, f))
            return false;
        add(policy, arena, policies);
    }
    return true;
}

bool parameter_policies_parse(struct str text, int64_t now_ms, struct arena *arena,
                              struct parameter_policies *ret_policies, struct fail *f)
{
    json_t *document = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool good;

    *ret_policies = (struct parameter_policies){.expires = false};
    good = parse(document, now_ms, arena, ret_policies, f);
    json_decref(document);
    return good;
}
