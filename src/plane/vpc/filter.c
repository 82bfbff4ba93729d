#include "plane/vpc/filter.h"

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
    for (size_t i = 0; i < filters->count; i++)
        if (field_of(table, filters->items[i].name) == NULL && !is_tag_filter(table, filters->items[i].name))
            return fail_api(f, "InvalidParameterValue", "The filter '%.*s' is invalid",
                            STR_ARG(filters->items[i].name));
    return true;
}

/* * and ?, without recursion: after a mismatch it goes on behind the last star, one byte further. */
static bool wildcard_match(struct str pattern, struct str text)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = pattern.len;
    size_t star_text = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[t])) {
            p++;
            t++;
        } else if (star < pattern.len) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool any_matches(const struct ec2_filter *filter, struct str value)
{
    for (size_t i = 0; value.ptr != NULL && i < filter->values.count; i++)
        if (wildcard_match(filter->values.items[i], value))
            return true;
    return false;
}

static bool field_matches(const struct filter_field *field, const struct ec2_filter *filter, struct arena *arena,
                          const void *record)
{
    struct str value;

    if (field->item == NULL)
        return any_matches(filter, field->get(arena, record));
    for (size_t i = 0; field->item(record, i, &value); i++)
        if (any_matches(filter, value))
            return true;
    return false;
}

static bool tag_matches(const struct ec2_filter *filter, const struct ec2_tag_list *tags)
{
    bool by_key = str_is(filter->name, "tag-key");
    struct str key = by_key ? STR("") : str_from(filter->name, 4);

    for (size_t i = 0; tags != NULL && i < tags->count; i++)
        if (by_key ? any_matches(filter, tags->items[i].key)
                   : str_eq(tags->items[i].key, key) && any_matches(filter, tags->items[i].value))
            return true;
    return false;
}

bool filters_match(const struct filter_table *table, const struct ec2_filter_list *filters, struct arena *arena,
                   const void *record)
{
    for (size_t i = 0; i < filters->count; i++) {
        const struct ec2_filter *filter = &filters->items[i];
        const struct filter_field *field = field_of(table, filter->name);

        if (field == NULL ? !tag_matches(filter, table->tags(record)) : !field_matches(field, filter, arena, record))
            return false;
    }
    return true;
}
