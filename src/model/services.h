/* Every API that has a model. */
#pragma once

#include "model/shape.h"

enum { SERVICE_COUNT = 18, SERVICES_ANSWERED = 17 };

/* First those that Berth answers for, by id; behind them S3, of which it is a client. */
extern const struct service *const services[SERVICE_COUNT];
