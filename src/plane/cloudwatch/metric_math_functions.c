/* The functions of metric math. */
#include "plane/cloudwatch/metric_math_private.h"

#include <math.h>

/* ---- functions of each period ---- */

static bool map_series(struct math_run *run, const double *from, double (*each)(double), const double **ret_series)
{
    double *series;

    if (!math_series_new(run, &series))
        return false;
    for (size_t i = 0; i < run->scope->periods; i++)
        series[i] = isnan(from[i]) ? NAN : math_sane(each(from[i]));
    *ret_series = series;
    return true;
}

static bool map(struct math_run *run, const struct math_node *node, double (*each)(double),
                struct math_value *ret_value)
{
    struct math_value from;

    if (!math_run_node(run, node->parts[0], &from))
        return false;
    *ret_value = from;
    if (from.kind == VALUE_NUMBER) {
        ret_value->number = math_sane(each(from.number));
        return true;
    }
    if (from.kind == VALUE_SERIES)
        return map_series(run, from.series, each, &ret_value->series);
    if (!math_array_new(run, from.count, ret_value))
        return false;
    for (size_t i = 0; i < from.count; i++)
        if (!map_series(run, from.items[i], each, &ret_value->items[i]))
            return false;
    return true;
}

#define MAPPED(name, function)                                                                                         \
    static bool run_##name(struct math_run *run, const struct math_node *node, struct math_value *ret_value)           \
    {                                                                                                                  \
        return map(run, node, function, ret_value);                                                                    \
    }
MAPPED(abs, fabs)
MAPPED(ceil, ceil)
MAPPED(floor, floor)
MAPPED(log, log)
MAPPED(log10, log10)

/* ---- aggregates ---- */

enum aggregate { AGGREGATE_SUM, AGGREGATE_AVG, AGGREGATE_MIN, AGGREGATE_MAX, AGGREGATE_STDDEV, AGGREGATE_COUNT };

struct tally {
    double count, sum, squares, min, max;
};

static void tally_add(struct tally *tally, double value)
{
    if (isnan(value))
        return;
    tally->min = tally->count == 0 || value < tally->min ? value : tally->min;
    tally->max = tally->count == 0 || value > tally->max ? value : tally->max;
    tally->count++;
    tally->sum += value;
    tally->squares += value * value;
}

static double tally_of(const struct tally *tally, enum aggregate aggregate)
{
    double mean;

    if (aggregate == AGGREGATE_COUNT)
        return tally->count;
    if (tally->count == 0)
        return NAN;
    mean = tally->sum / tally->count;
    switch (aggregate) {
    case AGGREGATE_SUM:
        return tally->sum;
    case AGGREGATE_AVG:
        return mean;
    case AGGREGATE_MIN:
        return tally->min;
    case AGGREGATE_MAX:
        return tally->max;
    case AGGREGATE_STDDEV:
        return sqrt(fmax(0, tally->squares / tally->count - mean * mean));
    case AGGREGATE_COUNT:
        break;
    }
    return tally->count;
}

/* Of a series a number, over all periods; of an array a series, over all its series. */
static bool run_aggregate(struct math_run *run, const struct math_node *node, enum aggregate aggregate,
                          struct math_value *ret_value)
{
    struct math_value from;
    double *series;

    if (!math_run_node(run, node->parts[0], &from))
        return false;
    if (from.kind == VALUE_NUMBER)
        return fail(run->f, FAIL_INPUT, "the function '%s' takes a time series or an array", node->function->name);
    if (from.kind == VALUE_SERIES) {
        struct tally tally = {.count = 0};

        for (size_t i = 0; i < run->scope->periods; i++)
            tally_add(&tally, from.series[i]);
        *ret_value = math_number(tally_of(&tally, aggregate));
        return true;
    }
    if (!math_series_new(run, &series))
        return false;
    for (size_t i = 0; i < run->scope->periods; i++) {
        struct tally tally = {.count = 0};

        for (size_t k = 0; k < from.count; k++)
            tally_add(&tally, from.items[k][i]);
        series[i] = tally_of(&tally, aggregate);
    }
    *ret_value = math_series(series);
    return true;
}

#define AGGREGATED(name, aggregate)                                                                                    \
    static bool run_##name(struct math_run *run, const struct math_node *node, struct math_value *ret_value)           \
    {                                                                                                                  \
        return run_aggregate(run, node, aggregate, ret_value);                                                         \
    }
AGGREGATED(sum, AGGREGATE_SUM)
AGGREGATED(avg, AGGREGATE_AVG)
AGGREGATED(min, AGGREGATE_MIN)
AGGREGATED(max, AGGREGATE_MAX)
AGGREGATED(stddev, AGGREGATE_STDDEV)
AGGREGATED(datapoint_count, AGGREGATE_COUNT)

