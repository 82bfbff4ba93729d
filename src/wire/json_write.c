#include "wire/json.h"

#include "model/interpret.h"
#include "wire/base64.h"
#include "wire/scalar.h"
#include "wire/utf8.h"

#include <math.h>

/* What stands behind the backslash for a byte that must be escaped: 0 for none, 'u' for the long form. */
static char escape_of(unsigned char c)
{
    static const char letters[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";

    if (c < 0x20)
        return letters[c];
    if (c == '"')
        return '"';
    return c == '\\' ? '\\' : 0;
}

static void write_escape(unsigned char c, struct buf *out)
{
    char escape[] = {'\\', escape_of(c), '0', '0', "01"[c >> 4 & 1], "0123456789abcdef"[c & 15]};

    buf_add(out, (struct str){escape, escape[1] == 'u' ? 6 : 2});
}

void wire_json_write_string(struct str text, struct buf *out)
{
    size_t plain = 0; /* bytes at the front that go out as they are */

    buf_add_char(out, '"');
    while (plain < text.len) {
        unsigned char c = (unsigned char)text.ptr[plain];
        size_t sequence = c < 0x80 ? 1 : utf8_sequence(str_from(text, plain));

        if (sequence > 0 && escape_of(c) == 0) {
            plain += sequence;
            continue;
        }
        buf_add(out, str_to(text, plain));
        if (sequence == 0)
            buf_add_cstr(out, UTF8_REPLACEMENT);
        else
            write_escape(c, out);
        text = str_from(text, plain + 1);
        plain = 0;
    }
    buf_add(out, text);
    buf_add_char(out, '"');
}

static void write_list(const struct shape *shape, const struct list_value *list, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        wire_json_write(shape_element(shape), list_at(shape, list, i), out);
    }
    buf_add_char(out, ']');
}

static void write_map(const struct shape *shape, const struct list_value *map, struct buf *out)
{
    buf_add_char(out, '{');
    for (size_t i = 0; i < map->count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        wire_json_write_string(scalar_key(shape, map, i), out);
        buf_add_char(out, ':');
        wire_json_write(shape_element(shape), map_value_at(shape, map, i), out);
    }
    buf_add_char(out, '}');
}

static void write_structure(const struct shape *shape, const void *value, struct buf *out)
{
    char separator = '{';

    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape_members(shape)[i];

        if (member->location != LOCATION_BODY || !member_present(member, value))
            continue;
        buf_add_char(out, separator);
        separator = ',';
        wire_json_write_string(str_of(wire_name(member)), out);
        buf_add_char(out, ':');
        if (member->timestamp_format == TIMESTAMP_ISO8601) {
            buf_add_char(out, '"');
            scalar_iso8601(*(const int64_t *)member_value(member, value), out);
            buf_add_char(out, '"');
        } else {
            wire_json_write(member_shape(member), member_value(member, value), out);
        }
    }
    buf_add_cstr(out, separator == '{' ? "{}" : "}");
}

static void write_blob(struct str bytes, struct buf *out)
{
    buf_add_char(out, '"');
    base64_encode(bytes, out);
    buf_add_char(out, '"');
}

/* Names of enums need no escaping. JSON has no NaN: it and the infinities go as strings. */
static void write_scalar(const struct shape *shape, const void *at, struct buf *out)
{
    bool quoted = shape->kind == SHAPE_ENUM || (shape->kind == SHAPE_DOUBLE && !isfinite(*(const double *)at)) ||
                  (shape->kind == SHAPE_TIMESTAMP && shape->timestamp_format == TIMESTAMP_ISO8601);

    if (quoted)
        buf_add_char(out, '"');
    if (shape->kind == SHAPE_ENUM)
        buf_add_cstr(out, enum_name(shape, *(const int *)at));
    else
        scalar_add(shape, at, shape->timestamp_format == TIMESTAMP_ISO8601 ? TIMESTAMP_ISO8601 : TIMESTAMP_EPOCH, out);
    if (quoted)
        buf_add_char(out, '"');
}

void wire_json_write(const struct shape *shape, const void *value, struct buf *out)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        write_structure(shape, value, out);
        return;
    case SHAPE_LIST:
        write_list(shape, value, out);
        return;
    case SHAPE_MAP:
        write_map(shape, value, out);
        return;
    case SHAPE_STRING:
        wire_json_write_string(*(const struct str *)value, out);
        return;
    case SHAPE_BLOB:
        write_blob(*(const struct str *)value, out);
        return;
    case SHAPE_DOCUMENT:
        buf_add(out, *(const struct str *)value);
        return;
    case SHAPE_ENUM:
    case SHAPE_BOOLEAN:
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        write_scalar(shape, value, out);
        return;
    }
}
