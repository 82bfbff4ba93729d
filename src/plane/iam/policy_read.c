/* Policy documents: JSON to struct policy_document (IAM user guide, "Grammar of the IAM JSON policy language"). What is
 * wrong with the syntax is found here and is one message, as IAM has it; the rules that have messages of their own are
 * policy_check.c's. */
#include "model/interpret.h"
#include "plane/iam/policy_private.h"

#include <jansson.h>

struct reader {
    struct arena *arena;
    struct fail *f;
};

static bool refuse(const struct reader *reader)
{
    return fail_api(reader->f, "MalformedPolicyDocument", "Syntax errors in policy.");
}

/* ---- members ---- */

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Every member has one of these names. */
static bool check_names(const struct reader *reader, json_t *object, const char *const *names, size_t count)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        if (!is_among(name, names, count))
            return refuse(reader);
    }
    return true;
}

static struct str text_of(const struct reader *reader, const json_t *string)
{
    return arena_str(reader->arena, (struct str){json_string_value(string), json_string_length(string)});
}

/* A member that is a string or not there. */
static bool get_text(const struct reader *reader, const json_t *object, const char *name, struct str *ret_text)
{
    const json_t *value = json_object_get(object, name);

    if (value != NULL && !json_is_string(value))
        return refuse(reader);
    *ret_text = value == NULL ? (struct str){NULL, 0} : text_of(reader, value);
    return true;
}

/* Strings; where `scalars`, also numbers and booleans, which conditions have. */
static bool read_string(const struct reader *reader, const json_t *value, bool scalars, struct str *ret_text)
{
    if (json_is_string(value))
        *ret_text = text_of(reader, value);
    else if (scalars && json_is_boolean(value))
        *ret_text = json_is_true(value) ? STR("true") : STR("false");
    else if (scalars && json_is_integer(value))
        *ret_text = arena_printf(reader->arena, "%lld", (long long)json_integer_value(value));
    else if (scalars && json_is_real(value))
        *ret_text = arena_printf(reader->arena, "%.15g", json_real_value(value));
    else
        return refuse(reader);
    return policy_variable_count(*ret_text) <= POLICY_VARIABLES_MAX ||
           fail_api(reader->f, "MalformedPolicyDocument", "A value has more than %d policy variables: %.*s",
                    POLICY_VARIABLES_MAX, STR_ARG(*ret_text));
}

/* One string or a list of them. */
static bool read_strings(const struct reader *reader, const json_t *value, bool scalars,
                         struct policy_strings *ret_strings)
{
    bool list = json_is_array(value);
    size_t count = list ? json_array_size(value) : 1;
    struct str *items = arena_array(reader->arena, struct str, count);

    for (size_t i = 0; i < count; i++)
        if (!read_string(reader, list ? json_array_get(value, i) : value, scalars, &items[i]))
            return false;
    *ret_strings = (struct policy_strings){items, count};
    return true;
}

/* Action or NotAction, Resource or NotResource: one of the two, or neither (which policy_check.c judges). */
static bool read_either(const struct reader *reader, const json_t *statement, const char *const names[2],
                        struct policy_strings *ret_strings, bool *ret_not)
{
    const json_t *plain = json_object_get(statement, names[0]);
    const json_t *negated = json_object_get(statement, names[1]);

    *ret_not = negated != NULL;
    if (plain != NULL && negated != NULL)
        return refuse(reader);
    if (plain == NULL && negated == NULL)
        return true;
    return read_strings(reader, plain != NULL ? plain : negated, /* scalars= */ false, ret_strings);
}

/* ---- principals ---- */

static const struct {
    const char *name;
    enum policy_principal_type type;
} principal_types[] = {
    {"AWS", POLICY_PRINCIPAL_TYPE_AWS},
    {"Service", POLICY_PRINCIPAL_TYPE_SERVICE},
    {"Federated", POLICY_PRINCIPAL_TYPE_FEDERATED},
    {"CanonicalUser", POLICY_PRINCIPAL_TYPE_CANONICAL_USER},
};

