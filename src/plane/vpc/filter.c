#include "plane/vpc/filter.h"

#include "base/must.h"
#include "base/wildcard.h"
#include "model/interpret.h"

#include <stdio.h>

enum { FILTERS_MAX = 50, VALUES_MAX = 200 }; /* EC2 user guide, "List and filter using the CLI and API" */

static const struct filter_field *field_of(const struct filter_table *table, struct str name)
{
    for (size_t i = 0; i < table->count; i++)
        if (str_is(name, table->fields[i].name))
            return &table->fields[i];
    return NULL;
}

static bool is_tag_filter(const struct filter_table *table, struct str name)
{
    return table->tags != NULL && (str_is(name, "tag-key") || str_starts(name, STR("tag:")));
}

bool filters_check(const struct filter_table *table, const struct ec2_filter_list *filters, struct fail *f)
{
    if (filters->count > FILTERS_MAX)
        return fail_api(f, "FilterLimitExceeded", "The maximum number of filters specified on a single call is %d",
                        FILTERS_MAX);
    for (size_t i = 0; i < filters->count; i++) {
        const struct ec2_filter *filter = &filters->items[i];

        if (field_of(table, filter->name) == NULL && !is_tag_filter(table, filter->name))
            return fail_api(f, "InvalidParameterValue", "The filter '%.*s' is invalid", STR_ARG(filter->name));
        if (filter->values.count > VALUES_MAX)
            return fail_api(f, "FilterLimitExceeded",
                            "The maximum number of filter values specified on a single call is %d", VALUES_MAX);
    }
    return true;
}

static bool any_matches(const struct ec2_filter *filter, struct str value)
{
    for (size_t i = 0; value.ptr != NULL && i < filter->values.count; i++)
        if (wildcard_matches(filter->values.items[i], value))
            return true;
    return false;
}

static bool number_matches(const struct ec2_filter *filter, int64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)number);
    return any_matches(filter, str_of(text));
}

static bool scalar_matches(const struct ec2_filter *filter, const struct shape *shape, const void *value)
{
    switch (shape->kind) {
    case SHAPE_STRING:
        return any_matches(filter, *(const struct str *)value);
    case SHAPE_ENUM:
        return any_matches(filter, str_of(enum_name(shape, *(const int *)value)));
    case SHAPE_BOOLEAN:
        return any_matches(filter, *(const bool *)value ? STR("true") : STR("false"));
    case SHAPE_INTEGER:
        return number_matches(filter, *(const int32_t *)value);
    case SHAPE_LONG:
        return number_matches(filter, *(const int64_t *)value);
    case SHAPE_STRUCTURE:
    case SHAPE_LIST:
    case SHAPE_MAP:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        break;
    }
    must_not_happen("a filter's path ends at something without a text");
}

/* As deep as the path has parts, and a level for each list on it. */
static bool value_matches(const struct ec2_filter *filter, const struct shape *shape, const void *value,
                          struct str path)
{
    const struct member *member;
    struct str rest;

    if (shape->kind == SHAPE_LIST) {
        for (size_t i = 0; i < ((const struct list_value *)value)->count; i++)
            if (value_matches(filter, shape_element(shape), list_at(shape, value, i), path))
                return true;
        return false;
    }
    if (path.ptr == NULL)
        return scalar_matches(filter, shape, value);
    must(shape->kind == SHAPE_STRUCTURE);
    member = shape_member(shape, str_cut(path, '.', &rest));
    must(member != NULL);
    return member_present(member, value) &&
           value_matches(filter, member_shape(member), member_value(member, value), rest);
}

static bool tag_matches(const struct ec2_filter *filter, const struct ec2_tag_list *tags)
{
    bool by_key = str_is(filter->name, "tag-key");
    struct str key = by_key ? STR("") : str_from(filter->name, 4);

    for (size_t i = 0; i < tags->count; i++)
        if (by_key ? any_matches(filter, tags->items[i].key)
                   : str_eq(tags->items[i].key, key) && any_matches(filter, tags->items[i].value))
            return true;
    return false;
}

static const struct ec2_tag_list *tags_of(const struct filter_table *table, const void *noun)
{
    const struct shape *shape = table->noun;
    struct str rest = str_of(table->tags);

    while (rest.ptr != NULL) {
        const struct member *member = shape_member(shape, str_cut(rest, '.', &rest));

        must(member != NULL);
        noun = member_value(member, noun);
        shape = member_shape(member);
    }
    return noun;
}

bool filters_match(const struct filter_table *table, const struct ec2_filter_list *filters, const void *noun)
{
    for (size_t i = 0; i < filters->count; i++) {
        const struct ec2_filter *filter = &filters->items[i];
        const struct filter_field *field = field_of(table, filter->name);

        if (field == NULL ? !tag_matches(filter, tags_of(table, noun))
                          : !value_matches(filter, table->noun, noun, str_of(field->path)))
            return false;
    }
    return true;
}