/* ---- functions of one series ---- */

static bool one_series(struct math_run *run, const struct math_node *node, struct math_value *ret_from,
                       double **ret_series)
{
    if (!math_run_node(run, node->parts[0], ret_from))
        return false;
    if (ret_from->kind != VALUE_SERIES)
        return fail(run->f, FAIL_INPUT, "the function '%s' takes a time series", node->function->name);
    return math_series_new(run, ret_series);
}

/* From the value before it, divided by the seconds between where it is a rate. */
static bool run_difference(struct math_run *run, const struct math_node *node, bool is_rate,
                           struct math_value *ret_value)
{
    struct math_value from;
    double *series;
    size_t last = SIZE_MAX;

    if (!one_series(run, node, &from, &series))
        return false;
    for (size_t i = 0; i < run->scope->periods; i++) {
        series[i] = NAN;
        if (isnan(from.series[i]))
            continue;
        if (last != SIZE_MAX)
            series[i] = (from.series[i] - from.series[last]) /
                        (is_rate ? (double)(i - last) * (double)run->scope->period_ms / 1000 : 1);
        last = i;
    }
    *ret_value = math_series(series);
    return true;
}

static bool run_diff(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    return run_difference(run, node, /* is_rate= */ false, ret_value);
}

static bool run_rate(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    return run_difference(run, node, /* is_rate= */ true, ret_value);
}

static bool run_running_sum(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    struct math_value from;
    double *series;
    double sum = 0;

    if (!one_series(run, node, &from, &series))
        return false;
    for (size_t i = 0; i < run->scope->periods; i++) {
        sum += isnan(from.series[i]) ? 0 : from.series[i];
        series[i] = isnan(from.series[i]) ? NAN : sum;
    }
    *ret_value = math_series(series);
    return true;
}

static bool run_period(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    struct math_value from;

    if (!math_run_node(run, node->parts[0], &from))
        return false;
    *ret_value = math_number((double)run->scope->period_ms / 1000);
    return from.kind == VALUE_SERIES || fail(run->f, FAIL_INPUT, "the function 'PERIOD' takes a time series");
}

static bool run_time_series(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    struct math_value from;
    double *series;

    if (!math_run_node(run, node->parts[0], &from))
        return false;
    if (from.kind != VALUE_NUMBER)
        return fail(run->f, FAIL_INPUT, "the function 'TIME_SERIES' takes a number");
    if (!math_series_new(run, &series))
        return false;
    for (size_t i = 0; i < run->scope->periods; i++)
        series[i] = from.number;
    *ret_value = math_series(series);
    return true;
}

/* ---- FILL ---- */

/* The next period from `first` on that has a value, or the end. */
static size_t next_value(const struct math_run *run, const double *series, size_t first)
{
    while (first < run->scope->periods && isnan(series[first]))
        first++;
    return first;
}

/* Between two values along the line, beyond the last ones as they are. */
static void fill_linear(const struct math_run *run, double *series)
{
    size_t last = next_value(run, series, 0);

    while (last < run->scope->periods) {
        size_t next = next_value(run, series, last + 1);
        double step = next < run->scope->periods ? (series[next] - series[last]) / (double)(next - last) : 0;

        for (size_t i = last + 1; i < next; i++)
            series[i] = series[last] + step * (double)(i - last);
        last = next;
    }
}

static void fill_repeat(const struct math_run *run, double *series)
{
    for (size_t i = 1; i < run->scope->periods; i++)
        series[i] = isnan(series[i]) ? series[i - 1] : series[i];
}

struct filler {
    enum { FILL_VALUE, FILL_REPEAT, FILL_LINEAR } kind;
    struct math_value value;
};

static bool fill_one(struct math_run *run, const double *from, const struct filler *filler, const double **ret_series)
{
    double *series;

    if (!math_series_new(run, &series))
        return false;
    for (size_t i = 0; i < run->scope->periods; i++)
        series[i] = isnan(from[i]) && filler->kind == FILL_VALUE ? math_at(&filler->value, i) : from[i];
    if (filler->kind == FILL_REPEAT)
        fill_repeat(run, series);
    if (filler->kind == FILL_LINEAR)
        fill_linear(run, series);
    *ret_series = series;
    return true;
}