static enum policy_principal_type find_principal_type(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(principal_types); i++)
        if (strcmp(principal_types[i].name, name) == 0)
            return principal_types[i].type;
    return POLICY_PRINCIPAL_TYPE_NONE;
}

static size_t count_principals(json_t *object)
{
    const char *name;
    json_t *value;
    size_t count = 0;

    json_object_foreach(object, name, value)
    {
        count += json_is_array(value) ? json_array_size(value) : 1;
    }
    return count;
}

static bool read_principal_map(const struct reader *reader, json_t *object, struct policy_principals *ret_principals)
{
    struct policy_principal *items = arena_array(reader->arena, struct policy_principal, count_principals(object));
    size_t count = 0;
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        enum policy_principal_type type = find_principal_type(name);
        struct policy_strings strings;

        if (type == POLICY_PRINCIPAL_TYPE_NONE || !read_strings(reader, value, /* scalars= */ false, &strings))
            return refuse(reader);
        for (size_t i = 0; i < strings.count; i++)
            items[count++] = (struct policy_principal){type, strings.items[i]};
    }
    *ret_principals = (struct policy_principals){items, count};
    return true;
}

/* "*" alone is everybody, like {"AWS": "*"}. */
static bool read_principals(const struct reader *reader, const json_t *object, struct policy_statement *statement)
{
    json_t *plain = json_object_get(object, "Principal");
    json_t *negated = json_object_get(object, "NotPrincipal");
    json_t *value = plain != NULL ? plain : negated;
    struct policy_principal *everybody;

    if (plain != NULL && negated != NULL)
        return refuse(reader);
    statement->not_principal = negated != NULL;
    statement->has_not_principal = true;
    if (value == NULL)
        return true;
    if (json_is_object(value))
        return read_principal_map(reader, value, &statement->principals);
    if (!json_is_string(value) || strcmp(json_string_value(value), "*") != 0)
        return refuse(reader);
    everybody = arena_new(reader->arena, struct policy_principal);
    *everybody = (struct policy_principal){POLICY_PRINCIPAL_TYPE_AWS, STR("*")};
    statement->principals = (struct policy_principals){everybody, 1};
    return true;
}

/* ---- conditions ---- */

static const struct {
    struct str prefix;
    enum policy_qualifier qualifier;
} qualifiers[] = {
    {STR_INIT("ForAnyValue:"), POLICY_QUALIFIER_FOR_ANY_VALUE},
    {STR_INIT("ForAllValues:"), POLICY_QUALIFIER_FOR_ALL_VALUES},
};

/* "ForAnyValue:StringLikeIfExists" */
static bool read_operator(const struct reader *reader, struct str name, struct policy_condition *condition)
{
    static const struct str if_exists = STR_INIT("IfExists");
    int number;

    for (size_t i = 0; i < COUNT_OF(qualifiers); i++)
        if (str_starts(name, qualifiers[i].prefix)) {
            condition->qualifier = qualifiers[i].qualifier;
            name = str_from(name, qualifiers[i].prefix.len);
            break;
        }
    SET(condition, if_exists, str_ends(name, if_exists));
    if (condition->if_exists)
        name.len -= if_exists.len;
    number = enum_value(&policy_operator_shape, name);
    if (number == POLICY_OPERATOR_NONE || (number == POLICY_OPERATOR_NULL && condition->if_exists))
        return refuse(reader);
    condition->operator=(enum policy_operator) number;
    return true;
}

static bool read_operator_keys(const struct reader *reader, const char *name, json_t *keys,
                               struct policy_conditions *conditions)
{
    struct policy_condition common = {0};
    const char *key;
    json_t *values;

    if (!json_is_object(keys))
        return refuse(reader);
    if (json_object_size(keys) == 0) /* then IAM does not look at the operator */
        return true;
    if (!read_operator(reader, str_of(name), &common))
        return false;
    json_object_foreach(keys, key, values)
    {
        struct policy_condition *condition = &conditions->items[conditions->count++];

        *condition = common;
        condition->key = arena_str(reader->arena, str_of(key));
        if (!read_strings(reader, values, /* scalars= */ true, &condition->values))
            return false;
    }
    return true;
}

