/* The store encoding. Little-endian, no padding:
 *
 *   record     FORMAT byte, members
 *   members    (tag u32, type u8, value)*, tag 0
 *   value      BOOLEAN    u8, 0 or 1
 *              INTEGER    zigzag varint (integers, longs, timestamps)
 *              DOUBLE     8 bytes
 *              BYTES      varint length, bytes (strings, blobs, documents, names of enum values)
 *              STRUCTURE  members
 *              LIST       type u8 of the items, varint count, value*
 *              MAP        type u8 of the values, varint count, (BYTES value of the key, value)*
 *
 * A varint is base 128, least significant group first, as in LEB128. A value can be skipped without its shape: that is
 * how an older release reads what a newer one wrote. */
#include "base/must.h"
#include "model/interpret.h"

#include <endian.h>

enum { FORMAT = 1, TAG_SIZE = 4, VARINT_SIZE_MAX = 10, DOUBLE_SIZE = 8 };

/* A record wraps values that may themselves be as deep as the wire allows. */
enum { STORED_DEPTH_MAX = 2 * VALUE_DEPTH_MAX };

enum stored_type {
    STORED_BOOLEAN = 1,
    STORED_INTEGER,
    STORED_DOUBLE,
    STORED_BYTES,
    STORED_STRUCTURE,
    STORED_LIST,
    STORED_MAP,
};

static const uint8_t stored_as[] = {
    [SHAPE_STRUCTURE] = STORED_STRUCTURE, [SHAPE_LIST] = STORED_LIST,       [SHAPE_MAP] = STORED_MAP,
    [SHAPE_STRING] = STORED_BYTES,        [SHAPE_ENUM] = STORED_BYTES,      [SHAPE_BLOB] = STORED_BYTES,
    [SHAPE_DOCUMENT] = STORED_BYTES,      [SHAPE_BOOLEAN] = STORED_BOOLEAN, [SHAPE_INTEGER] = STORED_INTEGER,
    [SHAPE_LONG] = STORED_INTEGER,        [SHAPE_DOUBLE] = STORED_DOUBLE,   [SHAPE_TIMESTAMP] = STORED_INTEGER,
};

static bool is_text(unsigned kind)
{
    return kind == SHAPE_STRING || kind == SHAPE_BLOB || kind == SHAPE_DOCUMENT;
}

/* Little-endian whatever the machine. */
static void put_u32(char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

static uint64_t get_little(const char *at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = size; i-- > 0;)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

static size_t put_varint(char *at, uint64_t value)
{
    size_t len = 0;

    for (; value >= 0x80; value >>= 7)
        at[len++] = (char)(value | 0x80);
    at[len++] = (char)value;
    return len;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ ((value & 1) != 0 ? UINT64_MAX : 0));
}

/* Writing */

static void write_varint(uint64_t value, struct buf *out)
{
    char *at;

    if (value < 0x80) { /* most are */
        buf_add_char(out, (char)value);
        return;
    }
    at = buf_extend(out, VARINT_SIZE_MAX);

    if (at != NULL)
        out->len -= VARINT_SIZE_MAX - put_varint(at, value);
}

static void write_u32(uint32_t value, struct buf *out)
{
    char *at = buf_extend(out, TAG_SIZE);

    if (at != NULL)
        put_u32(at, value);
}

static void write_bytes(struct str bytes, struct buf *out)
{
    write_varint(bytes.len, out);
    buf_add(out, bytes);
}

static void write_double(double value, struct buf *out)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    write_u32((uint32_t)bits, out);
    write_u32((uint32_t)(bits >> 32), out);
}

/* The most frequent member in one piece. */
static void write_text_member(uint32_t tag, struct str text, struct buf *out)
{
    size_t head = TAG_SIZE + 1;
    char *at = buf_extend(out, head + VARINT_SIZE_MAX + text.len);
    size_t varint;

    if (at == NULL)
        return;
    put_u32(at, tag);
    at[TAG_SIZE] = STORED_BYTES;
    varint = put_varint(at + head, text.len);
    memcpy(at + head + varint, text.ptr, text.len);
    out->len -= VARINT_SIZE_MAX - varint;
}

static void write_value(const struct shape *shape, const void *value, struct buf *out);