static bool read_filler(struct math_run *run, const struct math_node *node, struct filler *ret_filler)
{
    *ret_filler = (struct filler){.kind = FILL_VALUE};
    if (node->kind == MATH_NAME && str_is(node->text, "REPEAT"))
        ret_filler->kind = FILL_REPEAT;
    else if (node->kind == MATH_NAME && str_is(node->text, "LINEAR"))
        ret_filler->kind = FILL_LINEAR;
    else if (!math_run_node(run, node, &ret_filler->value))
        return false;
    return ret_filler->value.kind != VALUE_ARRAY || fail(run->f, FAIL_INPUT, "FILL does not fill with an array");
}

static bool run_fill(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    struct filler filler;
    struct math_value from;

    if (!math_run_node(run, node->parts[0], &from) || !read_filler(run, node->parts[1], &filler))
        return false;
    if (from.kind == VALUE_NUMBER)
        return fail(run->f, FAIL_INPUT, "the function 'FILL' takes a time series or an array");
    *ret_value = from;
    if (from.kind == VALUE_SERIES)
        return fill_one(run, from.series, &filler, &ret_value->series);
    if (!math_array_new(run, from.count, ret_value))
        return false;
    for (size_t i = 0; i < from.count; i++)
        if (!fill_one(run, from.items[i], &filler, &ret_value->items[i]))
            return false;
    return true;
}

/* ---- IF ---- */

static bool run_if(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    struct math_value parts[3] = {{.kind = VALUE_NUMBER}, {.kind = VALUE_NUMBER}, {.number = NAN}};
    bool all_numbers = node->part_count == 3;
    double *series;

    for (size_t i = 0; i < node->part_count; i++) {
        if (!math_run_node(run, node->parts[i], &parts[i]))
            return false;
        if (parts[i].kind == VALUE_ARRAY)
            return fail(run->f, FAIL_INPUT, "the function 'IF' does not take arrays");
        all_numbers = all_numbers && parts[i].kind == VALUE_NUMBER;
    }
    if (all_numbers) {
        *ret_value = parts[0].number != 0 ? parts[1] : parts[2];
        return true;
    }
    if (!math_series_new(run, &series))
        return false;
    for (size_t i = 0; i < run->scope->periods; i++) {
        double condition = math_at(&parts[0], i);

        series[i] = isnan(condition) ? NAN : math_at(&parts[condition != 0 ? 1 : 2], i);
    }
    *ret_value = math_series(series);
    return true;
}

/* ---- METRICS ---- */

/* METRICS("cpu"): only those whose id has the text in it. */
static bool run_metrics(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    const struct math_scope *scope = run->scope;
    struct str part = node->part_count > 0 ? node->parts[0]->text : STR("");
    size_t count = 0;
    struct str id;

    if (node->part_count > 0 && node->parts[0]->kind != MATH_TEXT)
        return fail(run->f, FAIL_INPUT, "the function 'METRICS' takes a text");
    while (scope->metric(scope->context, count, &id) != NULL)
        count++;
    if (!math_array_new(run, count, ret_value))
        return false;
    ret_value->count = 0;
    for (size_t i = 0; i < count; i++) {
        const double *series = scope->metric(scope->context, i, &id);

        if (part.len == 0 || str_search(id, part) < id.len)
            ret_value->items[ret_value->count++] = series;
    }
    return true;
}

static bool run_metric_count(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    struct math_value from;

    if (!math_run_node(run, node->parts[0], &from))
        return false;
    *ret_value = math_number((double)from.count);
    return from.kind == VALUE_ARRAY || fail(run->f, FAIL_INPUT, "the function 'METRIC_COUNT' takes an array");
}

/* "Functions supported for metric math", CloudWatch user guide. */
static const struct math_function functions[] = {
    {"ABS", 1, 1, run_abs},
    {"AVG", 1, 1, run_avg},
    {"CEIL", 1, 1, run_ceil},
    {"DATAPOINT_COUNT", 1, 1, run_datapoint_count},
    {"DIFF", 1, 1, run_diff},
    {"FILL", 2, 2, run_fill},
    {"FLOOR", 1, 1, run_floor},
    {"IF", 2, 3, run_if},
    {"LOG", 1, 1, run_log},
    {"LOG10", 1, 1, run_log10},
    {"MAX", 1, 1, run_max},
    {"METRICS", 0, 1, run_metrics},
    {"METRIC_COUNT", 1, 1, run_metric_count},
    {"MIN", 1, 1, run_min},
    {"PERIOD", 1, 1, run_period},
    {"RATE", 1, 1, run_rate},
    {"RUNNING_SUM", 1, 1, run_running_sum},
    {"STDDEV", 1, 1, run_stddev},
    {"SUM", 1, 1, run_sum},
    {"TIME_SERIES", 1, 1, run_time_series},
};

const struct math_function *math_function_named(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        if (str_eq_nocase(name, str_of(functions[i].name)))
            return &functions[i];
    return NULL;
}
