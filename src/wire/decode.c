#include "wire/decode.h"

#include "base/buf.h"
#include "base/when.h"
#include "wire/base64.h"
#include "wire/service_rules.h"

#include <errno.h>
#include <math.h>

enum { ENTRIES_MAX = 1000 }; /* of a map: keys are compared one by one; the largest in the models has 150 */

#define EPOCH_SECONDS_MAX 253402300799.0 /* 9999-12-31T23:59:59Z */

bool decode_alloc(struct decoder *decoder, size_t count, size_t size, void **ret_memory)
{
    size_t bytes;
    void *memory = NULL;

    if (!__builtin_mul_overflow(count, size, &bytes))
        memory = arena_try(decoder->arena, bytes);
    if (memory == NULL)
        return fail_status(decoder->f, 413, "RequestEntityTooLarge", "The request takes more memory than is allowed");
    *ret_memory = memory;
    return true;
}

bool decode_str(struct decoder *decoder, struct str text, struct str *ret_copy)
{
    void *copy;

    if (!decode_alloc(decoder, text.len + 1, 1, &copy))
        return false;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    *ret_copy = (struct str){copy, text.len};
    return true;
}

bool decode_enter(struct decoder *decoder)
{
    if (decoder->depth >= VALUE_DEPTH_MAX)
        return decode_refuse(decoder, "The request is nested deeper than %d levels", VALUE_DEPTH_MAX);
    decoder->depth++;
    return true;
}

void decode_leave(struct decoder *decoder)
{
    decoder->depth--;
}

bool decode_enum(struct decoder *decoder, const struct shape *shape, struct str name, int *ret_value)
{
    struct str copy;

    *ret_value = enum_value(shape, name);
    if (*ret_value != 0)
        return true;
    if (!decode_str(decoder, name, &copy))
        return false;
    *ret_value = enum_parse(shape, copy, &decoder->unknown);
    return true;
}

static bool same_key(const struct shape *key, const void *a, const void *b)
{
    if (key->kind == SHAPE_ENUM)
        return *(const int *)a == *(const int *)b;
    return str_eq(*(const struct str *)a, *(const struct str *)b);
}

bool decode_key(struct decoder *decoder, const struct shape *map, const struct list_value *value, struct str key)
{
    void *at = map_key_at(map, value, value->count);

    if (value->count == ENTRIES_MAX)
        return decode_refuse(decoder, "A map has more than %d entries", ENTRIES_MAX);
    if (shape_key(map)->kind == SHAPE_ENUM ? !decode_enum(decoder, shape_key(map), key, at)
                                           : !decode_str(decoder, key, at))
        return false;
    for (size_t i = 0; i < value->count; i++)
        if (same_key(shape_key(map), map_key_at(map, value, i), at))
            return decode_refuse(decoder, "A map has the key '%.*s' twice", STR_ARG(key));
    return true;
}

bool decode_whole(struct decoder *decoder, const struct shape *shape, int64_t number, void *at)
{
    if (shape->kind == SHAPE_LONG) {
        *(int64_t *)at = number;
        return true;
    }
    if (number < INT32_MIN || number > INT32_MAX)
        return decode_refuse(decoder, "NUMBER_VALUE can not be converted to an Integer");
    *(int32_t *)at = (int32_t)number;
    return true;
}

bool decode_epoch(struct decoder *decoder, double seconds, int64_t *ret_when_ms)
{
    if (!(fabs(seconds) <= EPOCH_SECONDS_MAX))
        return decode_refuse(decoder, "NUMBER_VALUE can not be converted to milliseconds since epoch");
    *ret_when_ms = llround(seconds * 1000);
    return true;
}

/* The whole of text as strtod reads it, but no hexadecimal and no surrounding space. */
static bool read_double(struct str text, double *ret_number)
{
    char buffer[64];
    char *end;

    if (!str_to_buffer(text, buffer, sizeof(buffer)) || buffer[0] == '\0')
        return false;
    if (buffer[strspn(buffer, "0123456789+-.eE")] != '\0') {
        if (strcmp(buffer, "NaN") != 0 && strcmp(buffer, "Infinity") != 0 && strcmp(buffer, "-Infinity") != 0)
            return false;
    }
    *ret_number = strtod(buffer, &end);
    return *end == '\0';
}

static bool read_boolean(struct decoder *decoder, struct str text, void *at)
{
    bool is_true = str_eq_nocase(text, STR("true"));

    if (!is_true && !str_eq_nocase(text, STR("false")))
        return decode_refuse(decoder, "'%.*s' can not be converted to a Boolean", STR_ARG(text));
    *(bool *)at = is_true;
    return true;
}

static bool read_timestamp(struct decoder *decoder, struct str text, void *at)
{
    double seconds;

    if (when_from_iso8601(text, at))
        return true;
    if (read_double(text, &seconds))
        return decode_epoch(decoder, seconds, at);
    return decode_refuse(decoder, "timestamp must follow ISO8601");
}

static bool read_number(struct decoder *decoder, const struct shape *shape, struct str text, void *at)
{
    int64_t whole;

    if (shape->kind == SHAPE_DOUBLE ? read_double(text, at) : str_to_int64(text, &whole))
        return shape->kind == SHAPE_DOUBLE || decode_whole(decoder, shape, whole, at);
    return decode_refuse(decoder, "'%.*s' can not be converted to %s", STR_ARG(text),
                         shape->kind == SHAPE_DOUBLE ? "a Double"
                         : shape->kind == SHAPE_LONG ? "a Long"
                                                     : "an Integer");
}

bool decode_text(struct decoder *decoder, const struct shape *shape, struct str text, void *at)
{
    switch (shape->kind) {
    case SHAPE_STRING:
    case SHAPE_DOCUMENT:
        *(struct str *)at = text;
        return true;
    case SHAPE_ENUM:
        return decode_enum(decoder, shape, text, at);
    case SHAPE_BLOB:
        if (!base64_decode(text, decoder->arena, at))
            return decode_refuse(decoder, "The blob is not valid base64");
        return true;
    case SHAPE_BOOLEAN:
        return read_boolean(decoder, text, at);
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
        return read_number(decoder, shape, text, at);
    case SHAPE_TIMESTAMP:
        return read_timestamp(decoder, text, at);
    case SHAPE_STRUCTURE:
    case SHAPE_LIST:
    case SHAPE_MAP:
        break;
    }
    return decode_refuse(decoder, "Unexpected value where a structure, list or map belongs");
}

bool decode_place(struct decoder *decoder, const struct member *member, void *value, void **ret_at)
{
    void *at = member_at(member, value);

    if (member_shape(member)->kind != SHAPE_STRUCTURE) {
        *ret_at = at;
        return true;
    }
    if (!decode_alloc(decoder, 1, member_shape(member)->size, ret_at))
        return false;
    *(void **)at = *ret_at;
    return true;
}
