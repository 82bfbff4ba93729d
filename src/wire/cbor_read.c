#include "wire/cbor.h"

#include "wire/utf8.h"

#include <cbor/streaming.h>
#include <math.h>

enum token_kind {
    TOKEN_NONE, /* an item that no shape asks for, such as undefined */
    TOKEN_UNSIGNED,
    TOKEN_NEGATIVE, /* -1 - number */
    TOKEN_BYTES,
    TOKEN_TEXT,
    TOKEN_ARRAY,
    TOKEN_MAP,
    TOKEN_TAG,
    TOKEN_REAL,
    TOKEN_NULL,
    TOKEN_BOOLEAN,
    TOKEN_BREAK,
};

/* One head, with what stands behind it of a string. */
struct token {
    enum token_kind kind;
    bool open;       /* arrays, maps and strings without a length: up to TOKEN_BREAK */
    uint64_t number; /* integers, tags, counts */
    double real;
    struct str bytes;
    bool truth;
};

struct reading {
    struct decoder *decoder;
    struct str rest;
};

/* libcbor calls exactly one of these for an item. */
#define ON_NUMBER(name, type, token_kind)                                                                              \
    static void name(void *context, type number)                                                                       \
    {                                                                                                                  \
        *(struct token *)context = (struct token){.kind = (token_kind), .number = number};                             \
    }
ON_NUMBER(on_uint8, uint8_t, TOKEN_UNSIGNED)
ON_NUMBER(on_uint16, uint16_t, TOKEN_UNSIGNED)
ON_NUMBER(on_uint32, uint32_t, TOKEN_UNSIGNED)
ON_NUMBER(on_uint64, uint64_t, TOKEN_UNSIGNED)
ON_NUMBER(on_negint8, uint8_t, TOKEN_NEGATIVE)
ON_NUMBER(on_negint16, uint16_t, TOKEN_NEGATIVE)
ON_NUMBER(on_negint32, uint32_t, TOKEN_NEGATIVE)
ON_NUMBER(on_negint64, uint64_t, TOKEN_NEGATIVE)
ON_NUMBER(on_array, size_t, TOKEN_ARRAY)
ON_NUMBER(on_map, size_t, TOKEN_MAP)
ON_NUMBER(on_tag, uint64_t, TOKEN_TAG)

#define ON_START(name, token_kind, is_open)                                                                            \
    static void name(void *context)                                                                                    \
    {                                                                                                                  \
        *(struct token *)context = (struct token){.kind = (token_kind), .open = (is_open)};                            \
    }
ON_START(on_open_bytes, TOKEN_BYTES, true)
ON_START(on_open_text, TOKEN_TEXT, true)
ON_START(on_open_array, TOKEN_ARRAY, true)
ON_START(on_open_map, TOKEN_MAP, true)
ON_START(on_null, TOKEN_NULL, false)
ON_START(on_undefined, TOKEN_NULL, false)
ON_START(on_break, TOKEN_BREAK, false)

static void on_bytes(void *context, cbor_data bytes, size_t len)
{
    *(struct token *)context = (struct token){.kind = TOKEN_BYTES, .bytes = {(const char *)bytes, len}};
}

static void on_text(void *context, cbor_data bytes, size_t len)
{
    *(struct token *)context = (struct token){.kind = TOKEN_TEXT, .bytes = {(const char *)bytes, len}};
}

static void on_double(void *context, double real)
{
    *(struct token *)context = (struct token){.kind = TOKEN_REAL, .real = real};
}

static void on_float(void *context, float real)
{
    on_double(context, (double)real);
}

static void on_boolean(void *context, bool truth)
{
    *(struct token *)context = (struct token){.kind = TOKEN_BOOLEAN, .truth = truth};
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string_start = on_open_bytes,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_open_text,
    .indef_array_start = on_open_array,
    .array_start = on_array,
    .indef_map_start = on_open_map,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_undefined,
    .null = on_null,
    .boolean = on_boolean,
    .indef_break = on_break,
};

static bool malformed(const struct reading *reading)
{
    return decode_refuse(reading->decoder, "The request body is not valid CBOR");
}

static bool next_token(struct reading *reading, struct token *ret_token)
{
    struct token token = {0};
    struct cbor_decoder_result result =
        cbor_stream_decode((cbor_data)reading->rest.ptr, reading->rest.len, &callbacks, &token);

    if (result.status != CBOR_DECODER_FINISHED)
        return malformed(reading);
    reading->rest = str_from(reading->rest, result.read);
    *ret_token = token;
    return true;
}

/* The pieces of a string without a length, joined in the arena. */
static bool join_pieces(struct reading *reading, enum token_kind kind, struct str *ret_bytes)
{
    auto_buf joined = {0};
    struct token piece = {0};

    for (;;) {
        if (!next_token(reading, &piece))
            return false;
        if (piece.kind == TOKEN_BREAK)
            return decode_str(reading->decoder, buf_str(&joined), ret_bytes);
        if (piece.kind != kind || piece.open)
            return malformed(reading);
        buf_add(&joined, piece.bytes);
    }
}

