#include "plane/ec2/reshape.h"

#include "model/interpret.h"

static bool reshape_value(const struct shape *from_shape, const void *from, const struct shape *to_shape, void *to,
                          struct arena *arena);

static bool reshape_list(const struct shape *from_shape, const struct list_value *from, const struct shape *to_shape,
                         struct list_value *to, struct arena *arena)
{
    char *items = arena_alloc(arena, (from->count + 1) * shape_element(to_shape)->size);

    to->items = items;
    to->count = 0;
    for (size_t i = 0; i < from->count; i++)
        if (reshape_value(shape_element(from_shape), list_at(from_shape, from, i), shape_element(to_shape),
                          items + to->count * shape_element(to_shape)->size, arena))
            to->count++;
    return true;
}

static bool reshape_enum(const struct shape *from_shape, int from, const struct shape *to_shape, int *to)
{
    const char *name = enum_name(from_shape, from);

    *to = name == NULL ? 0 : enum_value(to_shape, str_of(name));
    return *to != 0;
}

/* `to` stands for the value itself: of a structure the struct. */
static bool reshape_value(const struct shape *from_shape, const void *from, const struct shape *to_shape, void *to,
                          struct arena *arena)
{
    if (from_shape->kind != to_shape->kind)
        return false;
    switch (from_shape->kind) {
    case SHAPE_STRUCTURE:
        reshape(from_shape, from, to_shape, to, arena);
        return true;
    case SHAPE_LIST:
        return reshape_list(from_shape, from, to_shape, to, arena);
    case SHAPE_ENUM:
        return reshape_enum(from_shape, *(const int *)from, to_shape, to);
    case SHAPE_MAP:
        return false; /* EC2 has none */
    case SHAPE_STRING:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
    case SHAPE_BOOLEAN:
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        memcpy(to, from, to_shape->size);
        return true;
    }
    return false;
}

void reshape(const struct shape *from_shape, const void *from, const struct shape *to_shape, void *to,
             struct arena *arena)
{
    for (size_t i = 0; i < from_shape->member_count; i++) {
        const struct member *member = &shape_members(from_shape)[i];
        const struct member *target = shape_member(to_shape, str_of(member_name(member)));
        void *at;

        if (target == NULL || target->kind != member->kind || !member_present(member, from))
            continue;
        at = member_at(target, to);
        if (target->kind == SHAPE_STRUCTURE) {
            *(void **)at = arena_alloc(arena, member_shape(target)->size);
            at = *(void **)at;
        }
        if (reshape_value(member_shape(member), member_value(member, from), member_shape(target), at, arena))
            member_mark(target, to);
    }
}
