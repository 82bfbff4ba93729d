#include "plane/ecs/task_size.h"

enum { DECIMALS_MAX = 6 };

struct fargate_size {
    int32_t cpu_units;
    int32_t memory_mib_min, memory_mib_max, memory_mib_step;
};

static const struct fargate_size fargate_sizes[] = {
    {256, 512, 1024, 512},     {256, 2048, 2048, 1024},   {512, 1024, 4096, 1024},    {1024, 2048, 8192, 1024},
    {2048, 4096, 16384, 1024}, {4096, 8192, 30720, 1024}, {8192, 16384, 61440, 4096}, {16384, 32768, 122880, 8192},
};

bool fargate_size_exists(int32_t cpu_units, int32_t memory_mib)
{
    for (size_t i = 0; i < COUNT_OF(fargate_sizes); i++) {
        const struct fargate_size *size = &fargate_sizes[i];

        if (size->cpu_units == cpu_units && memory_mib >= size->memory_mib_min && memory_mib <= size->memory_mib_max &&
            (memory_mib - size->memory_mib_min) % size->memory_mib_step == 0)
            return true;
    }
    return false;
}

/* "0.25" and 1024 make 256; false when the product is not whole. */
static bool decimal_times(struct str text, uint64_t factor, int32_t *ret_product)
{
    struct str decimals;
    struct str whole = str_cut(text, '.', &decimals);
    uint64_t number = 0;
    uint64_t fraction = 0;
    uint64_t scale = 1;

    if (whole.len > 9 || decimals.len > DECIMALS_MAX || whole.len + decimals.len == 0)
        return false;
    if ((whole.len > 0 && !str_to_uint64(whole, &number)) || (decimals.len > 0 && !str_to_uint64(decimals, &fraction)))
        return false;
    for (size_t i = 0; i < decimals.len; i++)
        scale *= 10;
    if (fraction * factor % scale != 0)
        return false;
    number = number * factor + fraction * factor / scale;
    if (number == 0 || number > INT32_MAX)
        return false;
    *ret_product = (int32_t)number;
    return true;
}

static bool parse(struct str text, struct str unit, int32_t *ret_number)
{
    struct str trimmed = str_trim(text);

    if (trimmed.len > unit.len && str_eq_nocase(str_from(trimmed, trimmed.len - unit.len), unit))
        return decimal_times(str_trim(str_to(trimmed, trimmed.len - unit.len)), 1024, ret_number);
    return str_find(trimmed, '.') == trimmed.len && decimal_times(trimmed, 1, ret_number);
}

bool task_cpu_parse(struct str text, int32_t *ret_cpu_units)
{
    return parse(text, STR("vCPU"), ret_cpu_units);
}

bool task_memory_parse(struct str text, int32_t *ret_memory_mib)
{
    return parse(text, STR("GB"), ret_memory_mib);
}