/* Text is what JSON would accept: UTF-8 without NUL. */
static bool take_bytes(struct reading *reading, const struct token *token, struct str *ret_bytes)
{
    struct str bytes = token->bytes;

    if (token->open && !join_pieces(reading, token->kind, &bytes))
        return false;
    if (token->kind == TOKEN_TEXT && (!utf8_valid(bytes) || str_find(bytes, '\0') != bytes.len))
        return decode_refuse(reading->decoder, "A string is not valid UTF-8 text");
    if (bytes.ptr == NULL)
        bytes = STR("");
    *ret_bytes = bytes;
    return true;
}

static bool skip(struct reading *reading, const struct token *token);

/* How many items follow: told, or counted up to the break. An item takes a byte at least, which bounds both. */
static bool count_items(const struct reading *reading, const struct token *token, size_t *ret_count)
{
    struct reading ahead = *reading;
    struct token item;
    size_t count = 0;

    if (!token->open) {
        *ret_count = (size_t)token->number;
        return token->number <= reading->rest.len || malformed(reading);
    }
    for (;; count++) {
        if (!next_token(&ahead, &item))
            return false;
        if (item.kind == TOKEN_BREAK)
            break;
        if (!skip(&ahead, &item) || (token->kind == TOKEN_MAP && (!next_token(&ahead, &item) || !skip(&ahead, &item))))
            return false;
    }
    *ret_count = count;
    return true;
}

/* The break behind the items of an open array or map. */
static bool take_break(struct reading *reading, const struct token *token)
{
    struct token end = {0};

    if (!token->open)
        return true;
    return next_token(reading, &end) && (end.kind == TOKEN_BREAK || malformed(reading));
}

static bool skip_items(struct reading *reading, const struct token *token)
{
    uint64_t left = token->number * (token->kind == TOKEN_MAP ? 2 : 1);
    struct token item;

    if (!token->open && token->number > reading->rest.len)
        return malformed(reading);
    while (token->open || left-- > 0) {
        if (!next_token(reading, &item))
            return false;
        if (item.kind == TOKEN_BREAK)
            return token->open || malformed(reading);
        if (!skip(reading, &item))
            return false;
    }
    return true;
}

/* The rest of an item whose head was taken: a member that the model does not know. */
static bool skip(struct reading *reading, const struct token *token)
{
    struct token inner;
    struct str ignored;
    bool good = true;

    if (token->kind == TOKEN_BREAK || token->kind == TOKEN_NONE)
        return malformed(reading);
    if (!decode_enter(reading->decoder))
        return false;
    if (token->kind == TOKEN_TAG)
        good = next_token(reading, &inner) && skip(reading, &inner);
    else if (token->kind == TOKEN_ARRAY || token->kind == TOKEN_MAP)
        good = skip_items(reading, token);
    else if (token->open)
        good = join_pieces(reading, token->kind, &ignored);
    decode_leave(reading->decoder);
    return good;
}

static bool wrong_type(struct reading *reading)
{
    return decode_refuse(reading->decoder, "A value is not of the type that the model asks for");
}

static bool read_whole(struct reading *reading, const struct shape *shape, const struct token *token, void *at)
{
    bool negative = token->kind == TOKEN_NEGATIVE;

    if (token->kind == TOKEN_REAL && token->real == trunc(token->real) && fabs(token->real) < 0x1p63)
        return decode_whole(reading->decoder, shape, (int64_t)token->real, at);
    if ((!negative && token->kind != TOKEN_UNSIGNED) || token->number > INT64_MAX)
        return wrong_type(reading);
    return decode_whole(reading->decoder, shape, negative ? -1 - (int64_t)token->number : (int64_t)token->number, at);
}

static bool read_double(struct reading *reading, const struct token *token, double *at)
{
    switch (token->kind) {
    case TOKEN_REAL:
        *at = token->real;
        return true;
    case TOKEN_UNSIGNED:
        *at = (double)token->number;
        return true;
    case TOKEN_NEGATIVE:
        *at = -1.0 - (double)token->number;
        return true;
    case TOKEN_NONE:
    case TOKEN_BYTES:
    case TOKEN_TEXT:
    case TOKEN_ARRAY:
    case TOKEN_MAP:
    case TOKEN_TAG:
    case TOKEN_NULL:
    case TOKEN_BOOLEAN:
    case TOKEN_BREAK:
        break;
    }
    return wrong_type(reading);
}

/* Tag 1 and a number (RFC 8949, section 3.4.2); the bare number is understood, too. */
static bool read_timestamp(struct reading *reading, const struct token *token, int64_t *at)
{
    struct token number = *token;
    double seconds = 0;

    if (token->kind == TOKEN_TAG) {
        if (token->number != 1)
            return wrong_type(reading);
        if (!next_token(reading, &number))
            return false;
    }
    return read_double(reading, &number, &seconds) && decode_epoch(reading->decoder, seconds, at);
}

