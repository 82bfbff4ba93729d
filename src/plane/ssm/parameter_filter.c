#include "plane/ssm/parameter_filter.h"

#include "base/attributes.h"
#include "model/interpret.h"

/* ---- how a text is compared ---- */

typedef bool compare_fn(struct str text, struct str wanted);

static bool contains(struct str text, struct str wanted)
{
    return wanted.len == 0 || str_search(text, wanted) < text.len;
}

static bool is_directly_below(struct str name, struct str path)
{
    return parameter_is_below(name, path, /* recursive= */ false);
}

static bool is_anywhere_below(struct str name, struct str path)
{
    return parameter_is_below(name, path, /* recursive= */ true);
}

enum { EQUALS = 1, BEGINS_WITH = 2, CONTAINS = 4, ONE_LEVEL = 8, RECURSIVE = 16 };

static const struct {
    unsigned bit;
    const char *name;
    compare_fn *compare;
} options[] = {
    {EQUALS, "Equals", str_eq},
    {BEGINS_WITH, "BeginsWith", str_starts},
    {CONTAINS, "Contains", contains},
    {ONE_LEVEL, "OneLevel", is_directly_below},
    {RECURSIVE, "Recursive", is_anywhere_below},
};

/* ---- what is compared ---- */

static struct str name_of(const struct parameter_facts *facts)
{
    return facts->version->name;
}

static struct str type_of(const struct parameter_facts *facts)
{
    return str_of(enum_name(&ssm_parameter_type_shape, (int)facts->version->type));
}

static struct str key_id_of(const struct parameter_facts *facts)
{
    return facts->version->key_id;
}

static struct str tier_of(const struct parameter_facts *facts)
{
    return str_of(enum_name(&ssm_parameter_tier_shape, (int)facts->version->tier));
}

static struct str data_type_of(const struct parameter_facts *facts)
{
    return facts->version->data_type;
}

/* The first option of a key is what it takes when the filter names none. */
static const struct key_row {
    const char *name;
    struct str (*value)(const struct parameter_facts *facts); /* NULL: a list, looked at by itself */
    unsigned options;
    unsigned listers;
} keys[] = {
    {"Name", name_of, EQUALS | BEGINS_WITH | CONTAINS, 1U << LISTER_DESCRIBE},
    {"Path", name_of, ONE_LEVEL | RECURSIVE, 1U << LISTER_DESCRIBE},
    {"Type", type_of, EQUALS | BEGINS_WITH, 1U << LISTER_DESCRIBE | 1U << LISTER_BY_PATH},
    {"KeyId", key_id_of, EQUALS | BEGINS_WITH, 1U << LISTER_DESCRIBE | 1U << LISTER_BY_PATH},
    {"Tier", tier_of, EQUALS | BEGINS_WITH, 1U << LISTER_DESCRIBE},
    {"DataType", data_type_of, EQUALS | BEGINS_WITH, 1U << LISTER_DESCRIBE},
    {"tag:", NULL, EQUALS | BEGINS_WITH, 1U << LISTER_DESCRIBE},
    {"Label", NULL, EQUALS, 1U << LISTER_BY_PATH},
};

static const struct key_row *key_row(struct str key)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (str_is(key, keys[i].name) || (keys[i].value == NULL && str_ends(str_of(keys[i].name), STR(":")) &&
                                          str_starts(key, str_of(keys[i].name))))
            return &keys[i];
    return NULL;
}

/* The option's number in its table; COUNT_OF(options) when the key does not take it. */
static size_t option_of(const struct key_row *row, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if ((row->options & options[i].bit) != 0 && (name.len == 0 || str_is(name, options[i].name)))
            return i;
    return COUNT_OF(options);
}

/* ---- rules ---- */

