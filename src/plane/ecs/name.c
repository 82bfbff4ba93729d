#include "plane/ecs/name.h"

enum { NAME_LEN_MAX = 255 };

bool name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return name.len > 0 && name.len <= NAME_LEN_MAX;
}
