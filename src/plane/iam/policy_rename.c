/* A document's text with other names for the AWS principals in it, when those have changed since it was written. */
#include "plane/iam/policy.h"

#include <jansson.h>
#include <stdlib.h>

struct renamer {
    policy_rename_fn *rename;
    const void *context;
};

static json_t *renamed(const struct renamer *renamer, json_t *name)
{
    struct str old = {json_string_value(name), json_string_length(name)};
    struct str new = renamer->rename(renamer->context, old);

    return new.ptr == NULL ? json_incref(name) : json_stringn(new.ptr, new.len);
}

static void rename_value(const struct renamer *renamer, json_t *principal)
{
    json_t *value = json_object_get(principal, "AWS");

    if (json_is_string(value))
        (void)json_object_set_new(principal, "AWS", renamed(renamer, value));
    for (size_t i = 0; i < json_array_size(value); i++)
        if (json_is_string(json_array_get(value, i)))
            (void)json_array_set_new(value, i, renamed(renamer, json_array_get(value, i)));
}

static void rename_statement(const struct renamer *renamer, json_t *statement)
{
    rename_value(renamer, json_object_get(statement, "Principal"));
    rename_value(renamer, json_object_get(statement, "NotPrincipal"));
}

struct str policy_rename(struct str text, policy_rename_fn *rename, const void *context, struct arena *arena)
{
    const struct renamer renamer = {rename, context};
    json_error_t error;
    json_t *root = json_loadb(text.ptr, text.len, 0, &error);
    json_t *statements = json_object_get(root, "Statement");
    struct str result = text;
    char *dumped;

    rename_statement(&renamer, statements);
    for (size_t i = 0; i < json_array_size(statements); i++)
        rename_statement(&renamer, json_array_get(statements, i));
    dumped = root == NULL ? NULL : json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (dumped != NULL)
        result = arena_str(arena, str_of(dumped));
    free(dumped);
    json_decref(root);
    return result;
}
