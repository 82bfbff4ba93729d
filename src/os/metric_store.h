/* The metric store: points of metrics in an SQLite file of their own, kept as CloudWatch keeps them ("Metrics
 * retention", user guide): by the second for three hours, by the minute for 15 days, by five minutes for 63 days, by
 * the hour for 455 days.
 *
 * Points that fall in the same second or minute are added up when they come in. Beside its statistics a point keeps the
 * values that it is made of, each with its count, so that percentiles are exact; where a client gave a statistic set of
 * several values, and beyond 15 days, they are not known.
 *
 * Thread-safe: any thread may call anything; writers that come together are committed together. What
 * metric_store_append has answered for survives the loss of power. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "base/metric_point.h"

struct metric_store;

/* Creates the file. One that is damaged is kept as PATH.damaged, and an empty one takes its place (*ret_set_aside). */
checked bool metric_store_open(const char *path, struct metric_store **ret_store, bool *ret_set_aside, struct fail *f);
/* No call may be under way. */
void metric_store_close(struct metric_store *store);

/* All of them or none. `now_ms`: what "put since" counts from. FAIL_LIMIT: there would be more than
 * METRIC_STORE_SERIES_MAX metrics. */
enum { METRIC_STORE_SERIES_MAX = 200000 };
checked bool metric_store_append(struct metric_store *store, const struct metric_sample *samples, size_t count,
                                 int64_t now_ms, struct fail *f);

/* Only periods in which something came in. Points that are kept by longer periods than the query's are not in it.
 * FAIL_LIMIT: the answer outgrows the arena. */
checked bool metric_store_read(struct metric_store *store, const struct metric_query *query, struct arena *arena,
                               struct metric_points *ret_points, struct fail *f);
checked bool metric_store_list(struct metric_store *store, const struct metric_listing *listing, struct arena *arena,
                               struct metric_list *ret_list, struct fail *f);

/* Brings one slice of old points to their longer period, or forgets it. *ret_more: there is more to do. */
checked bool metric_store_age(struct metric_store *store, int64_t now_ms, bool *ret_more, struct fail *f);

/* Forgets everything. */
checked bool metric_store_reset(struct metric_store *store, struct fail *f);
