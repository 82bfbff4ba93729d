/* Reads the objects of event patterns. What stands in their leaves: event_pattern_comparison.c. */
#include "plane/events/event_pattern_private.h"

#include "base/must.h"

#include <stdlib.h>

/* ---- tools ---- */

size_t pattern_count(struct json_value container)
{
    struct json_text_walk walk = json_text_walk(container);
    struct json_value value;
    struct str key;
    size_t count = 0;

    while (json_text_next(&walk, &key, &value))
        count++;
    return count;
}

struct str pattern_string(const struct pattern_reader *reader, struct str raw)
{
    return json_text_string(arena_str(reader->arena, raw), arena_alloc(reader->arena, raw.len));
}

bool pattern_only_member(const struct pattern_reader *reader, struct json_value object, struct str *ret_name,
                         struct json_value *ret_value)
{
    struct json_text_walk walk = json_text_walk(object);
    struct str key;

    if (pattern_count(object) != 1 || !json_text_next(&walk, &key, ret_value))
        return false;
    *ret_name = pattern_string(reader, key);
    return true;
}

/* ---- objects ---- */

static bool read_object(struct pattern_reader *reader, struct json_value value,
                        const struct pattern_object **ret_object);

static bool read_tests(struct pattern_reader *reader, struct json_value array, struct pattern_tests *ret_tests)
{
    struct json_text_walk walk = json_text_walk(array);
    struct pattern_tests tests = {arena_array(reader->arena, struct pattern_test, pattern_count(array)), 0};
    struct json_value value;
    struct str key;

    while (json_text_next(&walk, &key, &value))
        if (!pattern_test_read(reader, value, &tests.items[tests.count++]))
            return false;
    if (tests.count == 0)
        return pattern_fail(reader, "Empty arrays are not allowed");
    *ret_tests = tests;
    return true;
}

static bool read_field(struct pattern_reader *reader, struct str name, struct json_value value,
                       struct pattern_field *ret_field)
{
    struct pattern_field field = {.name = name};

    switch (value.kind) {
    case JSON_OBJECT:
        if (!read_object(reader, value, &field.object))
            return false;
        break;
    case JSON_ARRAY:
        if (!read_tests(reader, value, &field.tests))
            return false;
        break;
    case JSON_STRING:
    case JSON_NUMBER:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        return pattern_fail(reader, "\"%.*s\" must be an object or an array", STR_ARG(name));
    }
    *ret_field = field;
    return true;
}

/* A member that is called "$or" is a choice only when it looks like one: events may have such a member, too. */
static bool is_choice(const struct pattern_reader *reader, struct str name, struct json_value value)
{
    struct json_text_walk walk;
    struct json_value item;
    struct json_value inner;
    struct str key;

    if (!str_is(name, "$or") || value.kind != JSON_ARRAY || pattern_count(value) < 2)
        return false;
    walk = json_text_walk(value);
    while (json_text_next(&walk, &key, &item))
        if (item.kind != JSON_OBJECT || (pattern_only_member(reader, item, &key, &inner) && pattern_is_comparison(key)))
            return false;
    return true;
}

static bool read_choice(struct pattern_reader *reader, struct json_value array, struct pattern_choice *ret_choice)
{
    struct json_text_walk walk = json_text_walk(array);
    struct json_value item;
    struct str key;

    ret_choice->items = arena_array(reader->arena, const struct pattern_object *, pattern_count(array));
    while (json_text_next(&walk, &key, &item))
        if (!read_object(reader, item, &ret_choice->items[ret_choice->count++]))
            return false;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct pattern_field *)a)->name, ((const struct pattern_field *)b)->name);
}

static bool check_names(const struct pattern_reader *reader, const struct pattern_object *object)
{
    for (size_t i = 1; i < object->field_count; i++)
        if (str_eq(object->fields[i - 1].name, object->fields[i].name))
            return pattern_fail(reader, "Path `%.*s` cannot be allowed multiple times",
                                STR_ARG(object->fields[i].name));
    return true;
}

static bool read_members(struct pattern_reader *reader, struct json_value value, struct pattern_object *object)
{
    struct json_text_walk walk = json_text_walk(value);
    struct json_value member;
    struct str key;

    while (json_text_next(&walk, &key, &member)) {
        struct str name = pattern_string(reader, key);

        if (is_choice(reader, name, member)) {
            if (object->choice.count > 0)
                return pattern_fail(reader, "Path `$or` cannot be allowed multiple times");
            if (!read_choice(reader, member, &object->choice))
                return false;
        } else if (!read_field(reader, name, member, &object->fields[object->field_count++])) {
            return false;
        }
    }
    return true;
}

static bool read_object(struct pattern_reader *reader, struct json_value value,
                        const struct pattern_object **ret_object)
{
    struct pattern_object *object = arena_new(reader->arena, struct pattern_object);
    size_t count = pattern_count(value);

    if (count == 0)
        return pattern_fail(reader, "Empty objects are not allowed");
    if (reader->depth == EVENT_PATTERN_DEPTH_MAX)
        return pattern_fail(reader, "Patterns are nested at most %d levels deep", EVENT_PATTERN_DEPTH_MAX);
    object->fields = arena_array(reader->arena, struct pattern_field, count);
    reader->depth++;
    if (!read_members(reader, value, object))
        return false;
    reader->depth--;
    qsort(object->fields, object->field_count, sizeof(*object->fields), by_name);
    *ret_object = object;
    return check_names(reader, object);
}

bool event_pattern_read(struct str text, struct arena *arena, const struct event_pattern **ret_pattern, struct fail *f)
{
    struct pattern_reader reader = {.arena = arena, .fail = f};
    struct event_pattern *pattern = arena_new(arena, struct event_pattern);
    struct json_value value;

    if (text.len > EVENT_PATTERN_BYTES_MAX)
        return pattern_fail(&reader, "Patterns are at most %d bytes long", EVENT_PATTERN_BYTES_MAX);
    if (!json_text_read(text, &value))
        return pattern_fail(&reader, "Invalid JSON");
    if (value.kind != JSON_OBJECT)
        return pattern_fail(&reader, "Filter is not an object");
    if (!read_object(&reader, value, &pattern->root))
        return false;
    *ret_pattern = pattern;
    return true;
}
