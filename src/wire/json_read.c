#include <jansson.h>

#include "wire/json.h"

#include "base/when.h"
#include "wire/base64.h"
#include "wire/service_rules.h"

#include <math.h>

enum { VALUES_MAX = 200000 };

static bool read_item(struct decoder *decoder, const struct shape *shape, json_t *json, void *at);

/* How AWS's parser calls what it met, in "... can not be converted to a String". */
static const char *token_name(json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_STRING:
        return "STRING_VALUE";
    case JSON_INTEGER:
    case JSON_REAL:
        return "NUMBER_VALUE";
    case JSON_TRUE:
        return "TRUE_VALUE";
    case JSON_FALSE:
        return "FALSE_VALUE";
    case JSON_NULL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return "VALUE";
}

/* "an Integer" */
static const char *kind_name(enum shape_kind kind)
{
    static const char *const names[] = {
        [SHAPE_STRING] = "a String",    [SHAPE_ENUM] = "a String",
        [SHAPE_BLOB] = "a Blob",        [SHAPE_BOOLEAN] = "a Boolean",
        [SHAPE_INTEGER] = "an Integer", [SHAPE_LONG] = "a Long",
        [SHAPE_DOUBLE] = "a Double",    [SHAPE_TIMESTAMP] = "milliseconds since epoch",
    };

    return names[kind];
}

static bool wrong_type(struct decoder *decoder, const struct shape *shape, json_t *json)
{
    bool nested = shape->kind == SHAPE_STRUCTURE || shape->kind == SHAPE_MAP || shape->kind == SHAPE_LIST;

    if (json_is_object(json))
        return decode_refuse(decoder, "Start of structure or map found where not expected.");
    if (json_is_array(json))
        return decode_refuse(decoder, "Start of list found where not expected");
    if (nested)
        return decode_refuse(decoder, "Expected %s or null",
                             shape->kind == SHAPE_LIST  ? "list"
                             : shape->kind == SHAPE_MAP ? "map"
                                                        : "structure");
    return decode_refuse(decoder, "%s can not be converted to %s", token_name(json), kind_name(shape->kind));
}

/* An integer, or a real without fraction such as 1e3. */
static bool read_whole(struct decoder *decoder, const struct shape *shape, json_t *json, void *at)
{
    double real;

    if (json_is_integer(json))
        return decode_whole(decoder, shape, json_integer_value(json), at);
    if (!json_is_real(json))
        return wrong_type(decoder, shape, json);
    real = json_real_value(json);
    if (real != trunc(real) || fabs(real) >= 0x1p63)
        return wrong_type(decoder, shape, json);
    return decode_whole(decoder, shape, (int64_t)real, at);
}

static bool read_double(struct decoder *decoder, const struct shape *shape, json_t *json, double *at)
{
    static const struct {
        const char *name;
        double value;
    } rows[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};

    if (json_is_number(json)) {
        *at = json_number_value(json);
        return true;
    }
    for (size_t i = 0; json_is_string(json) && i < COUNT_OF(rows); i++) {
        if (strcmp(json_string_value(json), rows[i].name) == 0) {
            *at = rows[i].value;
            return true;
        }
    }
    return wrong_type(decoder, shape, json);
}

static bool read_timestamp(struct decoder *decoder, const struct shape *shape, json_t *json, int64_t *at)
{
    if (json_is_number(json))
        return decode_epoch(decoder, json_number_value(json), at);
    if (json_is_string(json) && when_from_iso8601((struct str){json_string_value(json), json_string_length(json)}, at))
        return true;
    return wrong_type(decoder, shape, json);
}

static bool read_document(struct decoder *decoder, json_t *json, struct str *at)
{
    auto_free char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text == NULL)
        return decode_refuse(decoder, "The document can not be read");
    return decode_str(decoder, str_of(text), at);
}

static bool read_string(struct decoder *decoder, const struct shape *shape, json_t *json, void *at)
{
    struct str text = {json_string_value(json), json_string_length(json)};

    if (!json_is_string(json))
        return wrong_type(decoder, shape, json);
    if (shape->kind == SHAPE_ENUM)
        return decode_enum(decoder, shape, text, at);
    if (shape->kind == SHAPE_BLOB)
        return decode_text(decoder, shape, text, at);
    return decode_str(decoder, text, at);
}