static bool read_conditions(const struct reader *reader, const json_t *object, struct policy_statement *statement)
{
    json_t *operators = json_object_get(object, "Condition");
    size_t count = 0;
    const char *name;
    json_t *keys;

    if (operators == NULL)
        return true;
    if (!json_is_object(operators))
        return refuse(reader);
    json_object_foreach(operators, name, keys)
    {
        count += json_object_size(keys);
    }
    statement->conditions.items = arena_array(reader->arena, struct policy_condition, count);
    json_object_foreach(operators, name, keys)
    {
        if (!read_operator_keys(reader, name, keys, &statement->conditions))
            return false;
    }
    return true;
}

/* ---- statements ---- */

/* Case matters, but not to the first of IAM's parsers. */
static bool read_effect(const struct reader *reader, const json_t *object, struct policy_statement *statement)
{
    struct str effect;

    if (!get_text(reader, object, "Effect", &effect))
        return false;
    statement->effect = (enum policy_effect)enum_value(&policy_effect_shape, effect);
    if (statement->effect != POLICY_EFFECT_NONE)
        return true;
    if (str_eq_nocase(effect, STR("Allow")) || str_eq_nocase(effect, STR("Deny")))
        return fail_api(reader->f, "MalformedPolicyDocument", "The policy failed legacy parsing");
    return refuse(reader);
}

static bool read_statement(const struct reader *reader, json_t *object, struct policy_statement *statement)
{
    static const char *const names[] = {"Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
                                        "NotAction", "Resource", "NotResource", "Condition"};
    static const char *const actions[] = {"Action", "NotAction"};
    static const char *const resources[] = {"Resource", "NotResource"};

    if (!json_is_object(object) || !check_names(reader, object, names, COUNT_OF(names)))
        return refuse(reader);
    statement->has_not_action = true;
    statement->has_not_resource = true;
    return get_text(reader, object, "Sid", &statement->sid) && read_effect(reader, object, statement) &&
           read_either(reader, object, actions, &statement->actions, &statement->not_action) &&
           read_either(reader, object, resources, &statement->resources, &statement->not_resource) &&
           read_principals(reader, object, statement) && read_conditions(reader, object, statement);
}

static bool read_statements(const struct reader *reader, json_t *value, struct policy_statements *ret_statements)
{
    bool list = json_is_array(value);
    size_t count = list ? json_array_size(value) : 1;
    struct policy_statement *items;

    if (value == NULL || count == 0)
        return refuse(reader);
    items = arena_array(reader->arena, struct policy_statement, count);
    for (size_t i = 0; i < count; i++)
        if (!read_statement(reader, list ? json_array_get(value, i) : value, &items[i]))
            return false;
    *ret_statements = (struct policy_statements){items, count};
    return true;
}

static bool read_document(const struct reader *reader, json_t *root, struct policy_document *document)
{
    static const char *const names[] = {"Version", "Id", "Statement"};

    if (!json_is_object(root) || !check_names(reader, root, names, COUNT_OF(names)))
        return refuse(reader);
    if (!get_text(reader, root, "Version", &document->version) || !get_text(reader, root, "Id", &document->id))
        return false;
    if (document->version.ptr != NULL && !str_is(document->version, "2012-10-17") &&
        !str_is(document->version, "2008-10-17"))
        return refuse(reader);
    return read_statements(reader, json_object_get(root, "Statement"), &document->statements);
}

bool policy_read(struct str json, enum policy_kind kind, struct arena *arena, struct policy_document **ret_document,
                 struct fail *f)
{
    struct policy_document *document;
    struct reader reader = {arena, f};
    json_error_t error;
    json_t *root;
    bool good;

    if (json.len > POLICY_BYTES_MAX)
        return fail_api(f, "MalformedPolicyDocument", "The policy document is longer than %d bytes.", POLICY_BYTES_MAX);
    root = json_loadb(json.len == 0 ? "" : json.ptr, json.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        return refuse(&reader);
    document = arena_new(arena, struct policy_document);
    good = read_document(&reader, root, document) && policy_check(document, kind, f);
    json_decref(root);
    if (good)
        *ret_document = document;
    return good;
}
