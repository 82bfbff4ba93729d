/* Deep copies. One walk adds up what stands out of line, one allocation makes room for it, a second walk moves it
 * there: structs and arrays in front, aligned, the bytes of strings behind. */
#include "base/must.h"
#include "model/interpret.h"

enum { ALIGNMENT = 8 };

struct extent {
    size_t structs;
    size_t text;
};

struct cursor {
    char *structs;
    char *text;
};

/* What an empty list or string that is present points to: nothing is ever read or written there. */
static char empty[ALIGNMENT];

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static bool is_flat(unsigned kind)
{
    return kind >= SHAPE_BOOLEAN || kind == SHAPE_ENUM;
}

static bool is_text(unsigned kind)
{
    return kind == SHAPE_STRING || kind == SHAPE_BLOB || kind == SHAPE_DOCUMENT;
}

static void measure(const struct shape *shape, const void *value, struct extent *extent);

static void measure_members(const struct shape *structure, const void *value, struct extent *extent)
{
    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];
        const void *at = member_at(member, value);

        if (is_flat(member->kind))
            continue;
        if (is_text(member->kind)) {
            extent->text += ((const struct str *)at)->len;
            continue;
        }
        if (!member_present(member, value))
            continue;
        if (member->kind == SHAPE_STRUCTURE)
            extent->structs += aligned(member_shape(member)->size);
        measure(member_shape(member), member_value(member, value), extent);
    }
}

static void measure_items(const struct shape *shape, const struct list_value *items, struct extent *extent)
{
    bool is_map = shape->kind == SHAPE_MAP;

    extent->structs += aligned(items->count * (is_map ? shape->entry_size : shape_element(shape)->size));
    for (size_t i = 0; i < items->count; i++) {
        if (is_map)
            measure(shape_key(shape), map_key_at(shape, items, i), extent);
        measure(shape_element(shape), is_map ? map_value_at(shape, items, i) : list_at(shape, items, i), extent);
    }
}

/* Adds what stands out of line of the value at `value`. */
static void measure(const struct shape *shape, const void *value, struct extent *extent)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        measure_members(shape, value, extent);
        break;
    case SHAPE_LIST:
    case SHAPE_MAP:
        measure_items(shape, value, extent);
        break;
    case SHAPE_STRING:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
        extent->text += ((const struct str *)value)->len;
        break;
    case SHAPE_ENUM:
    case SHAPE_BOOLEAN:
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        break;
    }
}

static void *move_struct(struct cursor *cursor, const void *from, size_t size)
{
    void *to = cursor->structs;

    memcpy(to, from, size);
    cursor->structs += aligned(size);
    return to;
}

static void move_text(struct str *text, struct cursor *cursor)
{
    if (text->ptr == NULL)
        return;
    if (text->len == 0) {
        text->ptr = empty;
        return;
    }
    memcpy(cursor->text, text->ptr, text->len);
    text->ptr = cursor->text;
    cursor->text += text->len;
}

static void move(const struct shape *shape, void *value, struct cursor *cursor);

static void move_members(const struct shape *structure, void *value, struct cursor *cursor)
{
    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];
        void *at = member_at(member, value);

        if (is_flat(member->kind))
            continue;
        if (is_text(member->kind)) {
            move_text(at, cursor);
            continue;
        }
        if (!member_present(member, value))
            continue;
        if (member->kind == SHAPE_STRUCTURE) {
            *(void **)at = move_struct(cursor, *(void **)at, member_shape(member)->size);
            at = *(void **)at;
        }
        move(member_shape(member), at, cursor);
    }
}

static void move_items(const struct shape *shape, struct list_value *items, struct cursor *cursor)
{
    bool is_map = shape->kind == SHAPE_MAP;

    if (items->items == NULL)
        return;
    if (items->count == 0) {
        items->items = empty;
        return;
    }
    items->items =
        move_struct(cursor, items->items, items->count * (is_map ? shape->entry_size : shape_element(shape)->size));
    for (size_t i = 0; i < items->count; i++) {
        if (is_map)
            move(shape_key(shape), map_key_at(shape, items, i), cursor);
        move(shape_element(shape), is_map ? map_value_at(shape, items, i) : list_at(shape, items, i), cursor);
    }
}

/* The value at `value` is a shallow copy: what it points to moves to the cursor. */
static void move(const struct shape *shape, void *value, struct cursor *cursor)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        move_members(shape, value, cursor);
        break;
    case SHAPE_LIST:
    case SHAPE_MAP:
        move_items(shape, value, cursor);
        break;
    case SHAPE_STRING:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
        move_text(value, cursor);
        break;
    case SHAPE_ENUM:
    case SHAPE_BOOLEAN:
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        break;
    }
}

void value_copy(const struct shape *shape, void *to, const void *from, struct arena *arena)
{
    struct extent extent = {0};
    struct cursor cursor = {0};

    measure(shape, from, &extent);
    if (extent.structs + extent.text > 0)
        cursor.structs = arena_alloc(arena, extent.structs + extent.text);
    cursor.text = cursor.structs + extent.structs;
    memmove(to, from, shape->size);
    move(shape, to, &cursor);
}

void *value_block(const struct shape *structure, const void *from, size_t *ret_size)
{
    struct extent extent = {.structs = aligned(structure->size)};
    struct cursor cursor;
    void *block;

    measure(structure, from, &extent);
    cursor.structs = malloc(extent.structs + extent.text);
    must(cursor.structs != NULL);
    cursor.text = cursor.structs + extent.structs;
    block = move_struct(&cursor, from, structure->size);
    move(structure, block, &cursor);
    *ret_size = extent.structs + extent.text;
    return block;
}
