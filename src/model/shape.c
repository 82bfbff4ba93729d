#include "model/shape.h"

const struct shape nothing_shape = {.name = "Nothing", .kind = SHAPE_STRUCTURE, .size = sizeof(struct nothing)};

const struct operation *service_operation(const struct service *service, struct str name)
{
    size_t low = 0;
    size_t high = service->operation_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(name, str_of(service->operations[middle].name));

        if (order == 0)
            return &service->operations[middle];
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
        int order = str_compare(name, str_of(service->shapes[middle]->name));

        if (order == 0)
            return service->shapes[middle];
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
        if (str_is(name, structure->members[i].name))
            return &structure->members[i];
    return NULL;
}

void member_mark(const struct member *member, void *value)
{
    if (member->has_offset != 0)
        *((bool *)value + member->has_offset) = true;
}
