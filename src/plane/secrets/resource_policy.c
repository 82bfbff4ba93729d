#include "plane/secrets/resource_policy.h"

#include <jansson.h>

static bool wrong(struct resource_policy_fault *fault, const char *format, const char *what)
{
    (void)snprintf(fault->message, sizeof(fault->message), format, what);
    return false;
}

static bool is_everybody(const json_t *principal)
{
    const json_t *one = json_is_object(principal) ? json_object_get(principal, "AWS") : principal;
    const json_t *item;
    size_t i;

    if (json_is_string(one))
        return strcmp(json_string_value(one), "*") == 0;
    json_array_foreach(one, i, item) if (json_is_string(item) && strcmp(json_string_value(item), "*") == 0) return true;
    return false;
}

static bool check_statement(const json_t *statement, struct resource_policy_fault *fault)
{
    static const char *const pairs[][2] = {
        {"Principal", "NotPrincipal"}, {"Action", "NotAction"}, {"Resource", "NotResource"}};
    const char *effect = json_string_value(json_object_get(statement, "Effect"));

    if (!json_is_object(statement))
        return wrong(fault, "This resource policy contains a statement that is %s.", "not an object");
    if (effect == NULL || (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0))
        return wrong(fault, "This resource policy contains a statement whose Effect is not %s.", "Allow or Deny");
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if ((json_object_get(statement, pairs[i][0]) == NULL) == (json_object_get(statement, pairs[i][1]) == NULL))
            return wrong(fault, "This resource policy contains a statement without one %s.", pairs[i][0]);
    if (strcmp(effect, "Allow") == 0 && json_object_get(statement, "Condition") == NULL &&
        (json_object_get(statement, "NotPrincipal") != NULL || is_everybody(json_object_get(statement, "Principal"))))
        fault->is_public = true;
    return true;
}

static bool check_document(const json_t *document, struct resource_policy_fault *fault)
{
    const json_t *statements = json_object_get(document, "Statement");
    const json_t *statement;
    size_t i;

    if (!json_is_object(document))
        return wrong(fault, "This resource policy contains invalid %s", "Json");
    if (json_is_object(statements))
        return check_statement(statements, fault);
    if (json_array_size(statements) == 0)
        return wrong(fault, "This resource policy has no %s.", "Statement");
    json_array_foreach(statements, i, statement) if (!check_statement(statement, fault)) return false;
    return true;
}

bool resource_policy_check(struct str text, struct resource_policy_fault *ret_fault)
{
    json_t *document = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool good;

    *ret_fault = (struct resource_policy_fault){.is_public = false};
    good = check_document(document, ret_fault);
    json_decref(document);
    return good;
}
