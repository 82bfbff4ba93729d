#include "model/shape.h"

const struct operation *service_operation(const struct service *service, struct str name)
{
    size_t low = 0;
    size_t high = service->operation_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(name, str_of(operation_name(&service_operations(service)[middle])));

        if (order == 0)
            return &service_operations(service)[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct shape *service_shape(const struct service *service, struct str name)
{
    size_t low = 0;
    size_t high = service->shape_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(name, str_of(shape_name(&service_shapes(service)[middle])));

        if (order == 0)
            return &service_shapes(service)[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Members stand in the model's order, which protocols need; few structures have more than twenty. */
const struct member *shape_member(const struct shape *structure, struct str name)
{
    for (size_t i = 0; i < structure->member_count; i++)
        if (str_is(name, member_name(&shape_members(structure)[i])))
            return &shape_members(structure)[i];
    return NULL;
}

void member_mark(const struct member *member, void *value)
{
    if (member->has_offset != 0)
        *((bool *)value + member->has_offset) = true;
}
