/* GetMetricData: queries, expressions, pages. */
#include "plane/cloudwatch/metric_plan.h"

#include <math.h>

/* "GetMetricData", API reference. */
enum { POINTS_MAX = 100800 };

struct data_plan {
    const struct metric_plan *plan;
    int64_t now_ms;
    size_t first_query, first_point; /* where the page begins */
};

/* "3 17": the query and its point that the page before ended at. */
static bool read_token(const struct call *call, struct str token, struct data_plan *plan)
{
    struct str after;
    struct str rest;
    int64_t query;
    int64_t point;

    if (!page_begin(call->arena, token, CLOUDWATCH_ERROR_INVALID_NEXT_TOKEN, &after, call->fail))
        return false;
    if (after.ptr == NULL)
        return true;
    if (!str_to_int64(str_cut(after, ' ', &rest), &query) || rest.ptr == NULL || !str_to_int64(rest, &point) ||
        query < 0 || point < 0)
        return fail_api(call->fail, CLOUDWATCH_ERROR_INVALID_NEXT_TOKEN, "Invalid token: %.*s", STR_ARG(token));
    plan->first_query = (size_t)query;
    plan->first_point = (size_t)point;
    return true;
}

bool cloudwatch_get_metric_data(struct call *call, const struct cloudwatch_get_metric_data_input *in,
                                struct cloudwatch_get_metric_data_output *out)
{
    struct data_plan *plan = arena_new(call->arena, struct data_plan);

    (void)out;
    if (!metric_times_check(in->start_time, in->end_time, CLOUDWATCH_ERROR_VALIDATION_EXCEPTION, call->fail))
        return false;
    if (in->has_max_datapoints && (in->max_datapoints < 1 || in->max_datapoints > POINTS_MAX))
        return fail_api(call->fail, CLOUDWATCH_ERROR_VALIDATION_EXCEPTION,
                        "The parameter MaxDatapoints must be between 1 and %d.", POINTS_MAX);
    plan->now_ms = call->tx->now_ms;
    call->carry = plan;
    return read_token(call, in->next_token, plan) &&
           metric_plan_make(&in->metric_data_queries, call->arena, &plan->plan, call->fail);
}

/* A result under way. */
struct page {
    const struct call *call;
    const struct cloudwatch_get_metric_data_input *in;
    size_t room; /* points that still fit */
    size_t query, point;
};

static bool is_ascending(const struct page *page)
{
    return page->in->scan_by == CLOUDWATCH_SCAN_BY_TIMESTAMP_ASCENDING;
}

/* How many points of a series may go on the page: what is allocated for it. */
static size_t most_points(const struct page *page, const struct metric_series *series)
{
    size_t count = 0;

    for (size_t i = 0; i < series->periods && count < page->room; i++)
        count += isnan(series->values[i]) ? 0 : 1;
    return count;
}

/* The points of a series from page->point on, as many as fit; false: there are more. */
static bool add_points(struct page *page, const struct metric_series *series,
                       struct cloudwatch_metric_data_result *shown)
{
    size_t most = most_points(page, series);
    size_t seen = 0;

    shown->timestamps.items = arena_array(page->call->arena, int64_t, most + 1);
    shown->values.items = arena_array(page->call->arena, double, most + 1);
    for (size_t i = 0; i < series->periods; i++) {
        size_t at = is_ascending(page) ? i : series->periods - 1 - i;

        if (isnan(series->values[at]) || seen++ < page->point)
            continue;
        if (page->room == 0) {
            page->point = seen - 1;
            return false;
        }
        page->room--;
        shown->timestamps.items[shown->timestamps.count++] = series->start_ms + (int64_t)at * series->period_ms;
        shown->values.items[shown->values.count++] = series->values[at];
    }
    page->point = 0;
    return true;
}

static struct str label_of(const struct cloudwatch_metric_data_query *query)
{
    if (query->label.ptr != NULL)
        return query->label;
    return query->metric_stat != NULL ? query->metric_stat->metric->metric_name : query->id;
}

/* *ret_whole: the page has room for more queries. */
static bool add_result(struct page *page, struct metric_run *run, struct cloudwatch_metric_data_results *results,
                       bool *ret_whole)
{
    const struct cloudwatch_metric_data_query *query = &page->in->metric_data_queries.items[page->query];
    struct cloudwatch_metric_data_result *shown = &results->items[results->count];
    struct metric_series series;

    *ret_whole = true;
    if (query->has_return_data && !query->return_data)
        return true;
    if (!metric_run_series(run, page->query, &series, page->call->fail))
        return false;
    *ret_whole = add_points(page, &series, shown);
    shown->id = query->id;
    shown->label = label_of(query);
    shown->status_code = *ret_whole ? CLOUDWATCH_STATUS_CODE_COMPLETE : CLOUDWATCH_STATUS_CODE_PARTIAL_DATA;
    results->count++;
    return true;
}

static bool fill_page(struct page *page, struct metric_run *run, struct cloudwatch_get_metric_data_output *out)
{
    size_t count = page->in->metric_data_queries.count;
    bool whole = true;

    out->metric_data_results.items = arena_array(page->call->arena, struct cloudwatch_metric_data_result, count + 1);
    out->messages.items = arena_new(page->call->arena, struct cloudwatch_message_data);
    for (; whole && page->query < count; page->query += whole ? 1 : 0)
        if (!add_result(page, run, &out->metric_data_results, &whole))
            return false;
    if (!whole)
        out->next_token =
            page_token(page->call->arena, arena_printf(page->call->arena, "%zu %zu", page->query, page->point));
    return true;
}

bool get_metric_data_finish(const struct call *call, const struct ports *ports,
                            const struct cloudwatch_get_metric_data_input *in,
                            struct cloudwatch_get_metric_data_output *out)
{
    const struct data_plan *plan = call->carry;
    struct metric_reach reach = {.port = ports->metrics,
                                 .account = call->principal->account,
                                 .region = call->region,
                                 .start_ms = in->start_time,
                                 .end_ms = in->end_time,
                                 .now_ms = plan->now_ms};
    struct page page = {.call = call,
                        .in = in,
                        .room = in->has_max_datapoints ? (size_t)in->max_datapoints : POINTS_MAX,
                        .query = plan->first_query,
                        .point = plan->first_point};
    struct arena scratch;
    bool good;

    arena_init(&scratch, METRIC_RUN_BYTES);
    good = fill_page(&page, metric_run_new(plan->plan, &reach, &scratch), out);
    arena_free(&scratch);
    return good;
}
