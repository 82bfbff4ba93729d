/* Metric data queries, as GetMetricData and alarms on expressions have them: checked, and run against the store. */
#pragma once

#include "plane/cloudwatch/metric_port.h"
#include "plane/cloudwatch/operations.h"

struct metric_plan;

/* Ids, statistics, periods and expressions make sense, none of which uses itself. Fails with ValidationError. What the
 * plan points to is in the arena or in the queries. */
checked bool metric_plan_make(const struct cloudwatch_metric_data_queries *queries, struct arena *arena,
                              const struct metric_plan **ret_plan, struct fail *f);
/* The period of a query; an expression has that of what it is made of. */
int64_t metric_plan_period_ms(const struct metric_plan *plan, size_t query);

/* What is read, and where. */
struct metric_reach {
    const struct metric_port *port;
    struct str account, region;
    int64_t start_ms, end_ms;
    int64_t now_ms;
    bool exact; /* periods begin at the start; else at what metric_start makes of it */
};

/* A value for each period, NAN where there is none. */
struct metric_series {
    int64_t start_ms, period_ms;
    size_t periods;
    const double *values;
    const double *counts; /* of samples; NULL: it is an expression */
};

/* The arena is for series and what they are made of, which may fill it: one of METRIC_RUN_BYTES that is used for
 * nothing else. */
#define METRIC_RUN_BYTES ((size_t)64 << 20)
struct metric_run;
struct metric_run *metric_run_new(const struct metric_plan *plan, const struct metric_reach *reach,
                                  struct arena *arena);
/* The series of a query, with those that it uses; each is made once a run, and lives in its arena. */
checked bool metric_run_series(struct metric_run *run, size_t query, struct metric_series *ret_series, struct fail *f);
