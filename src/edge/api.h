/* One AWS API request; see front.h. The functions of struct front that it needs are declared here. */
#pragma once

#include "edge/front.h"

/* The whole request is there: verifies, decodes, submits; the answer goes out by itself. Server thread. */
void api_complete(struct front *front, struct http_exchange *exchange);

const struct front_options *front_options_of(const struct front *front);
const struct ports *front_ports(const struct front *front);
/* The row of that operation, or NULL when Berth does not implement it. */
const struct operation_spec *front_operation(const struct front *front, const struct operation *operation);
/* Runs `work` on a worker thread, where blocking is allowed. Any thread. */
void front_work(struct front *front, void (*work)(void *context), void *context);