static void write_members(const struct shape *structure, const void *value, struct buf *out)
{
    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];

        if (is_text(member->kind)) {
            const struct str *text = member_at(member, value);

            if (text->ptr != NULL)
                write_text_member(member->tag, *text, out);
            continue;
        }
        if (!member_present(member, value))
            continue;
        write_u32(member->tag, out);
        buf_add_char(out, (char)stored_as[member->kind]);
        write_value(member_shape(member), member_value(member, value), out);
    }
    write_u32(0, out);
}

static void write_items(const struct shape *shape, const struct list_value *items, struct buf *out)
{
    bool is_map = shape->kind == SHAPE_MAP;

    buf_add_char(out, (char)stored_as[shape_element(shape)->kind]);
    write_varint(items->count, out);
    for (size_t i = 0; i < items->count; i++) {
        if (is_map)
            write_value(shape_key(shape), map_key_at(shape, items, i), out);
        write_value(shape_element(shape), is_map ? map_value_at(shape, items, i) : list_at(shape, items, i), out);
    }
}

static void write_value(const struct shape *shape, const void *value, struct buf *out)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        write_members(shape, value, out);
        break;
    case SHAPE_LIST:
    case SHAPE_MAP:
        write_items(shape, value, out);
        break;
    case SHAPE_STRING:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
        write_bytes(*(const struct str *)value, out);
        break;
    case SHAPE_ENUM:
        write_bytes(str_of(enum_name(shape, *(const int *)value)), out);
        break;
    case SHAPE_BOOLEAN:
        buf_add_char(out, *(const bool *)value ? 1 : 0);
        break;
    case SHAPE_INTEGER:
        write_varint(zigzag(*(const int32_t *)value), out);
        break;
    case SHAPE_LONG:
    case SHAPE_TIMESTAMP:
        write_varint(zigzag(*(const int64_t *)value), out);
        break;
    case SHAPE_DOUBLE:
        write_double(*(const double *)value, out);
        break;
    }
}

void value_encode(const struct shape *structure, const void *value, struct buf *out)
{
    must(structure->kind == SHAPE_STRUCTURE);
    buf_add_char(out, FORMAT);
    write_members(structure, value, out);
}

/* Reading */

struct reader {
    const char *at;
    const char *end;
    const struct shape *record; /* named in failures */
    struct arena *arena;
    struct fail *f;
};

static size_t left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static checked bool torn(struct reader *reader)
{
    return fail(reader->f, FAIL_INPUT, "a stored %s is torn %zu bytes before its end", shape_name(reader->record),
                left(reader));
}

static checked bool read_byte(struct reader *reader, uint8_t *ret_byte)
{
    if (left(reader) == 0)
        return torn(reader);
    *ret_byte = (uint8_t)*reader->at++;
    return true;
}

static checked bool read_little(struct reader *reader, size_t size, uint64_t *ret_value)
{
    if (left(reader) < size)
        return torn(reader);
    *ret_value = get_little(reader->at, size);
    reader->at += size;
    return true;
}

static checked bool read_tag(struct reader *reader, uint32_t *ret_tag)
{
    uint32_t tag;

    if (left(reader) < TAG_SIZE)
        return torn(reader);
    memcpy(&tag, reader->at, sizeof(tag));
    reader->at += TAG_SIZE;
    *ret_tag = le32toh(tag);
    return true;
}

static checked bool read_varint(struct reader *reader, uint64_t *ret_value)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;

    if (reader->at < reader->end && (*reader->at & 0x80) == 0) { /* most are short */
        *ret_value = (uint8_t)*reader->at++;
        return true;
    }

    for (unsigned shift = 0; (byte & 0x80) != 0; shift += 7) {
        if (shift >= 64 || !read_byte(reader, &byte))
            return torn(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
    }
    *ret_value = value;
    return true;
}

/* The bytes stay where they are. */
static checked bool read_bytes(struct reader *reader, struct str *ret_bytes)
{
    uint64_t len;

    if (!read_varint(reader, &len))
        return false;
    if (len > left(reader))
        return torn(reader);
    *ret_bytes = (struct str){reader->at, (size_t)len};
    reader->at += len;
    return true;
}

/* The head of a list or map. Every item takes at least a byte, so the count is bounded by what is left. */
static checked bool read_items_head(struct reader *reader, uint8_t *ret_type, size_t *ret_count)
{
    uint64_t count;

    if (!read_byte(reader, ret_type) || !read_varint(reader, &count))
        return false;
    if (count > left(reader))
        return torn(reader);
    *ret_count = (size_t)count;
    return true;
}

static checked bool skip(struct reader *reader, uint8_t type, unsigned depth);

