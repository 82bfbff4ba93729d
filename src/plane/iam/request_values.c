/* What a request says, found by the names of its members. */
#include "model/interpret.h"
#include "plane/iam/authorize.h"

struct found {
    struct arena *arena;
    struct str *items;
    size_t count;
};

static void add(struct found *found, struct str text)
{
    if (text.ptr == NULL)
        return;
    if ((found->count & (found->count - 1)) == 0) {
        struct str *items = arena_array(found->arena, struct str, found->count == 0 ? 1 : found->count * 2);

        if (found->count > 0)
            memcpy(items, found->items, found->count * sizeof(*items));
        found->items = items;
    }
    found->items[found->count++] = text;
}

static struct str text_of(const struct shape *shape, const void *at, struct arena *arena)
{
    switch (shape->kind) {
    case SHAPE_STRING:
        return *(const struct str *)at;
    case SHAPE_ENUM:
        return str_of(enum_name(shape, *(const int *)at));
    case SHAPE_BOOLEAN:
        return *(const bool *)at ? STR("true") : STR("false");
    case SHAPE_INTEGER:
        return arena_printf(arena, "%d", *(const int32_t *)at);
    case SHAPE_LONG:
        return arena_printf(arena, "%lld", (long long)*(const int64_t *)at);
    case SHAPE_STRUCTURE:
    case SHAPE_LIST:
    case SHAPE_MAP:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        break;
    }
    return (struct str){NULL, 0};
}

static void collect(const struct shape *shape, const void *value, struct str path, struct found *found);

static void collect_member(const struct shape *structure, const void *value, struct str path, struct found *found)
{
    struct str rest;
    struct str name = str_cut(path, '.', &rest);
    const struct member *member = shape_member(structure, name);
    const void *at;

    if (member == NULL || !member_present(member, value))
        return;
    at = member_at(member, value);
    collect(member_shape(member), member->kind == SHAPE_STRUCTURE ? *(const void *const *)at : at, rest, found);
}

/* As deep as the path is long, but for lists of lists, of which the models have two at most. */
static void collect(const struct shape *shape, const void *value, struct str path, struct found *found)
{
    if (shape->kind == SHAPE_STRUCTURE && path.len > 0)
        collect_member(shape, value, path, found);
    else if (shape->kind == SHAPE_LIST)
        for (size_t i = 0; i < ((const struct list_value *)value)->count; i++)
            collect(shape_element(shape), list_at(shape, value, i), path, found);
    else if (path.len == 0)
        add(found, text_of(shape, value, found->arena));
}

bool request_values(const struct call *call, const struct operation *operation, const void *in, const char *path,
                    struct policy_values *ret_values)
{
    struct found found = {.arena = call->arena};

    collect(operation_input(operation), in, str_of(path), &found);
    *ret_values = (struct policy_values){found.items, found.count};
    return found.count > 0;
}

struct str request_member(const struct call *call, const struct operation *operation, const void *in, const char *name)
{
    struct policy_values values;

    return request_values(call, operation, in, name, &values) ? values.items[0] : (struct str){NULL, 0};
}
