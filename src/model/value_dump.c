/* Values as text for people, and as the JSON of events. */
#include "base/when.h"
#include "model/interpret.h"

struct style {
    bool camel; /* members begin with a small letter */
    bool open;  /* sensitive ones are shown */
    const char *colon, *comma;
};

static const struct style dump_style = {false, false, ": ", ", "};
static const struct style camel_style = {true, false, ": ", ", "};
static const struct style json_style = {false, true, ":", ","};

void value_json_text(struct str text, struct buf *out)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

static void dump_enum(const struct shape *enumeration, int value, struct buf *out)
{
    const char *name = enum_name(enumeration, value);

    if (name == NULL)
        buf_add_cstr(out, "null");
    else
        value_json_text(str_of(name), out);
}

static void dump_time(int64_t when_ms, struct buf *out)
{
    struct arena arena;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    value_json_text(when_to_iso8601(&arena, when_ms), out);
    arena_free(&arena);
}

static void dump(const struct shape *shape, const void *value, const struct style *style, struct buf *out);

static void dump_name(const char *name, const struct style *style, struct buf *out)
{
    size_t at = out->len;

    value_json_text(str_of(name), out);
    if (style->camel && !out->overflowed && out->ptr[at + 1] >= 'A' && out->ptr[at + 1] <= 'Z')
        out->ptr[at + 1] = (char)(out->ptr[at + 1] - 'A' + 'a');
}

static void dump_members(const struct shape *structure, const void *value, const struct style *style, struct buf *out)
{
    const char *separator = "";

    buf_add_char(out, '{');
    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];

        if (!member_present(member, value))
            continue;
        buf_add_cstr(out, separator);
        dump_name(member_name(member), style, out);
        buf_add_cstr(out, style->colon);
        if (member->sensitive && !style->open)
            buf_add_cstr(out, "\"***\"");
        else
            dump(member_shape(member), member_value(member, value), style, out);
        separator = style->comma;
    }
    buf_add_char(out, '}');
}

static void dump_list(const struct shape *list, const struct list_value *items, const struct style *style,
                      struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < items->count; i++) {
        buf_add_cstr(out, i == 0 ? "" : style->comma);
        dump(shape_element(list), list_at(list, items, i), style, out);
    }
    buf_add_char(out, ']');
}

static void dump_map(const struct shape *map, const struct list_value *items, const struct style *style,
                     struct buf *out)
{
    buf_add_char(out, '{');
    for (size_t i = 0; i < items->count; i++) {
        buf_add_cstr(out, i == 0 ? "" : style->comma);
        dump(shape_key(map), map_key_at(map, items, i), style, out);
        buf_add_cstr(out, style->colon);
        dump(shape_element(map), map_value_at(map, items, i), style, out);
    }
    buf_add_char(out, '}');
}

static void dump(const struct shape *shape, const void *value, const struct style *style, struct buf *out)
{
    if (shape->sensitive && !style->open) {
        buf_add_cstr(out, "\"***\"");
        return;
    }
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        dump_members(shape, value, style, out);
        break;
    case SHAPE_LIST:
        dump_list(shape, value, style, out);
        break;
    case SHAPE_MAP:
        dump_map(shape, value, style, out);
        break;
    case SHAPE_STRING:
        value_json_text(*(const struct str *)value, out);
        break;
    case SHAPE_BLOB:
        buf_printf(out, "\"<%zu bytes>\"", ((const struct str *)value)->len);
        break;
    case SHAPE_DOCUMENT:
        buf_add(out, *(const struct str *)value);
        break;
    case SHAPE_ENUM:
        dump_enum(shape, *(const int *)value, out);
        break;
    case SHAPE_BOOLEAN:
        buf_add_cstr(out, *(const bool *)value ? "true" : "false");
        break;
    case SHAPE_INTEGER:
        buf_printf(out, "%d", *(const int32_t *)value);
        break;
    case SHAPE_LONG:
        buf_printf(out, "%lld", (long long)*(const int64_t *)value);
        break;
    case SHAPE_DOUBLE:
        buf_printf(out, "%.15g", *(const double *)value);
        break;
    case SHAPE_TIMESTAMP:
        dump_time(*(const int64_t *)value, out);
        break;
    }
}

void value_dump(const struct shape *shape, const void *value, struct buf *out)
{
    dump(shape, value, &dump_style, out);
}

void value_dump_camel(const struct shape *shape, const void *value, struct buf *out)
{
    dump(shape, value, &camel_style, out);
}

void value_json(const struct shape *shape, const void *value, struct buf *out)
{
    dump(shape, value, &json_style, out);
}
