#include "plane/secrets/secret_filter.h"

/* ---- how texts are compared ---- */

typedef bool compare_fn(struct str text, struct str wanted);

static bool contains_nocase(struct str text, struct str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++)
        if (str_starts_nocase(str_from(text, i), word))
            return true;
    return word.len == 0;
}

/* Whether every word of it is somewhere in the text. */
static bool has_words(struct str text, struct str words)
{
    while (words.ptr != NULL)
        if (!contains_nocase(text, str_cut(words, ' ', &words)))
            return false;
    return true;
}

/* ---- what is looked at ---- */

struct looked_at {
    const struct secretsmanager_secret_list_entry *secret;
    struct str region;
    struct str value;
    compare_fn *fits;
};

static bool description_fits(const struct looked_at *at)
{
    return at->fits(at->secret->description, at->value);
}

static bool name_fits(const struct looked_at *at)
{
    return at->fits(at->secret->name, at->value);
}

static bool tag_key_fits(const struct looked_at *at)
{
    for (size_t i = 0; i < at->secret->tags.count; i++)
        if (at->fits(at->secret->tags.items[i].key, at->value))
            return true;
    return false;
}

static bool tag_value_fits(const struct looked_at *at)
{
    for (size_t i = 0; i < at->secret->tags.count; i++)
        if (at->fits(at->secret->tags.items[i].value, at->value))
            return true;
    return false;
}

static bool region_fits(const struct looked_at *at)
{
    return at->fits(at->region, at->value);
}

static bool owner_fits(const struct looked_at *at)
{
    return at->secret->owning_service.ptr != NULL && at->fits(at->secret->owning_service, at->value);
}

static bool anything_fits(const struct looked_at *at)
{
    return description_fits(at) || name_fits(at) || tag_key_fits(at) || tag_value_fits(at) || region_fits(at) ||
           owner_fits(at);
}

static const struct {
    enum secretsmanager_filter_name_string_type key;
    bool (*looks)(const struct looked_at *at);
    compare_fn *fits;
} rows[] = {
    {SECRETSMANAGER_FILTER_NAME_STRING_TYPE_DESCRIPTION, description_fits, str_starts_nocase},
    {SECRETSMANAGER_FILTER_NAME_STRING_TYPE_NAME, name_fits, str_starts},
    {SECRETSMANAGER_FILTER_NAME_STRING_TYPE_TAG_KEY, tag_key_fits, str_starts},
    {SECRETSMANAGER_FILTER_NAME_STRING_TYPE_TAG_VALUE, tag_value_fits, str_starts},
    {SECRETSMANAGER_FILTER_NAME_STRING_TYPE_PRIMARY_REGION, region_fits, str_starts},
    {SECRETSMANAGER_FILTER_NAME_STRING_TYPE_OWNING_SERVICE, owner_fits, str_starts},
    {SECRETSMANAGER_FILTER_NAME_STRING_TYPE_ALL, anything_fits, has_words},
};

static bool passes(const struct secretsmanager_filter *filter, struct looked_at *at)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].key != filter->key)
            continue;
        at->fits = rows[i].fits;
        for (size_t k = 0; k < filter->values.count; k++) {
            bool negated = str_starts(filter->values.items[k], STR("!"));

            at->value = negated ? str_from(filter->values.items[k], 1) : filter->values.items[k];
            if (rows[i].looks(at) != negated)
                return true;
        }
    }
    return false;
}

bool secret_passes(const struct secretsmanager_secret_list_entry *secret, struct str region,
                   const struct secretsmanager_filters_list_type *filters)
{
    struct looked_at at = {.secret = secret, .region = region};

    for (size_t i = 0; i < filters->count; i++)
        if (!passes(&filters->items[i], &at))
            return false;
    return true;
}
