#include "plane/events/value_read.h"

#include "model/interpret.h"
#include "plane/logs/json_text.h"

struct reader {
    struct arena *arena;
    struct fail *fail;
    const char *member; /* being read, for messages */
};

static bool wrong(const struct reader *reader, const char *what)
{
    return fail(reader->fail, FAIL_INPUT, "'%s' must be %s", reader->member, what);
}

static bool read_value(struct reader *reader, const struct shape *shape, struct json_value json, void *at);

static bool read_text(const struct reader *reader, struct json_value json, struct str *ret_text)
{
    struct str raw;

    if (json.kind != JSON_STRING)
        return wrong(reader, "a string");
    raw = arena_str(reader->arena, json.raw);
    *ret_text = json_text_string(raw, arena_alloc(reader->arena, raw.len));
    return true;
}

static bool read_enum(const struct reader *reader, const struct shape *shape, struct json_value json, int *ret_value)
{
    struct str text;

    if (!read_text(reader, json, &text))
        return false;
    *ret_value = enum_value(shape, text);
    return *ret_value != 0 || wrong(reader, "one of the values of its type");
}

static bool read_number(const struct reader *reader, const struct shape *shape, struct json_value json, void *at)
{
    int64_t number;
    bool small = shape->kind == SHAPE_INTEGER;

    if (json.kind != JSON_NUMBER || !str_to_int64(json.raw, &number) ||
        (small && (number < INT32_MIN || number > INT32_MAX)))
        return wrong(reader, "a whole number");
    if (small)
        *(int32_t *)at = (int32_t)number;
    else
        *(int64_t *)at = number;
    return true;
}

static size_t count_of(struct json_value array)
{
    struct json_text_walk walk = json_text_walk(array);
    struct json_value item;
    struct str key;
    size_t count = 0;

    while (json_text_next(&walk, &key, &item))
        count++;
    return count;
}

static bool read_list(struct reader *reader, const struct shape *shape, struct json_value json, struct list_value *list)
{
    struct json_text_walk walk;
    struct json_value item;
    struct str key;

    if (json.kind != JSON_ARRAY)
        return wrong(reader, "a list");
    list->items = arena_alloc(reader->arena, count_of(json) * shape_element(shape)->size);
    walk = json_text_walk(json);
    while (json_text_next(&walk, &key, &item))
        if (!read_value(reader, shape_element(shape), item, list_at(shape, list, list->count++)))
            return false;
    return true;
}

/* A structure stands behind a pointer in a member, and by itself in a list. */
static bool read_member(struct reader *reader, const struct member *member, struct json_value json, void *structure)
{
    void *at = member_at(member, structure);

    if (json.kind == JSON_NULL)
        return true;
    reader->member = member_name(member);
    if (member_shape(member)->kind == SHAPE_STRUCTURE)
        at = *(void **)at = arena_alloc(reader->arena, member_shape(member)->size);
    if (!read_value(reader, member_shape(member), json, at))
        return false;
    member_mark(member, structure);
    return true;
}

static bool read_structure(struct reader *reader, const struct shape *shape, struct json_value json, void *at)
{
    struct json_text_walk walk;
    struct json_value value;
    struct str key;

    if (json.kind != JSON_OBJECT)
        return wrong(reader, "an object");
    walk = json_text_walk(json);
    while (json_text_next(&walk, &key, &value)) {
        const struct member *member = shape_member(shape, json_text_string(key, arena_alloc(reader->arena, key.len)));

        if (member != NULL && !read_member(reader, member, value, at))
            return false;
    }
    return true;
}

static bool read_value(struct reader *reader, const struct shape *shape, struct json_value json, void *at)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        return read_structure(reader, shape, json, at);
    case SHAPE_LIST:
        return read_list(reader, shape, json, at);
    case SHAPE_STRING:
        return read_text(reader, json, at);
    case SHAPE_ENUM:
        return read_enum(reader, shape, json, at);
    case SHAPE_INTEGER:
    case SHAPE_LONG:
        return read_number(reader, shape, json, at);
    case SHAPE_BOOLEAN:
        *(bool *)at = json.kind == JSON_TRUE;
        return json.kind == JSON_TRUE || json.kind == JSON_FALSE || wrong(reader, "true or false");
    case SHAPE_MAP:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        break;
    }
    return wrong(reader, "left out: its type cannot be given here");
}

bool value_read_json(const struct shape *structure, struct str json, void *value, struct arena *arena, struct fail *f)
{
    struct reader reader = {arena, f, shape_name(structure)};
    struct json_value root;

    if (!json_text_read(json, &root))
        return fail(f, FAIL_INPUT, "the text is not JSON");
    return read_structure(&reader, structure, root, value);
}
