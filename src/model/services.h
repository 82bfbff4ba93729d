/* Every API that has a model. */
#pragma once

#include "model/shape.h"

enum { SERVICE_COUNT = 19, SERVICES_ANSWERED = 18 };

/* First those that Berth answers for, by id; behind them S3, of which it is a client. */
extern const struct service *const services[SERVICE_COUNT];
