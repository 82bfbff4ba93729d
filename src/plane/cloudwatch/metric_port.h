/* The port through which the domain reaches the points of its metrics: the halves of its operations that block
 * (operation_spec.finish) call it on worker threads. What each function promises stands in os/metric_store.h, which is
 * behind it in the product. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "base/metric_point.h"

struct metric_port {
    void *context;
    bool (*append)(void *context, const struct metric_sample *samples, size_t count, int64_t now_ms, struct fail *f);
    bool (*read)(void *context, const struct metric_query *query, struct arena *arena, struct metric_points *ret_points,
                 struct fail *f);
    bool (*list)(void *context, const struct metric_listing *listing, struct arena *arena, struct metric_list *ret_list,
                 struct fail *f);
    /* Points have come that these alarms may want to look at: their keys. Does not wait for it. */
    void (*came)(void *context, const struct str *alarms, size_t count);
};