static bool check_values(const struct ssm_parameter_string_filter *filter, const struct key_row *row, struct fail *f)
{
    if (filter->values.count == 0 && !str_is(str_of(row->name), "tag:"))
        return fail_api(f, SSM_ERROR_INVALID_FILTER_VALUE, "The filter %.*s has no values.", STR_ARG(filter->key));
    for (size_t i = 0; i < filter->values.count; i++)
        if (str_is(str_of(row->name), "Path") && !str_starts(filter->values.items[i], STR("/")))
            return fail_api(f, SSM_ERROR_INVALID_FILTER_VALUE,
                            "The parameter doesn't meet the parameter name requirements. The path '%.*s' must begin "
                            "with a forward slash \"/\".",
                            STR_ARG(filter->values.items[i]));
    return true;
}

bool parameter_filters_check(const struct ssm_parameter_string_filter_list *filters, enum parameter_lister lister,
                             struct fail *f)
{
    for (size_t i = 0; i < filters->count; i++) {
        const struct ssm_parameter_string_filter *filter = &filters->items[i];
        const struct key_row *row = key_row(filter->key);

        if (row == NULL || (row->listers & 1U << lister) == 0)
            return fail_api(
                f, SSM_ERROR_INVALID_FILTER_KEY,
                "The following filter key is not valid: %.*s. Valid filter keys include: [%s].", STR_ARG(filter->key),
                lister == LISTER_BY_PATH ? "Type, KeyId, Label" : "Path, Name, Type, KeyId, Tier, DataType, tag:Key");
        if (option_of(row, filter->option) == COUNT_OF(options))
            return fail_api(f, SSM_ERROR_INVALID_FILTER_OPTION, "The following filter option is not valid: %.*s.",
                            STR_ARG(filter->option));
        if (!check_values(filter, row, f))
            return false;
        for (size_t k = 0; k < i; k++)
            if (str_eq(filters->items[k].key, filter->key))
                return fail_api(f, SSM_ERROR_INVALID_FILTER_KEY,
                                "The following filter is duplicated in the request: %.*s. A request can contain only "
                                "one occurrence of a specific filter.",
                                STR_ARG(filter->key));
    }
    return true;
}

/* ---- the decision ---- */

static bool any(compare_fn *compare, struct str text, const struct ssm_parameter_string_filter_value_list *wanted)
{
    for (size_t i = 0; text.ptr != NULL && i < wanted->count; i++)
        if (compare(text, wanted->items[i]))
            return true;
    return false;
}

static bool passes_tag(const struct parameter_facts *facts, const struct ssm_parameter_string_filter *filter,
                       compare_fn *compare)
{
    struct str key = str_from(filter->key, strlen("tag:"));

    for (size_t i = 0; i < facts->tags->count; i++)
        if (str_eq(facts->tags->items[i].key, key))
            return filter->values.count == 0 || any(compare, facts->tags->items[i].value, &filter->values);
    return false;
}

static bool passes(const struct parameter_facts *facts, const struct ssm_parameter_string_filter *filter)
{
    const struct key_row *row = key_row(filter->key);
    compare_fn *compare = options[option_of(row, filter->option)].compare;

    if (row->value != NULL)
        return any(compare, row->value(facts), &filter->values);
    if (str_is(str_of(row->name), "tag:"))
        return passes_tag(facts, filter, compare);
    for (size_t i = 0; i < facts->version->labels.count; i++)
        if (any(compare, facts->version->labels.items[i], &filter->values))
            return true;
    return false;
}

bool parameter_passes(const struct parameter_facts *facts, const struct ssm_parameter_string_filter_list *filters)
{
    for (size_t i = 0; i < filters->count; i++)
        if (!passes(facts, &filters->items[i]))
            return false;
    return true;
}

bool parameter_is_below(struct str name, struct str path, bool recursive)
{
    struct str above = path;
    struct str rest = name;

    while (str_ends(above, STR("/")))
        above.len--;
    if (above.len > 0) {
        if (!str_starts(name, above) || name.len == above.len || name.ptr[above.len] != '/')
            return false;
        rest = str_from(name, above.len);
    }
    if (str_starts(rest, STR("/")))
        rest = str_from(rest, 1);
    return rest.len > 0 && (recursive || str_find(rest, '/') == rest.len);
}
