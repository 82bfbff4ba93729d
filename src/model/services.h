/* Every API that has a model. */
#pragma once

#include "model/shape.h"

enum { SERVICE_COUNT = 18 };

/* By id. */
extern const struct service *const services[SERVICE_COUNT];
