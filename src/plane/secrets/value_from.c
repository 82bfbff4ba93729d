#include "plane/secrets/value_from.h"

enum { ARN_PARTS = 5, SECRET_PARTS = 4 };

static bool malformed(struct str text, const char *why, struct fail *f)
{
    return fail(f, FAIL_INPUT, "valueFrom '%.*s' %s", STR_ARG(text), why);
}

static bool is_account(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len == 12;
}

/* "secret:NAME-XXXXXX[:JSON-KEY:VERSION-STAGE:VERSION-ID]", which ends where the text does. */
static bool parse_secret(struct str text, struct str resource, struct value_from *from, struct fail *f)
{
    struct str parts[SECRET_PARTS] = {{NULL, 0}};
    struct str rest = resource;
    size_t count = 0;

    if (!str_is(str_cut(rest, ':', &rest), "secret") || rest.ptr == NULL)
        return malformed(text, "is not the ARN of a secret", f);
    for (; count < SECRET_PARTS && rest.ptr != NULL; count++)
        parts[count] = str_cut(rest, ':', &rest);
    if (parts[0].len == 0 || rest.ptr != NULL || (count != 1 && count != SECRET_PARTS))
        return malformed(text, "does not end in a secret's name, or in its name and :json-key:version-stage:version-id",
                         f);
    from->kind = VALUE_FROM_SECRET;
    from->name = str_to(text, (size_t)(parts[0].ptr + parts[0].len - text.ptr));
    from->json_key = parts[1];
    from->version_stage = parts[2];
    from->version_id = parts[3];
    return true;
}

static bool parse_arn(struct str text, struct value_from *from, struct fail *f)
{
    struct str parts[ARN_PARTS];
    struct str rest = text;

    for (size_t i = 0; i < ARN_PARTS; i++) {
        parts[i] = str_cut(rest, ':', &rest);
        if (rest.ptr == NULL)
            return malformed(text, "is not a whole ARN", f);
    }
    from->region = parts[3];
    from->account = parts[4];
    if (from->region.len == 0 || !is_account(from->account))
        return malformed(text, "is an ARN without a region and an account", f);
    if (str_is(parts[2], "secretsmanager"))
        return parse_secret(text, rest, from, f);
    if (!str_is(parts[2], "ssm") || !str_starts(rest, STR("parameter/")) || rest.len == strlen("parameter/"))
        return malformed(text, "is the ARN of neither a secret nor a parameter", f);
    from->kind = VALUE_FROM_PARAMETER;
    from->name = text;
    return true;
}

bool value_from_parse(struct str text, struct value_from *ret_from, struct fail *f)
{
    struct value_from from = {.kind = VALUE_FROM_PARAMETER, .name = text};

    if (text.len == 0)
        return malformed(text, "is empty", f);
    if (str_starts(text, STR("arn:")) && !parse_arn(text, &from, f))
        return false;
    *ret_from = from;
    return true;
}
