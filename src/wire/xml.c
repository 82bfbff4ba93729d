#include "wire/xml.h"

#include "model/interpret.h"
#include "wire/base64.h"
#include "wire/decode.h"
#include "wire/scalar.h"
#include "wire/utf8.h"

static void write_element(const char *name, const struct shape *shape, const void *at, bool ec2, struct buf *out);

void xml_open(const char *name, struct buf *out)
{
    buf_add_char(out, '<');
    buf_add_cstr(out, name);
    buf_add_char(out, '>');
}

void xml_close(const char *name, struct buf *out)
{
    buf_add_cstr(out, "</");
    buf_add_cstr(out, name);
    buf_add_char(out, '>');
}

/* What stands for the character at the start of text, NULL for itself. XML 1.0, production Char: no control characters
 * but tab, LF and CR; and a bare CR would be read as LF. */
static const char *replacement(struct str text, size_t sequence)
{
    unsigned char c = (unsigned char)text.ptr[0];

    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#xD;";
    default:
        if (sequence == 0 || (c < 0x20 && c != '\t' && c != '\n'))
            return UTF8_REPLACEMENT;
        if (str_starts(text, STR("\xef\xbf\xbe")) || str_starts(text, STR("\xef\xbf\xbf"))) /* U+FFFE, U+FFFF */
            return UTF8_REPLACEMENT;
        return NULL;
    }
}

static void write_escaped(struct str text, struct buf *out)
{
    size_t plain = 0; /* bytes at the front that go out as they are */

    while (plain < text.len) {
        struct str rest = str_from(text, plain);
        size_t sequence = utf8_sequence(rest);
        const char *instead = replacement(rest, sequence);

        if (instead == NULL) {
            plain += sequence;
            continue;
        }
        buf_add(out, str_to(text, plain));
        buf_add_cstr(out, instead);
        text = str_from(rest, sequence == 0 ? 1 : sequence);
        plain = 0;
    }
    buf_add(out, text);
}

void xml_write_text(const char *name, struct str text, struct buf *out)
{
    xml_open(name, out);
    write_escaped(text, out);
    xml_close(name, out);
}

static void write_items(const char *name, const struct shape *shape, const struct list_value *list, bool ec2,
                        struct buf *out)
{
    for (size_t i = 0; i < list->count; i++)
        write_element(name, shape_element(shape), list_at(shape, list, i), ec2, out);
}

static void write_entries(const char *name, const struct shape *shape, const struct list_value *map, bool ec2,
                          struct buf *out)
{
    for (size_t i = 0; i < map->count; i++) {
        xml_open(name, out);
        xml_write_text(shape_key_name(shape) != NULL ? shape_key_name(shape) : "key", scalar_key(shape, map, i), out);
        write_element(shape_value_name(shape) != NULL ? shape_value_name(shape) : "value", shape_element(shape),
                      map_value_at(shape, map, i), ec2, out);
        xml_close(name, out);
    }
}

/* Lists and maps: the items under one element, or flattened each under the member's name. */
static void write_collection(const char *name, const struct shape *shape, const void *at, bool ec2, struct buf *out)
{
    bool map = shape->kind == SHAPE_MAP;
    const char *item = shape_element_name(shape) != NULL ? shape_element_name(shape)
                       : map                             ? "entry"
                       : ec2                             ? "item"
                                                         : "member";

    if (shape->flattened)
        item = shape_element_name(shape) != NULL ? shape_element_name(shape) : name;
    else
        xml_open(name, out);
    if (map)
        write_entries(item, shape, at, ec2, out);
    else
        write_items(item, shape, at, ec2, out);
    if (!shape->flattened)
        xml_close(name, out);
}

static void write_scalar(const struct shape *shape, const void *at, struct buf *out)
{
    if (shape->kind == SHAPE_BLOB)
        base64_encode(*(const struct str *)at, out);
    else if (shape->kind == SHAPE_ENUM)
        buf_add_cstr(out, enum_name(shape, *(const int *)at));
    else
        scalar_add(shape, at, shape->timestamp_format == TIMESTAMP_EPOCH ? TIMESTAMP_EPOCH : TIMESTAMP_ISO8601, out);
}

static void write_element(const char *name, const struct shape *shape, const void *at, bool ec2, struct buf *out)
{
    if (shape->kind == SHAPE_LIST || shape->kind == SHAPE_MAP) {
        write_collection(name, shape, at, ec2, out);
        return;
    }
    if (shape->kind == SHAPE_STRING || shape->kind == SHAPE_DOCUMENT) {
        xml_write_text(name, *(const struct str *)at, out);
        return;
    }
    xml_open(name, out);
    if (shape->kind == SHAPE_STRUCTURE)
        xml_write_members(shape, at, ec2, out);
    else
        write_scalar(shape, at, out);
    xml_close(name, out);
}

void xml_write_members(const struct shape *structure, const void *value, bool ec2, struct buf *out)
{
    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];

        if (member_present(member, value))
            write_element(wire_name(member), member_shape(member), member_value(member, value), ec2, out);
    }
}
