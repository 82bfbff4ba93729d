#include "model/value_random.h"

#include "model/interpret.h"

enum { ITEMS_MAX = 3, TEXT_PIECES_MAX = 12 };

static struct str fill_text(struct random *random, struct arena *arena)
{
    static const struct str pieces[] = {
        STR_INIT("a"),
        STR_INIT("Z"),
        STR_INIT("7"),
        STR_INIT("-"),
        STR_INIT("/"),
        STR_INIT(":"),
        STR_INIT(" "),
        STR_INIT("\""),
        STR_INIT("\\"),
        STR_INIT("+"),
        STR_INIT("%"),
        STR_INIT("="),
        STR_INIT("<&>"),
        STR_INIT("\xc3\xa9"),
        STR_INIT("\xe2\x82\xac"),
        STR_INIT("\xf0\x9f\x90\xb3"),
        STR_INIT("arn:aws:ecs"),
    };
    size_t count = random_below(random, TEXT_PIECES_MAX + 1);
    char *text = arena_alloc(arena, count * 16 + 1);
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        struct str piece = pieces[random_below(random, COUNT_OF(pieces))];

        memcpy(text + len, piece.ptr, piece.len);
        len += piece.len;
    }
    return (struct str){text, len};
}

static struct str fill_blob(struct random *random, struct arena *arena)
{
    size_t len = random_below(random, 20);
    char *bytes = arena_alloc(arena, len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)random_next(random);
    return (struct str){bytes, len};
}

/* Small numbers, and the ends of the range. */
static int64_t fill_number(struct random *random, int64_t min, int64_t max)
{
    switch (random_below(random, 8)) {
    case 0:
        return min;
    case 1:
        return max;
    default:
        return (int64_t)random_below(random, 2001) - 1000;
    }
}

/* Distinct keys: a number at their end for strings, distinct values for enums. */
static void fill_key(const struct shape *key, void *at, size_t index, struct random *random, struct arena *arena)
{
    struct str text;

    if (key->kind == SHAPE_ENUM) {
        *(int *)at = (int)index + 1;
        return;
    }
    text = fill_text(random, arena); /* STR_ARG reads its argument twice */
    *(struct str *)at = arena_printf(arena, "%.*s%zu", STR_ARG(text), index);
}

static void fill_items(const struct shape *shape, struct list_value *items, struct random *random, unsigned depth,
                       struct arena *arena)
{
    bool is_map = shape->kind == SHAPE_MAP;
    size_t count = depth == 0 ? 0 : random_below(random, ITEMS_MAX + 1);

    if (is_map && shape_key(shape)->kind == SHAPE_ENUM && count > shape_key(shape)->enum_count)
        count = shape_key(shape)->enum_count;
    items->items = arena_alloc(arena, count * (is_map ? shape->entry_size : shape_element(shape)->size));
    items->count = count;
    for (size_t i = 0; i < count; i++) {
        if (is_map)
            fill_key(shape_key(shape), map_key_at(shape, items, i), i, random, arena);
        value_fill(shape_element(shape), is_map ? map_value_at(shape, items, i) : list_at(shape, items, i), random,
                   depth - 1, arena);
    }
}

static void fill_member(const struct member *member, void *value, struct random *random, unsigned depth,
                        struct arena *arena)
{
    void *at = member_at(member, value);

    if (member_shape(member)->kind == SHAPE_STRUCTURE) {
        if (depth == 0)
            return;
        *(void **)at = arena_alloc(arena, member_shape(member)->size);
        value_fill(member_shape(member), *(void **)at, random, depth - 1, arena);
        return;
    }
    value_fill(member_shape(member), at, random, depth, arena);
    member_mark(member, value);
}

static void fill_members(const struct shape *structure, void *value, struct random *random, unsigned depth,
                         struct arena *arena)
{
    if (structure->is_union && structure->member_count > 0) {
        fill_member(&shape_members(structure)[random_below(random, structure->member_count)], value, random, depth,
                    arena);
        return;
    }
    for (size_t i = 0; i < structure->member_count; i++)
        if (random_chance(random, 500))
            fill_member(&shape_members(structure)[i], value, random, depth, arena);
}

void value_fill(const struct shape *shape, void *value, struct random *random, unsigned depth, struct arena *arena)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        fill_members(shape, value, random, depth, arena);
        break;
    case SHAPE_LIST:
    case SHAPE_MAP:
        fill_items(shape, value, random, depth, arena);
        break;
    case SHAPE_STRING:
        *(struct str *)value = fill_text(random, arena);
        break;
    case SHAPE_BLOB:
        *(struct str *)value = fill_blob(random, arena);
        break;
    case SHAPE_DOCUMENT:
        *(struct str *)value = arena_printf(arena, "{\"n\":%u}", (unsigned)random_below(random, 100));
        break;
    case SHAPE_ENUM:
        *(int *)value = (int)random_below(random, shape->enum_count) + 1;
        break;
    case SHAPE_BOOLEAN:
        *(bool *)value = random_chance(random, 500);
        break;
    case SHAPE_INTEGER:
        *(int32_t *)value = (int32_t)fill_number(random, INT32_MIN, INT32_MAX);
        break;
    case SHAPE_LONG:
        *(int64_t *)value = fill_number(random, INT64_MIN, INT64_MAX);
        break;
    case SHAPE_DOUBLE:
        *(double *)value = (double)fill_number(random, INT32_MIN, INT32_MAX) / 8;
        break;
    case SHAPE_TIMESTAMP:
        *(int64_t *)value = (int64_t)random_below(random, INT64_C(4102444800000));
        break;
    }
}
