#include "plane/ecs/attribute.h"

enum { NAME_LEN_MAX = 128, VALUE_LEN_MAX = 128 };

/* ---- rules ---- */

static bool consists_of(struct str text, const char *symbols)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!alphanumeric && (c == '\0' || strchr(symbols, c) == NULL))
            return false;
    }
    return true;
}

bool attribute_check(const struct ecs_attribute *attribute, struct fail *f)
{
    if (attribute->name.len == 0 || attribute->name.len > NAME_LEN_MAX || !consists_of(attribute->name, "-_./\\"))
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Attribute name '%.*s' is invalid: it must have 1 to %d letters, numbers, hyphens, "
                        "underscores, periods, slashes or back slashes.",
                        STR_ARG(attribute->name), NAME_LEN_MAX);
    if (attribute->value.ptr != NULL &&
        (attribute->value.len > VALUE_LEN_MAX || !consists_of(attribute->value, "-_.@:/\\ =+,") ||
         str_trim(attribute->value).len != attribute->value.len))
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The value '%.*s' of attribute '%.*s' is invalid: it can have up to %d letters, numbers, "
                        "hyphens, underscores, periods, at signs, slashes, colons, or spaces within.",
                        STR_ARG(attribute->value), STR_ARG(attribute->name), VALUE_LEN_MAX);
    return true;
}

bool attribute_is_custom(struct str name)
{
    return !str_starts(name, STR("ecs.")) && !str_starts(name, STR("com.amazonaws.ecs."));
}

/* ---- sorted lists ---- */

/* Where the name stands, or belongs. */
static size_t place_of(const struct ecs_attributes *attributes, struct str name)
{
    size_t from = 0;
    size_t to = attributes->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (str_compare(attributes->items[middle].name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool stands_at(const struct ecs_attributes *attributes, size_t at, struct str name)
{
    return at < attributes->count && str_eq(attributes->items[at].name, name);
}

void attributes_put(struct ecs_attributes *attributes, const struct ecs_attribute *attribute)
{
    size_t at = place_of(attributes, attribute->name);

    if (!stands_at(attributes, at, attribute->name)) {
        memmove(&attributes->items[at + 1], &attributes->items[at],
                (attributes->count - at) * sizeof(*attributes->items));
        attributes->count++;
    }
    attributes->items[at] = (struct ecs_attribute){.name = attribute->name, .value = attribute->value};
}

void attributes_remove(struct ecs_attributes *attributes, struct str name)
{
    size_t at = place_of(attributes, name);

    if (!stands_at(attributes, at, name))
        return;
    attributes->count--;
    memmove(&attributes->items[at], &attributes->items[at + 1], (attributes->count - at) * sizeof(*attributes->items));
}

const struct ecs_attribute *attributes_find(const struct ecs_attributes *attributes, struct str name)
{
    size_t at = place_of(attributes, name);

    return stands_at(attributes, at, name) ? &attributes->items[at] : NULL;
}

struct ecs_attributes attributes_sorted(struct arena *arena, const struct ecs_attributes *attributes, size_t more)
{
    struct ecs_attributes sorted = {arena_array(arena, struct ecs_attribute, attributes->count + more + 1), 0};

    for (size_t i = 0; i < attributes->count; i++)
        attributes_put(&sorted, &attributes->items[i]);
    return sorted;
}

size_t attributes_custom_count(const struct ecs_attributes *attributes)
{
    size_t count = 0;

    for (size_t i = 0; i < attributes->count; i++)
        count += attribute_is_custom(attributes->items[i].name);
    return count;
}
