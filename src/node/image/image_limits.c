#include "node/image/image_limits.h"

#define DEFAULT(name, value, reason)                                                                                   \
    if (limits->name == 0)                                                                                             \
        limits->name = (value);

void image_limits_fill(struct image_limits *limits)
{
    IMAGE_LIMITS(DEFAULT)
}
