#include "plane/ecs/field.h"

static const struct member *first_member(const struct shape *structure, struct str *path)
{
    struct str name = str_cut(*path, '.', path);

    return structure->kind == SHAPE_STRUCTURE ? shape_member(structure, name) : NULL;
}

bool field_exists(const struct shape *structure, const char *path)
{
    struct str rest = str_of(path);
    const struct member *member;

    do {
        member = first_member(structure, &rest);
        if (member == NULL)
            return false;
        structure = member_shape(member);
    } while (rest.ptr != NULL);
    return true;
}

/* NULL when the member, or one on the way, is absent. */
static const void *find(const struct shape *structure, const void *value, const char *path,
                        const struct shape **ret_shape)
{
    struct str rest = str_of(path);

    do {
        const struct member *member = first_member(structure, &rest);

        if (member == NULL || !member_present(member, value))
            return NULL;
        value = member_value(member, value);
        structure = member_shape(member);
    } while (rest.ptr != NULL);
    *ret_shape = structure;
    return value;
}

bool field_is_set(const struct shape *structure, const void *value, const char *path)
{
    const struct shape *shape;
    const void *found = find(structure, value, path, &shape);

    if (found == NULL)
        return false;
    if (shape->kind == SHAPE_BOOLEAN)
        return *(const bool *)found;
    if (shape->kind == SHAPE_LIST || shape->kind == SHAPE_MAP)
        return ((const struct list_value *)found)->count > 0;
    return true;
}

bool field_integer(const struct shape *structure, const void *value, const char *path, int64_t *ret_number)
{
    const struct shape *shape;
    const void *found = find(structure, value, path, &shape);

    if (found == NULL)
        return false;
    *ret_number = shape->kind == SHAPE_INTEGER ? *(const int32_t *)found : *(const int64_t *)found;
    return true;
}