static checked bool skip_members(struct reader *reader, unsigned depth)
{
    for (;;) {
        uint32_t tag;
        uint8_t type;

        if (!read_tag(reader, &tag))
            return false;
        if (tag == 0)
            return true;
        if (!read_byte(reader, &type) || !skip(reader, type, depth))
            return false;
    }
}

static checked bool skip_items(struct reader *reader, bool is_map, unsigned depth)
{
    size_t count;
    uint8_t type;

    if (!read_items_head(reader, &type, &count))
        return false;
    for (; count > 0; count--) {
        if (is_map && !skip(reader, STORED_BYTES, depth))
            return false;
        if (!skip(reader, type, depth))
            return false;
    }
    return true;
}

/* Reads over a value that this release does not know. depth: how many levels it may have. */
static checked bool skip(struct reader *reader, uint8_t type, unsigned depth)
{
    uint64_t number;
    struct str bytes;
    uint8_t byte;

    if (depth == 0)
        return fail(reader->f, FAIL_INPUT, "a stored %s is nested too deep", shape_name(reader->record));
    switch (type) {
    case STORED_BOOLEAN:
        return read_byte(reader, &byte);
    case STORED_INTEGER:
        return read_varint(reader, &number);
    case STORED_DOUBLE:
        return read_little(reader, DOUBLE_SIZE, &number);
    case STORED_BYTES:
        return read_bytes(reader, &bytes);
    case STORED_STRUCTURE:
        return skip_members(reader, depth - 1);
    case STORED_LIST:
        return skip_items(reader, /* is_map= */ false, depth - 1);
    case STORED_MAP:
        return skip_items(reader, /* is_map= */ true, depth - 1);
    default: /* not an enum: a byte from outside */
        return fail(reader->f, FAIL_INPUT, "a stored %s holds a value of unknown type %u", shape_name(reader->record),
                    type);
    }
}

static checked bool make_room(struct reader *reader, size_t size, void **ret_at)
{
    void *at = arena_try(reader->arena, size);

    if (at == NULL)
        return fail(reader->f, FAIL_LIMIT, "a stored %s takes more than %zu bytes of memory",
                    shape_name(reader->record), reader->arena->limit);
    *ret_at = at;
    return true;
}

static checked bool expect_type(struct reader *reader, const struct shape *shape, uint8_t type)
{
    if (type == stored_as[shape->kind])
        return true;
    return fail(reader->f, FAIL_INPUT, "a stored %s holds a value of type %u where a %s stands",
                shape_name(reader->record), type, shape_name(shape));
}

static checked bool read_value(struct reader *reader, const struct shape *shape, void *value, unsigned depth);

static checked bool read_member(struct reader *reader, const struct member *member, void *value, unsigned depth)
{
    void *at = member_at(member, value);

    if (is_text(member->kind))
        return read_bytes(reader, at);
    if (member->kind == SHAPE_STRUCTURE) {
        void *inner;

        if (!make_room(reader, member_shape(member)->size, &inner))
            return false;
        *(void **)at = inner;
        at = inner;
    }
    if (!read_value(reader, member_shape(member), at, depth))
        return false;
    member_mark(member, value);
    return true;
}

/* Members usually come in the order of the table: *hint is where to look first. */
static const struct member *find_tag(const struct shape *structure, uint32_t tag, size_t *hint)
{
    for (size_t i = 0; i < structure->member_count; i++) {
        size_t index = *hint + i < structure->member_count ? *hint + i : *hint + i - structure->member_count;

        if (shape_members(structure)[index].tag == tag) {
            *hint = index + 1;
            return &shape_members(structure)[index];
        }
    }
    return NULL;
}

static checked bool read_members(struct reader *reader, const struct shape *structure, void *value, unsigned depth)
{
    size_t hint = 0;

    for (;;) {
        const struct member *member;
        uint32_t tag;
        uint8_t type;

        if (!read_tag(reader, &tag))
            return false;
        if (tag == 0)
            return true;
        if (!read_byte(reader, &type))
            return false;
        member = find_tag(structure, tag, &hint);
        if (member == NULL) {
            if (!skip(reader, type, depth))
                return false;
            continue;
        }
        if (!expect_type(reader, member_shape(member), type) || !read_member(reader, member, value, depth))
            return false;
    }
}

