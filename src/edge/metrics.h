/* What /_berth/metrics serves, in Prometheus' text format: how the APIs are used, by operation, how the core turns, and
 * what there is by status. Every metric is a row of a table with its prose. */
#pragma once

#include "edge/loop.h"
#include "os/http_server.h"

struct metrics;

/* One series for each operation that the front door knows; operation[i]'s number is i. */
struct metrics *metrics_new(const struct operation *const *operations, size_t count);
void metrics_free(struct metrics *metrics);

/* Counts one answered request; number is METRICS_OTHER for what is no operation with a handler. Any thread. */
#define METRICS_OTHER SIZE_MAX
void metrics_count(struct metrics *metrics, size_t number, uint16_t status, int64_t microseconds);

/* The same for a request of the registry protocol, by method. */
void metrics_count_registry(struct metrics *metrics, struct str method, uint16_t status, int64_t microseconds);

/* Answers the exchange, from a job on the core thread. */
void metrics_reply(struct metrics *metrics, struct loop *loop, struct http_exchange *exchange);
