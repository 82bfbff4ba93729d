#include "wire/sample.h"

enum { DEPTH_MAX = 6, ITEMS_MAX = 3 };

static const char *const strings[] = {
    "",
    "plain",
    " spaces ",
    "a<b>&\"c\"'d'\\e",
    "line\nfeed\ttab",
    "carriage\r\nreturn",
    "caf\xc3\xa9",
    "\xe2\x98\x83",
    "\xf0\x9f\x9a\x80",
    "]]>",
    "100%+/=?",
    "null",
};

static void fill(struct random *random, const struct shape *shape, void *at, struct arena *arena, unsigned depth);

static void fill_members(struct random *random, const struct shape *shape, void *value, struct arena *arena,
                         unsigned depth)
{
    size_t only = shape->member_count == 0 ? 0 : (size_t)random_below(random, shape->member_count);

    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        void *at = member_at(member, value);

        if (shape->is_union ? i != only : random_chance(random, 500))
            continue;
        if (depth == DEPTH_MAX || member->shape->is_event_stream)
            continue;
        if (member->shape->kind == SHAPE_STRUCTURE)
            at = *(void **)at = arena_alloc(arena, member->shape->size);
        fill(random, member->shape, at, arena, depth + 1);
        member_mark(member, value);
    }
}

static void fill_list(struct random *random, const struct shape *shape, struct list_value *list, struct arena *arena,
                      unsigned depth)
{
    list->count = (size_t)random_below(random, ITEMS_MAX);
    list->items = arena_alloc(arena, list->count * shape->element->size);
    for (size_t i = 0; i < list->count; i++)
        fill(random, shape->element, list_at(shape, list, i), arena, depth + 1);
}

static void fill_map(struct random *random, const struct shape *shape, struct list_value *map, struct arena *arena,
                     unsigned depth)
{
    map->items = arena_alloc(arena, ITEMS_MAX * shape->entry_size);
    map->count = (size_t)random_below(random, ITEMS_MAX);
    for (size_t i = 0; i < map->count; i++) {
        if (shape->key->kind == SHAPE_ENUM)
            *(int *)map_key_at(shape, map, i) = (int)i + 1;
        else
            *(struct str *)map_key_at(shape, map, i) = arena_printf(arena, "key<%zu>", i);
        fill(random, shape->element, map_value_at(shape, map, i), arena, depth + 1);
    }
}

static void fill(struct random *random, const struct shape *shape, void *at, struct arena *arena, unsigned depth)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        fill_members(random, shape, at, arena, depth);
        return;
    case SHAPE_LIST:
        fill_list(random, shape, at, arena, depth);
        return;
    case SHAPE_MAP:
        fill_map(random, shape, at, arena, depth);
        return;
    case SHAPE_STRING:
    case SHAPE_BLOB:
        *(struct str *)at = str_of(strings[random_below(random, COUNT_OF(strings))]);
        return;
    case SHAPE_DOCUMENT:
        *(struct str *)at = STR("{\"a\":[1,null]}");
        return;
    case SHAPE_ENUM:
        *(int *)at = 1 + (int)random_below(random, shape->enum_count);
        return;
    case SHAPE_BOOLEAN:
        *(bool *)at = random_chance(random, 500);
        return;
    case SHAPE_INTEGER:
        *(int32_t *)at = (int32_t)(uint32_t)random_next(random);
        return;
    case SHAPE_LONG:
        *(int64_t *)at = (int64_t)random_next(random);
        return;
    case SHAPE_DOUBLE:
        *(double *)at = (double)(int64_t)random_next(random) / 1e9;
        return;
    case SHAPE_TIMESTAMP:
        *(int64_t *)at = (int64_t)random_below(random, 4102444800000);
        return;
    }
}

void sample_fill(struct random *random, const struct shape *structure, void *value, struct arena *arena)
{
    fill_members(random, structure, value, arena, /* depth= */ 0);
}
