/* One AWS API request; see front.h. The functions of struct front that it needs are declared here. */
#pragma once

#include "edge/front.h"
#include "edge/key_use.h"
#include "edge/metrics.h"

/* The head is there: takes the body, or refuses one that says to be too long (false). Server thread. */
bool api_begin(struct front *front, struct http_exchange *exchange);
/* The whole request is there: verifies, decodes, submits; the answer goes out by itself. Server thread. */
void api_complete(struct front *front, struct http_exchange *exchange);
/* Writes the call's audit event, once: before its answer goes out, or when it ended without one. Server thread. */
void api_audit(struct http_exchange *exchange);

const struct front_options *front_options_of(const struct front *front);
const struct ports *front_ports(const struct front *front);
struct metrics *front_metrics(const struct front *front);
struct key_use *front_key_use(const struct front *front);
/* The row of that operation and its number among the metrics, or NULL when Berth does not implement it. */
const struct operation_spec *front_operation(const struct front *front, const struct operation *operation,
                                             size_t *ret_number);
/* A call is under way, and is over: front_free waits. */
void front_enter(struct front *front);
void front_leave(struct front *front);
/* Runs `run` on a worker thread, where blocking is allowed. Any thread. */
void front_work(struct front *front, void (*run)(void *context), void *context);
