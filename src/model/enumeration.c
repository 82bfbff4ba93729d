/* Enum values and their names. */
#include "model/interpret.h"

const char *enum_name(const struct shape *enumeration, int value)
{
    if (value <= 0 || (size_t)value > enumeration->enum_count)
        return NULL;
    return enum_name_at(enumeration, (size_t)value - 1);
}

/* Some of EC2's enums have a thousand values, hence the search. */
int enum_value(const struct shape *enumeration, struct str name)
{
    size_t low = 0;
    size_t high = enumeration->enum_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint16_t index = shape_enum_order(enumeration)[middle];
        int order = str_compare(name, str_of(enum_name_at(enumeration, index)));

        if (order == 0)
            return index + 1;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0;
}

int enum_parse(const struct shape *enumeration, struct str name, struct unknown_enums *unknown)
{
    int value = enum_value(enumeration, name);

    if (value != 0)
        return value;
    if (unknown->count == UNKNOWN_ENUMS_MAX)
        return INT32_MIN;
    unknown->names[unknown->count++] = name;
    return -(int)unknown->count;
}
