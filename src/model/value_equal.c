/* Equality of values. */
#include "base/map.h"
#include "model/interpret.h"

/* The bytes of a map's key: of a string itself, of an enum its number. */
static struct str key_bytes(const struct shape *key, const void *at)
{
    return key->kind == SHAPE_ENUM ? (struct str){at, key->size} : *(const struct str *)at;
}

static bool members_equal(const struct shape *structure, const void *a, const void *b)
{
    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];
        bool present = member_present(member, a);

        if (present != member_present(member, b))
            return false;
        if (present && !value_equal(member_shape(member), member_value(member, a), member_value(member, b)))
            return false;
    }
    return true;
}

static bool lists_equal(const struct shape *list, const struct list_value *a, const struct list_value *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!value_equal(shape_element(list), list_at(list, a, i), list_at(list, b, i)))
            return false;
    return true;
}

/* From entry `start` on the two are ordered differently: each entry of a is looked up in b. */
static bool maps_equal_from(const struct shape *map, const struct list_value *a, const struct list_value *b,
                            size_t start)
{
    struct map values = {0};
    bool equal = true;

    for (size_t i = start; i < b->count; i++)
        (void)map_put(&values, key_bytes(shape_key(map), map_key_at(map, b, i)), map_value_at(map, b, i));
    for (size_t i = start; equal && i < a->count; i++) {
        void *in_b = map_get(&values, key_bytes(shape_key(map), map_key_at(map, a, i)));

        equal = in_b != NULL && value_equal(shape_element(map), map_value_at(map, a, i), in_b);
    }
    map_free(&values);
    return equal;
}

static bool maps_equal(const struct shape *map, const struct list_value *a, const struct list_value *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (!str_eq(key_bytes(shape_key(map), map_key_at(map, a, i)), key_bytes(shape_key(map), map_key_at(map, b, i))))
            return maps_equal_from(map, a, b, i);
        if (!value_equal(shape_element(map), map_value_at(map, a, i), map_value_at(map, b, i)))
            return false;
    }
    return true;
}

/* An edited record shares with its original all that was not touched. */
static bool are_same(const struct list_value *a, const struct list_value *b)
{
    return a->items == b->items && a->count == b->count;
}

static bool items_equal(const struct shape *shape, const struct list_value *a, const struct list_value *b)
{
    if (are_same(a, b))
        return true;
    if ((a->items == NULL) != (b->items == NULL) || a->count != b->count)
        return false;
    return shape->kind == SHAPE_MAP ? maps_equal(shape, a, b) : lists_equal(shape, a, b);
}

static bool strings_equal(const struct str *a, const struct str *b)
{
    if (a->len != b->len || (a->ptr == NULL) != (b->ptr == NULL))
        return false;
    return a->ptr == b->ptr || memcmp(a->ptr, b->ptr, a->len) == 0;
}

bool value_equal(const struct shape *shape, const void *a, const void *b)
{
    if (a == b)
        return true;
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        return members_equal(shape, a, b);
    case SHAPE_LIST:
    case SHAPE_MAP:
        return items_equal(shape, a, b);
    case SHAPE_STRING:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
        return strings_equal(a, b);
    case SHAPE_BOOLEAN:
        return *(const bool *)a == *(const bool *)b;
    case SHAPE_ENUM:
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_DOUBLE: /* by its bits, so that a NaN equals itself */
    case SHAPE_TIMESTAMP:
        return memcmp(a, b, shape->size) == 0;
    }
    return false;
}