/* null in a list or map is left out, as Smithy has it for those that are not sparse. */
static bool read_list(struct decoder *decoder, const struct shape *shape, json_t *json, struct list_value *list)
{
    size_t count = json_array_size(json);

    if (!json_is_array(json))
        return wrong_type(decoder, shape, json);
    if (!decode_alloc(decoder, count, shape_element(shape)->size, &list->items))
        return false;
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_array_get(json, i);

        if (json_is_null(item))
            continue;
        if (!read_item(decoder, shape_element(shape), item, list_at(shape, list, list->count)))
            return false;
        list->count++;
    }
    return true;
}

static bool read_map(struct decoder *decoder, const struct shape *shape, json_t *json, struct list_value *map)
{
    const char *key;
    size_t len;
    json_t *item;

    if (!json_is_object(json))
        return wrong_type(decoder, shape, json);
    if (!decode_alloc(decoder, json_object_size(json), shape->entry_size, &map->items))
        return false;
    json_object_keylen_foreach(json, key, len, item)
    {

        if (json_is_null(item))
            continue;
        if (!decode_key(decoder, shape, map, (struct str){key, len}))
            return false;
        if (!read_item(decoder, shape_element(shape), item, map_value_at(shape, map, map->count)))
            return false;
        map->count++;
    }
    return true;
}

static const struct member *body_member(const struct shape *structure, const char *key)
{
    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];

        if (member->location == LOCATION_BODY && strcmp(wire_name(member), key) == 0)
            return member;
    }
    return NULL;
}

static bool read_structure(struct decoder *decoder, const struct shape *shape, json_t *json, void *value)
{
    const char *key;
    json_t *item;

    if (!json_is_object(json))
        return wrong_type(decoder, shape, json);
    json_object_foreach(json, key, item)
    {
        const struct member *member = json_is_null(item) ? NULL : body_member(shape, key);
        void *at;

        if (member == NULL)
            continue;
        if (!decode_place(decoder, member, value, &at))
            return false;
        if (!read_item(decoder, member_shape(member), item, at))
            return false;
        member_mark(member, value);
    }
    return true;
}

static bool read_nested(struct decoder *decoder, const struct shape *shape, json_t *json, void *at)
{
    bool good;

    if (!decode_enter(decoder))
        return false;
    good = shape->kind == SHAPE_STRUCTURE ? read_structure(decoder, shape, json, at)
           : shape->kind == SHAPE_LIST    ? read_list(decoder, shape, json, at)
                                          : read_map(decoder, shape, json, at);
    decode_leave(decoder);
    return good;
}

static bool read_item(struct decoder *decoder, const struct shape *shape, json_t *json, void *at)
{
    switch (shape->kind) {
    case SHAPE_STRING:
    case SHAPE_ENUM:
    case SHAPE_BLOB:
        return read_string(decoder, shape, json, at);
    case SHAPE_DOCUMENT:
        return read_document(decoder, json, at);
    case SHAPE_BOOLEAN:
        *(bool *)at = json_is_true(json);
        return json_is_boolean(json) || wrong_type(decoder, shape, json);
    case SHAPE_INTEGER:
    case SHAPE_LONG:
        return read_whole(decoder, shape, json, at);
    case SHAPE_DOUBLE:
        return read_double(decoder, shape, json, at);
    case SHAPE_TIMESTAMP:
        return read_timestamp(decoder, shape, json, at);
    case SHAPE_STRUCTURE:
    case SHAPE_LIST:
    case SHAPE_MAP:
        return read_nested(decoder, shape, json, at);
    }
    return false;
}

/* What jansson makes of a value has hundreds of bytes, whatever the value: a body of nothing but "{}" would take a
 * hundred times its size. Counted before anything is built; PutLogEvents with its 10,000 events has 60,000. */
static bool is_bounded(struct str text)
{
    bool in_string = false;
    size_t values = 1;

    for (size_t i = 0; i < text.len && values <= VALUES_MAX; i++) {
        char c = text.ptr[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '[' || c == ','))
            values++;
    }
    return values <= VALUES_MAX;
}

bool wire_json_read(struct decoder *decoder, const struct shape *structure, struct str text, void *ret_value)
{
    json_error_t error;
    json_t *json;
    bool good;

    if (str_trim(text).len == 0)
        return true;
    if (!is_bounded(text))
        return fail_status(decoder->f, 413, "RequestEntityTooLarge", "The request has more than %d values", VALUES_MAX);
    json = json_loadb(text.ptr, text.len, decoder->rules->nul_allowed ? JSON_ALLOW_NUL : 0, &error);
    if (json == NULL)
        return decode_refuse(decoder, "The request body is not valid JSON: %s", error.text);
    good = read_nested(decoder, structure, json, ret_value);
    json_decref(json);
    return good;
}
