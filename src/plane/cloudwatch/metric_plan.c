#include "plane/cloudwatch/metric_plan.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/cloudwatch/metric_math.h"
#include "plane/cloudwatch/statistic.h"

#include <math.h>

/* QUERIES_MAX: "GetMetricData", API reference. The others are ours, of a request: periods of all its series, characters
 * of all its expressions. */
enum { QUERIES_MAX = 500, PERIODS_MAX = 2000000, TEXT_MAX = 100000, PERIOD_DEFAULT_S = 60 };

#define INVALID CLOUDWATCH_ERROR_VALIDATION_EXCEPTION

struct planned {
    const struct cloudwatch_metric_data_query *in;
    struct statistic statistic; /* of a metric */
    struct str dimensions;
    const struct math_node *math; /* of an expression; NULL: it is a metric */
    int64_t period_ms;            /* 0: not found out yet */
    bool under_way;               /* its period is being found out */
};

struct metric_plan {
    struct planned *queries;
    size_t count;
};

static struct planned *find(const struct metric_plan *plan, struct str id)
{
    for (size_t i = 0; i < plan->count; i++)
        if (str_eq(plan->queries[i].in->id, id))
            return &plan->queries[i];
    return NULL;
}

/* ---- checking ---- */

static bool is_id(struct str id)
{
    if (id.len == 0 || id.ptr[0] < 'a' || id.ptr[0] > 'z')
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (memchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", id.ptr[i], 63) == NULL)
            return false;
    return true;
}

static bool make_metric(struct planned *planned, struct arena *arena, struct fail *f)
{
    const struct cloudwatch_metric_stat *stat = planned->in->metric_stat;

    if (stat->metric->namespace.ptr == NULL || stat->metric->metric_name.ptr == NULL)
        return fail_api(f, INVALID, "The metric of query '%.*s' must have a Namespace and a MetricName",
                        STR_ARG(planned->in->id));
    planned->period_ms = stat->period * SECOND_MS;
    return metric_period_check(stat->period, "MetricStat.Period", f) &&
           statistic_read(stat->stat, "MetricStat.Stat", &planned->statistic, f) &&
           metric_dimensions_text(&stat->metric->dimensions, arena, &planned->dimensions, f);
}

static bool make_expression(struct planned *planned, struct arena *arena, struct fail *f)
{
    char why[sizeof(f->message)];

    if (metric_math_read(planned->in->expression, arena, &planned->math, f))
        return true;
    memcpy(why, f->message, sizeof(why));
    return fail_api(f, INVALID, "Error in expression '%.*s': %s", STR_ARG(planned->in->id), why);
}

static bool make_query(const struct metric_plan *plan, struct planned *planned, struct arena *arena, struct fail *f)
{
    const struct cloudwatch_metric_data_query *in = planned->in;

    if (!is_id(in->id))
        return fail_api(f, INVALID,
                        "The value '%.*s' for parameter Id is invalid: it must begin with a small letter and have only "
                        "letters, digits and underscores",
                        STR_ARG(in->id));
    if (find(plan, in->id) != planned)
        return fail_api(f, INVALID, "The query id '%.*s' is there twice", STR_ARG(in->id));
    if ((in->metric_stat == NULL) == (in->expression.ptr == NULL))
        return fail_api(f, INVALID, "Query '%.*s' must have either a MetricStat or an Expression", STR_ARG(in->id));
    if (in->account_id.ptr != NULL)
        return CLOUDWATCH_UNSUPPORTED(f, "AccountId", "metrics of other accounts cannot be read");
    if (in->label.ptr != NULL && str_search(in->label, STR("${")) < in->label.len)
        return CLOUDWATCH_UNSUPPORTED(f, "Label", "labels are shown as they are, ${...} is not replaced");
    return in->metric_stat != NULL ? make_metric(planned, arena, f) : make_expression(planned, arena, f);
}

/* ---- periods ---- */

struct period_search {
    const struct metric_plan *plan;
    struct planned *of;
    struct fail *f;
    bool good;
};

static bool find_period(const struct metric_plan *plan, struct planned *planned, struct fail *f);

static void take_period(struct period_search *search, struct planned *used)
{
    if (!search->good)
        return;
    search->good = find_period(search->plan, used, search->f);
    if (!search->good)
        return;
    if (search->of->period_ms == 0)
        search->of->period_ms = used->period_ms;
    else if (search->of->period_ms != used->period_ms)
        search->good = fail_api(search->f, INVALID,
                                "Error in expression '%.*s': Berth does not support expressions over metrics of "
                                "different periods",
                                STR_ARG(search->of->in->id));
}

static void use_name(void *context, struct str id)
{
    struct period_search *search = context;
    struct planned *used = find(search->plan, id);

    if (used != NULL)
        take_period(search, used);
    else if (search->good)
        search->good =
            fail_api(search->f, INVALID, "Error in expression '%.*s': there is no metric or expression '%.*s'",
                     STR_ARG(search->of->in->id), STR_ARG(id));
}

static bool find_period(const struct metric_plan *plan, struct planned *planned, struct fail *f)
{
    struct period_search search = {plan, planned, f, true};

    if (planned->under_way)
        return fail_api(f, INVALID, "Error in expression '%.*s': it uses itself", STR_ARG(planned->in->id));
    if (planned->period_ms != 0)
        return true;
    planned->under_way = true;
    metric_math_names(planned->math, use_name, &search);
    for (size_t i = 0; metric_math_names_all(planned->math) && i < plan->count; i++)
        if (plan->queries[i].math == NULL)
            take_period(&search, &plan->queries[i]);
    planned->under_way = false;
    if (search.good && planned->period_ms == 0) {
        int32_t period = planned->in->has_period ? planned->in->period : PERIOD_DEFAULT_S;

        planned->period_ms = period * SECOND_MS;
        return metric_period_check(period, "Period", f);
    }
    return search.good;
}

static bool check_size(const struct cloudwatch_metric_data_queries *queries, struct fail *f)
{
    size_t text = 0;

    if (queries->count == 0)
        return fail_api(f, INVALID, "The parameter MetricDataQueries must have at least one query");
    if (queries->count > QUERIES_MAX)
        return fail_api(f, INVALID, "The collection MetricDataQueries must not have a size greater than %d.",
                        QUERIES_MAX);
    for (size_t i = 0; i < queries->count; i++)
        text += queries->items[i].expression.len;
    return text <= TEXT_MAX ||
           fail_api(f, INVALID, "All expressions together must not have more than %d characters.", TEXT_MAX);
}

bool metric_plan_make(const struct cloudwatch_metric_data_queries *queries, struct arena *arena,
                      const struct metric_plan **ret_plan, struct fail *f)
{
    struct metric_plan *plan = arena_new(arena, struct metric_plan);

    if (!check_size(queries, f))
        return false;
    plan->queries = arena_array(arena, struct planned, queries->count);
    plan->count = queries->count;
    for (size_t i = 0; i < plan->count; i++)
        plan->queries[i].in = &queries->items[i];
    for (size_t i = 0; i < plan->count; i++)
        if (!make_query(plan, &plan->queries[i], arena, f))
            return false;
    for (size_t i = 0; i < plan->count; i++)
        if (!find_period(plan, &plan->queries[i], f))
            return false;
    *ret_plan = plan;
    return true;
}

int64_t metric_plan_period_ms(const struct metric_plan *plan, size_t query)
{
    return plan->queries[query].period_ms;
}

/* ---- running ---- */

struct metric_run {
    const struct metric_plan *plan;
    struct metric_reach reach;
    struct arena *arena;
    struct metric_series *series; /* of each query; values NULL: not made yet */
    size_t periods;               /* of all that were made */
    struct fail *f;               /* of the call under way */
};

struct metric_run *metric_run_new(const struct metric_plan *plan, const struct metric_reach *reach, struct arena *arena)
{
    struct metric_run *run = arena_new(arena, struct metric_run);

    *run = (struct metric_run){.plan = plan, .reach = *reach, .arena = arena};
    run->series = arena_array(arena, struct metric_series, plan->count);
    return run;
}

static bool too_much(struct fail *f)
{
    return fail_api(
        f, INVALID,
        "The request asks for too many datapoints. Ask for fewer queries, a longer Period or a shorter time.");
}

static bool begin_series(struct metric_run *run, const struct planned *planned, struct metric_series *series)
{
    int64_t start_ms = run->reach.exact ? run->reach.start_ms
                                        : metric_start(run->reach.start_ms, planned->period_ms, run->reach.now_ms);
    int64_t periods = (run->reach.end_ms - start_ms + planned->period_ms - 1) / planned->period_ms;

    if (periods > PERIODS_MAX || (run->periods += (size_t)periods) > PERIODS_MAX)
        return too_much(run->f);
    *series = (struct metric_series){.start_ms = start_ms, .period_ms = planned->period_ms, .periods = (size_t)periods};
    return true;
}

static bool read_metric(struct metric_run *run, const struct planned *planned, struct metric_series *series)
{
    const struct cloudwatch_metric_stat *stat = planned->in->metric_stat;
    struct metric_query query = {.key = {run->reach.account, run->reach.region, stat->metric->namespace,
                                         stat->metric->metric_name, planned->dimensions},
                                 .unit = str_of(enum_name(&cloudwatch_standard_unit_shape, (int)stat->unit)),
                                 .start_ms = series->start_ms,
                                 .end_ms = run->reach.end_ms,
                                 .period_ms = series->period_ms,
                                 .with_values = planned->statistic.kind == STATISTIC_PERCENTILE};
    double *values = arena_try(run->arena, (series->periods + 1) * 2 * sizeof(*values));
    double *counts = values == NULL ? NULL : values + series->periods;
    struct metric_points points;

    if (values == NULL)
        return too_much(run->f);
    if (!run->reach.port->read(run->reach.port->context, &query, run->arena, &points, run->f))
        return metric_pass_on(run->f);
    for (size_t i = 0; i < series->periods; i++)
        values[i] = NAN;
    for (size_t i = 0; i < points.count; i++) {
        size_t at = (size_t)((points.items[i].at_ms - series->start_ms) / series->period_ms);

        must(at < series->periods);
        if (statistic_of(&planned->statistic, &points.items[i], &values[at]))
            counts[at] = points.items[i].statistics.count;
    }
    series->values = values;
    series->counts = counts;
    return true;
}

/* What an expression asks for: everything that it names was made before. */
static const double *series_named(void *context, struct str id)
{
    const struct metric_run *run = context;
    const struct planned *planned = find(run->plan, id);

    return planned == NULL ? NULL : run->series[planned - run->plan->queries].values;
}

static const double *metric_numbered(void *context, size_t index, struct str *ret_id)
{
    const struct metric_run *run = context;

    for (size_t i = 0; i < run->plan->count; i++)
        if (run->plan->queries[i].math == NULL && index-- == 0) {
            *ret_id = run->plan->queries[i].in->id;
            return run->series[i].values;
        }
    return NULL;
}

struct making {
    struct metric_run *run;
    bool good;
};

static bool make_series(struct metric_run *run, size_t query);

static void make_named(void *context, struct str id)
{
    struct making *making = context;
    const struct planned *planned = find(making->run->plan, id);

    must(planned != NULL);
    making->good = making->good && make_series(making->run, (size_t)(planned - making->run->plan->queries));
}

static bool run_expression(struct metric_run *run, const struct planned *planned, struct metric_series *series)
{
    struct math_scope scope = {run->arena, series->periods, series->period_ms, series_named, metric_numbered, run};
    struct making making = {run, true};
    double *values;
    struct fail why;

    metric_math_names(planned->math, make_named, &making);
    for (size_t i = 0; metric_math_names_all(planned->math) && making.good && i < run->plan->count; i++)
        making.good = run->plan->queries[i].math != NULL || make_series(run, i);
    if (!making.good)
        return false;
    if (!metric_math_run(planned->math, &scope, &values, &why))
        return why.code == FAIL_LIMIT
                   ? too_much(run->f)
                   : fail_api(run->f, INVALID, "Error in expression '%.*s': %s", STR_ARG(planned->in->id), why.message);
    series->values = values;
    return true;
}

static bool make_series(struct metric_run *run, size_t query)
{
    const struct planned *planned = &run->plan->queries[query];
    struct metric_series *series = &run->series[query];

    if (series->values != NULL)
        return true;
    return begin_series(run, planned, series) &&
           (planned->math == NULL ? read_metric(run, planned, series) : run_expression(run, planned, series));
}

bool metric_run_series(struct metric_run *run, size_t query, struct metric_series *ret_series, struct fail *f)
{
    run->f = f;
    if (!make_series(run, query))
        return false;
    *ret_series = run->series[query];
    return true;
}
