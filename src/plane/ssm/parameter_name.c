#include "plane/ssm/parameter_name.h"

#include "model/gen/ssm.h"

#define NAME_RULES                                                                                                     \
    "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of "       \
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 " \
    "symbols .-_"

enum { ARN_PARTS = 5, LABEL_MAX = 100 };

static bool is_word(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
              c == '_'))
            return false;
    }
    return text.len > 0;
}

static bool is_reserved(struct str word)
{
    return str_starts_nocase(word, STR("aws")) || str_starts_nocase(word, STR("ssm"));
}

static bool check_levels(struct str path, struct fail *f)
{
    struct str rest = path;
    size_t levels = 0;

    for (; rest.ptr != NULL; levels++)
        if (!is_word(str_cut(rest, '/', &rest)))
            return fail_api(f, "ValidationException", "%s", NAME_RULES);
    return levels <= PARAMETER_LEVELS_MAX ||
           fail_api(f, SSM_ERROR_HIERARCHY_LEVEL_LIMIT_EXCEEDED_EXCEPTION,
                    "A hierarchy can have a maximum of %d levels. The parameter name has %zu.", PARAMETER_LEVELS_MAX,
                    levels);
}

bool parameter_name_check(struct str name, struct fail *f)
{
    bool is_path = str_starts(name, STR("/"));
    struct str path = is_path ? str_from(name, 1) : name;

    if (!is_path && str_find(name, '/') < name.len)
        return fail_api(f, "ValidationException", "Parameter name must be a fully qualified name.");
    if (name.len > PARAMETER_NAME_MAX)
        return fail_api(f, "ValidationException", "Parameter name has %zu characters; it can have %d at most.",
                        name.len, PARAMETER_NAME_MAX);
    if (is_path && str_starts_nocase(path, STR("aws")))
        return fail_api(f, "AccessDeniedException", "No access to reserved parameter name: %.*s.", STR_ARG(name));
    if (is_reserved(path))
        return fail_api(f, "ValidationException", "%s",
                        is_path ? NAME_RULES
                                : "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).");
    return check_levels(path, f);
}

bool parameter_label_is_valid(struct str label)
{
    return is_word(label) && label.len <= LABEL_MAX && !(label.ptr[0] >= '0' && label.ptr[0] <= '9') &&
           !is_reserved(label);
}

bool parameter_ref_parse(struct str text, struct parameter_ref *ret_ref)
{
    struct parameter_ref ref = {.version = 0};
    struct str parts[ARN_PARTS] = {{NULL, 0}};
    struct str rest = text;
    size_t colon;

    if (str_starts(text, STR("arn:"))) {
        for (size_t i = 0; i < ARN_PARTS && rest.ptr != NULL; i++)
            parts[i] = str_cut(rest, ':', &rest);
        if (rest.ptr == NULL || !str_is(parts[2], "ssm") || !str_starts(rest, STR("parameter/")))
            return false;
        ref.region = parts[3];
        ref.account = parts[4];
        rest = str_from(rest, strlen("parameter/"));
    }
    colon = str_find(rest, ':');
    ref.name = str_to(rest, colon);
    if (colon < rest.len) {
        struct str selector = str_from(rest, colon + 1);

        if (selector.len == 0 || str_find(selector, ':') < selector.len)
            return false;
        ref.selector = str_from(rest, colon);
        if (!str_to_int64(selector, &ref.version) || ref.version < 1)
            ref.version = 0;
    }
    *ret_ref = ref;
    return ref.name.len > 0;
}

struct str parameter_twin(struct arena *arena, struct str name)
{
    return str_starts(name, STR("/")) ? str_from(name, 1) : arena_printf(arena, "/%.*s", STR_ARG(name));
}

struct str parameter_arn(struct arena *arena, struct str account, struct str region, struct str name)
{
    return arena_printf(arena, "arn:aws:ssm:%.*s:%.*s:parameter%s%.*s", STR_ARG(region), STR_ARG(account),
                        str_starts(name, STR("/")) ? "" : "/", STR_ARG(name));
}