static bool read_string(struct reading *reading, const struct shape *shape, const struct token *token, void *at)
{
    struct str text;

    if (token->kind != (shape->kind == SHAPE_BLOB ? TOKEN_BYTES : TOKEN_TEXT))
        return wrong_type(reading);
    if (!take_bytes(reading, token, &text))
        return false;
    if (shape->kind == SHAPE_ENUM)
        return decode_enum(reading->decoder, shape, text, at);
    *(struct str *)at = text;
    return true;
}

static bool read_item(struct reading *reading, const struct shape *shape, const struct token *token, void *at);

static bool read_list(struct reading *reading, const struct shape *shape, const struct token *token,
                      struct list_value *list)
{
    size_t count;

    if (token->kind != TOKEN_ARRAY)
        return wrong_type(reading);
    *list = (struct list_value){0}; /* CBOR may have a key twice; the last value counts, as in JSON */
    if (!count_items(reading, token, &count) ||
        !decode_alloc(reading->decoder, count, shape_element(shape)->size, &list->items))
        return false;
    for (; count > 0; count--) {
        struct token item;

        if (!next_token(reading, &item))
            return false;
        if (item.kind == TOKEN_NULL)
            continue;
        if (!read_item(reading, shape_element(shape), &item, list_at(shape, list, list->count)))
            return false;
        list->count++;
    }
    return take_break(reading, token);
}

/* The next key of a map, and the head of its value. */
static bool next_entry(struct reading *reading, struct str *ret_key, struct token *ret_value)
{
    struct token token;

    if (!next_token(reading, &token))
        return false;
    if (token.kind != TOKEN_TEXT)
        return malformed(reading);
    return take_bytes(reading, &token, ret_key) && next_token(reading, ret_value);
}

static bool read_map(struct reading *reading, const struct shape *shape, const struct token *token,
                     struct list_value *map)
{
    size_t count;

    if (token->kind != TOKEN_MAP)
        return wrong_type(reading);
    *map = (struct list_value){0};
    if (!count_items(reading, token, &count) || !decode_alloc(reading->decoder, count, shape->entry_size, &map->items))
        return false;
    for (; count > 0; count--) {
        struct token value;
        struct str key;

        if (!next_entry(reading, &key, &value))
            return false;
        if (value.kind == TOKEN_NULL)
            continue;
        if (!decode_key(reading->decoder, shape, map, key) ||
            !read_item(reading, shape_element(shape), &value, map_value_at(shape, map, map->count)))
            return false;
        map->count++;
    }
    return take_break(reading, token);
}

static bool read_member(struct reading *reading, const struct member *member, const struct token *token, void *value)
{
    void *at;

    if (member == NULL)
        return skip(reading, token);
    if (token->kind == TOKEN_NULL)
        return true;
    if (!decode_place(reading->decoder, member, value, &at) || !read_item(reading, member_shape(member), token, at))
        return false;
    member_mark(member, value);
    return true;
}

static bool read_structure(struct reading *reading, const struct shape *shape, const struct token *token, void *value)
{
    size_t count;

    if (token->kind != TOKEN_MAP)
        return wrong_type(reading);
    if (!count_items(reading, token, &count))
        return false;
    for (; count > 0; count--) {
        struct token item;
        struct str key;

        if (!next_entry(reading, &key, &item) || !read_member(reading, shape_member(shape, key), &item, value))
            return false;
    }
    return take_break(reading, token);
}

static bool read_nested(struct reading *reading, const struct shape *shape, const struct token *token, void *at)
{
    bool good;

    if (!decode_enter(reading->decoder))
        return false;
    good = shape->kind == SHAPE_STRUCTURE ? read_structure(reading, shape, token, at)
           : shape->kind == SHAPE_LIST    ? read_list(reading, shape, token, at)
                                          : read_map(reading, shape, token, at);
    decode_leave(reading->decoder);
    return good;
}

static bool read_item(struct reading *reading, const struct shape *shape, const struct token *token, void *at)
{
    switch (shape->kind) {
    case SHAPE_STRING:
    case SHAPE_ENUM:
    case SHAPE_BLOB:
        return read_string(reading, shape, token, at);
    case SHAPE_BOOLEAN:
        *(bool *)at = token->truth;
        return token->kind == TOKEN_BOOLEAN || wrong_type(reading);
    case SHAPE_INTEGER:
    case SHAPE_LONG:
        return read_whole(reading, shape, token, at);
    case SHAPE_DOUBLE:
        return read_double(reading, token, at);
    case SHAPE_TIMESTAMP:
        return read_timestamp(reading, token, at);
    case SHAPE_STRUCTURE:
    case SHAPE_LIST:
    case SHAPE_MAP:
        return read_nested(reading, shape, token, at);
    case SHAPE_DOCUMENT:
        break;
    }
    return wrong_type(reading);
}

bool wire_cbor_read(struct decoder *decoder, const struct shape *structure, struct str bytes, void *ret_value)
{
    struct reading reading = {decoder, bytes};
    struct token token;

    if (bytes.len == 0)
        return true;
    if (!next_token(&reading, &token) || !read_nested(&reading, structure, &token, ret_value))
        return false;
    return reading.rest.len == 0 || malformed(&reading);
}