/* Whether an item has become absent: the name of an enum value that this release does not know. */
static bool is_unknown(const struct shape *shape, const void *value)
{
    return shape->kind == SHAPE_ENUM && *(const int *)value == 0;
}

static checked bool read_item(struct reader *reader, const struct shape *shape, struct list_value *items,
                              unsigned depth, bool *ret_known)
{
    bool is_map = shape->kind == SHAPE_MAP;
    void *item = is_map ? map_value_at(shape, items, items->count) : list_at(shape, items, items->count);
    void *key = is_map ? map_key_at(shape, items, items->count) : NULL;

    if (is_map && !read_value(reader, shape_key(shape), key, depth))
        return false;
    if (!read_value(reader, shape_element(shape), item, depth))
        return false;
    *ret_known = !is_unknown(shape_element(shape), item) && !(is_map && is_unknown(shape_key(shape), key));
    return true;
}

static checked bool read_items(struct reader *reader, const struct shape *shape, struct list_value *items,
                               unsigned depth)
{
    size_t size = shape->kind == SHAPE_MAP ? shape->entry_size : shape_element(shape)->size;
    size_t count;
    uint8_t type;

    items->count = 0;
    if (!read_items_head(reader, &type, &count) || !expect_type(reader, shape_element(shape), type) ||
        !make_room(reader, count * size, &items->items))
        return false;
    for (; count > 0; count--) {
        bool known;

        if (!read_item(reader, shape, items, depth, &known))
            return false;
        if (known)
            items->count++;
        else
            memset((char *)items->items + items->count * size, 0, size);
    }
    return true;
}

static checked bool read_enum(struct reader *reader, const struct shape *enumeration, int *value)
{
    struct str name;

    if (!read_bytes(reader, &name))
        return false;
    *value = enum_value(enumeration, name);
    return true;
}

static checked bool read_number(struct reader *reader, const struct shape *shape, void *value)
{
    uint64_t bits;
    int64_t number;

    if (!read_varint(reader, &bits))
        return false;
    number = unzigzag(bits);
    if (shape->kind != SHAPE_INTEGER) {
        *(int64_t *)value = number;
        return true;
    }
    if (number < INT32_MIN || number > INT32_MAX)
        return fail(reader->f, FAIL_INPUT, "a stored %s holds a number too large for a %s", shape_name(reader->record),
                    shape_name(shape));
    *(int32_t *)value = (int32_t)number;
    return true;
}

static checked bool read_boolean(struct reader *reader, bool *value)
{
    uint8_t byte;

    if (!read_byte(reader, &byte))
        return false;
    *value = byte != 0;
    return true;
}

static checked bool read_value(struct reader *reader, const struct shape *shape, void *value, unsigned depth)
{
    if (depth == 0)
        return fail(reader->f, FAIL_INPUT, "a stored %s is nested too deep", shape_name(reader->record));
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        return read_members(reader, shape, value, depth - 1);
    case SHAPE_LIST:
    case SHAPE_MAP:
        return read_items(reader, shape, value, depth - 1);
    case SHAPE_STRING:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
        return read_bytes(reader, value);
    case SHAPE_ENUM:
        return read_enum(reader, shape, value);
    case SHAPE_BOOLEAN:
        return read_boolean(reader, value);
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_TIMESTAMP:
        return read_number(reader, shape, value);
    case SHAPE_DOUBLE: {
        uint64_t bits;

        if (!read_little(reader, DOUBLE_SIZE, &bits))
            return false;
        memcpy(value, &bits, sizeof(bits));
        return true;
    }
    }
    return false;
}

bool value_decode(const struct shape *structure, struct str bytes, void *value, struct arena *arena, struct fail *f)
{
    struct reader reader = {.record = structure, .arena = arena, .f = f};
    uint8_t format;
    void *copy;

    must(structure->kind == SHAPE_STRUCTURE);
    /* One copy of it all: strings of the value point into it. */
    if (!make_room(&reader, bytes.len, &copy))
        return false;
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    reader.at = copy;
    reader.end = reader.at + bytes.len;
    if (!read_byte(&reader, &format))
        return false;
    if (format != FORMAT)
        return fail(f, FAIL_INPUT, "a stored %s has the unknown format %u", shape_name(structure), format);
    if (!read_value(&reader, structure, value, STORED_DEPTH_MAX))
        return false;
    if (left(&reader) > 0)
        return fail(f, FAIL_INPUT, "a stored %s is followed by %zu bytes too many", shape_name(structure),
                    left(&reader));
    return true;
}
