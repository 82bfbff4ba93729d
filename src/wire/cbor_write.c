#include "wire/cbor.h"

#include "model/interpret.h"
#include "wire/scalar.h"
#include "wire/utf8.h"

#include <cbor/encoding.h>

enum { HEAD_BYTES_MAX = 9 };

/* The head of an item: encode is one of libcbor's cbor_encode_*, which write at most nine bytes. */
static void add_head(size_t (*encode)(uint64_t, unsigned char *, size_t), uint64_t value, struct buf *out)
{
    unsigned char head[HEAD_BYTES_MAX];

    buf_add(out, (struct str){(const char *)head, encode(value, head, sizeof(head))});
}

void wire_cbor_write_map_start(size_t count, struct buf *out)
{
    add_head(cbor_encode_map_start, count, out);
}

/* Text must be UTF-8 (RFC 8949, section 3.1). */
void wire_cbor_write_text(struct str text, struct buf *out)
{
    auto_buf valid = {0};

    if (!utf8_valid(text)) {
        while (text.len > 0) {
            size_t sequence = utf8_sequence(text);

            buf_add(&valid, sequence == 0 ? STR(UTF8_REPLACEMENT) : str_to(text, sequence));
            text = str_from(text, sequence == 0 ? 1 : sequence);
        }
        text = buf_str(&valid);
    }
    add_head(cbor_encode_string_start, text.len, out);
    buf_add(out, text);
}

static void write_whole(int64_t number, struct buf *out)
{
    if (number >= 0)
        add_head(cbor_encode_uint, (uint64_t)number, out);
    else
        add_head(cbor_encode_negint, (uint64_t)(-1 - number), out);
}

static void write_double(double number, struct buf *out)
{
    unsigned char bytes[HEAD_BYTES_MAX];

    buf_add(out, (struct str){(const char *)bytes, cbor_encode_double(number, bytes, sizeof(bytes))});
}

static void write_timestamp(int64_t when_ms, struct buf *out)
{
    add_head(cbor_encode_tag, 1, out);
    if (when_ms % 1000 == 0)
        write_whole(when_ms / 1000, out);
    else
        write_double((double)when_ms / 1000, out);
}

static void write_structure(const struct shape *shape, const void *value, struct buf *out)
{
    size_t count = 0;

    for (size_t i = 0; i < shape->member_count; i++)
        count += member_present(&shape_members(shape)[i], value);
    wire_cbor_write_map_start(count, out);
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape_members(shape)[i];

        if (!member_present(member, value))
            continue;
        wire_cbor_write_text(str_of(member_name(member)), out);
        wire_cbor_write(member_shape(member), member_value(member, value), out);
    }
}

static void write_list(const struct shape *shape, const struct list_value *list, struct buf *out)
{
    add_head(cbor_encode_array_start, list->count, out);
    for (size_t i = 0; i < list->count; i++)
        wire_cbor_write(shape_element(shape), list_at(shape, list, i), out);
}

static void write_map(const struct shape *shape, const struct list_value *map, struct buf *out)
{
    wire_cbor_write_map_start(map->count, out);
    for (size_t i = 0; i < map->count; i++) {
        wire_cbor_write_text(scalar_key(shape, map, i), out);
        wire_cbor_write(shape_element(shape), map_value_at(shape, map, i), out);
    }
}

static void write_bytes(struct str bytes, struct buf *out)
{
    add_head(cbor_encode_bytestring_start, bytes.len, out);
    buf_add(out, bytes);
}

void wire_cbor_write(const struct shape *shape, const void *value, struct buf *out)
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
    case SHAPE_DOCUMENT:
        wire_cbor_write_text(*(const struct str *)value, out);
        return;
    case SHAPE_BLOB:
        write_bytes(*(const struct str *)value, out);
        return;
    case SHAPE_ENUM:
        wire_cbor_write_text(str_of(enum_name(shape, *(const int *)value)), out);
        return;
    case SHAPE_BOOLEAN:
        buf_add_char(out, (char)(*(const bool *)value ? 0xf5 : 0xf4)); /* RFC 8949, section 3.3 */
        return;
    case SHAPE_INTEGER:
        write_whole(*(const int32_t *)value, out);
        return;
    case SHAPE_LONG:
        write_whole(*(const int64_t *)value, out);
        return;
    case SHAPE_DOUBLE:
        write_double(*(const double *)value, out);
        return;
    case SHAPE_TIMESTAMP:
        write_timestamp(*(const int64_t *)value, out);
        return;
    }
}
