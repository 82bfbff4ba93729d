/* Metric math: expressions over time series ("Using math expressions with CloudWatch metrics", CloudWatch user guide).
 *
 *   m1 / m2 * 100     SUM(METRICS())     IF(FILL(m1, 0) > 5 AND m2 < 1, m1, 0)     AVG([m1, m2])
 *
 * Operators: + - * / ^, == != < > <= >=, AND OR && ||, and the minus sign. Functions: the table in metric_math.c; any
 * other one is refused by name (SEARCH, ANOMALY_DETECTION_BAND, SLICE, SORT ...), as are Metrics Insights queries.
 *
 * Pure, a library of its own for its tests and fuzzer. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

enum { METRIC_MATH_TEXT_MAX = 2048, METRIC_MATH_DEPTH_MAX = 24 };

struct math_node;

/* Fails with FAIL_INPUT and a sentence about the expression. */
checked bool metric_math_read(struct str text, struct arena *arena, const struct math_node **ret_node, struct fail *f);

/* Each id that the expression names, once for each place. */
void metric_math_names(const struct math_node *node, void (*each)(void *context, struct str id), void *context);
/* Whether METRICS() is in it: then it names all metrics of the request. */
bool metric_math_names_all(const struct math_node *node);

/* Series have a value for each period of the request, NAN where there is none. */
struct math_scope {
    struct arena *arena; /* for results */
    size_t periods;
    int64_t period_ms;
    /* The series of an id: one that metric_math_names has given. */
    const double *(*series)(void *context, struct str id);
    /* The metrics of the request (not its expressions), one after another; NULL at the end. */
    const double *(*metric)(void *context, size_t index, struct str *ret_id);
    void *context;
};

/* Fails with FAIL_INPUT when the result is no single time series or an operand does not fit, with FAIL_LIMIT when the
 * arena is full. */
checked bool metric_math_run(const struct math_node *node, const struct math_scope *scope, double **ret_series,
                             struct fail *f);
