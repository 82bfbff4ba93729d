/* Metrics: put, read, list. The handlers look at the request, the halves that block are on workers. */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/cloudwatch/alarm_evaluation.h"
#include "plane/cloudwatch/metric_plan.h"
#include "plane/cloudwatch/statistic.h"

#include <math.h>

/* "GetMetricStatistics" and "ListMetrics", API reference. */
enum {
    STATISTICS_POINTS_MAX = 1440,
    LIST_PAGE = 500,
    LIST_DAYS = 14,
    LIST_RECENT_HOURS = 3,
    PERIOD_MAX_S = 86400 * 366,
};

#define INVALID_VALUE CLOUDWATCH_ERROR_INVALID_PARAMETER_VALUE_EXCEPTION

bool metric_pass_on(struct fail *f)
{
    char message[sizeof(f->message)];

    if (f->code != FAIL_LIMIT)
        return false;
    memcpy(message, f->message, sizeof(message));
    return fail_api(f, INVALID_VALUE, "%s", message);
}

bool metric_period_check(int64_t period_s, const char *parameter, struct fail *f)
{
    static const int64_t shorts[] = {1, 5, 10, 20, 30};

    for (size_t i = 0; i < COUNT_OF(shorts); i++)
        if (period_s == shorts[i])
            return true;
    return (period_s > 0 && period_s % 60 == 0 && period_s <= PERIOD_MAX_S) ||
           fail_api(f, INVALID_VALUE, "The parameter %s must be 1, 5, 10, 20, 30 or a multiple of 60.", parameter);
}

/* Far beyond any clock, and far from where sums of times overflow. */
bool metric_times_check(int64_t start_ms, int64_t end_ms, const char *error_type, struct fail *f)
{
    static const int64_t far_ms = INT64_C(100000000000000);

    if (start_ms < -far_ms || start_ms > far_ms || end_ms < -far_ms || end_ms > far_ms)
        return fail_api(f, error_type, "The parameters StartTime and EndTime must be times of this millennium.");
    return start_ms < end_ms ||
           fail_api(f, error_type, "The parameter StartTime must be less than the parameter EndTime.");
}

int64_t metric_start(int64_t start_ms, int64_t period_ms, int64_t now_ms)
{
    int64_t age_ms = now_ms - start_ms;
    int64_t step_ms = age_ms > 63 * DAY_MS ? HOUR_MS : age_ms > 15 * DAY_MS ? 5 * MINUTE_MS : MINUTE_MS;

    if (period_ms < MINUTE_MS)
        step_ms = period_ms;
    return start_ms - ((start_ms % step_ms) + step_ms) % step_ms;
}

/* ---- PutMetricData ---- */

struct put_plan {
    struct metric_sample *samples;
    size_t count;
    int64_t now_ms;
    struct str *alarms; /* keys of those for which something comes late */
    size_t alarm_count, alarm_capacity;
};

static void note_alarm(struct arena *arena, struct put_plan *plan, const struct alarm_record *alarm)
{
    struct str key = KEY(arena, alarm->account_id, alarm->region, alarm->alarm->alarm_name);

    if (str_is_among(key, plan->alarms, plan->alarm_count))
        return;
    if (plan->alarm_count == plan->alarm_capacity) {
        struct str *more = arena_array(arena, struct str, plan->alarm_capacity * 2 + 8);

        if (plan->alarm_count > 0)
            memcpy(more, plan->alarms, plan->alarm_count * sizeof(*more));
        plan->alarms = more;
        plan->alarm_capacity = plan->alarm_capacity * 2 + 8;
    }
    plan->alarms[plan->alarm_count++] = key;
}

/* The alarms on the metric of that name for which the sample comes late: others look at it when its minute ends.
 * Returns whether there is any alarm. */
static bool note_late(const struct call *call, struct put_plan *plan, const struct metric_sample *sample)
{
    const struct metric_key *key = &sample->key;
    struct walk walk = transaction_walk(call->tx, &alarm_table, "metric",
                                        KEY_PREFIX(call->arena, key->account, key->region, key->namespace, key->name));
    const struct alarm_record *alarm;
    bool any = false;

    while ((alarm = walk_next(&walk)) != NULL) {
        any = true;
        if (alarm_is_late(alarm->alarm, sample->at_ms, plan->now_ms))
            note_alarm(call->arena, plan, alarm);
    }
    return any;
}

static void note_alarms(const struct call *call, struct put_plan *plan)
{
    bool watched = true;

    for (size_t i = 0; i < plan->count; i++)
        if (watched || !str_eq(plan->samples[i].key.name, plan->samples[i - 1].key.name))
            watched = note_late(call, plan, &plan->samples[i]);
}

bool cloudwatch_put_metric_data(struct call *call, const struct cloudwatch_put_metric_data_input *in,
                                struct nothing *out)
{
    struct metric_scope scope = {call->principal->account, call->region, call->tx->now_ms};
    struct put_plan *plan = arena_new(call->arena, struct put_plan);

    (void)out;
    if (in->entity_metric_data.count > 0)
        return CLOUDWATCH_UNSUPPORTED(call->fail, "EntityMetricData", "metrics are not related to entities");
    if (in->metric_data.count == 0)
        return fail_api(call->fail, CLOUDWATCH_ERROR_MISSING_REQUIRED_PARAMETER_EXCEPTION,
                        "The parameter MetricData is required.");
    if (str_starts(in->namespace, STR("AWS/")))
        return fail_api(call->fail, INVALID_VALUE, "The value %.*s for parameter Namespace is invalid.",
                        STR_ARG(in->namespace));
    if (!metric_samples_make(&scope, in->namespace, &in->metric_data, call->arena, &plan->samples, call->fail))
        return false;
    plan->count = in->metric_data.count;
    plan->now_ms = call->tx->now_ms;
    note_alarms(call, plan);
    call->carry = plan;
    return true;
}

bool put_metric_data_finish(const struct call *call, const struct ports *ports,
                            const struct cloudwatch_put_metric_data_input *in, struct nothing *out)
{
    const struct metric_port *metrics = ports->metrics;
    const struct put_plan *plan = call->carry;

    (void)in;
    (void)out;
    if (!metrics->append(metrics->context, plan->samples, plan->count, plan->now_ms, call->fail))
        return metric_pass_on(call->fail);
    if (plan->alarm_count > 0)
        metrics->came(metrics->context, plan->alarms, plan->alarm_count);
    return true;
}

/* ---- GetMetricStatistics ---- */

static bool check_statistics(const struct call *call, const struct cloudwatch_get_metric_statistics_input *in)
{
    struct statistic ignored;

    if (in->statistics.count == 0 && in->extended_statistics.count == 0)
        return fail_api(call->fail, CLOUDWATCH_ERROR_MISSING_REQUIRED_PARAMETER_EXCEPTION,
                        "At least one of the parameters Statistics and ExtendedStatistics must be specified.");
    for (size_t i = 0; i < in->extended_statistics.count; i++)
        if (!statistic_read(in->extended_statistics.items[i], "ExtendedStatistics", &ignored, call->fail))
            return false;
    return true;
}

static bool check_times(const struct call *call, const struct cloudwatch_get_metric_statistics_input *in)
{
    int64_t points;

    if (!metric_period_check(in->period, "Period", call->fail))
        return false;
    if (in->start_time >= in->end_time)
        return fail_api(call->fail, INVALID_VALUE, "The parameter StartTime must be less than the parameter EndTime.");
    points = (in->end_time - in->start_time) / SECOND_MS / in->period;
    return points <= STATISTICS_POINTS_MAX ||
           fail_api(call->fail, CLOUDWATCH_ERROR_INVALID_PARAMETER_COMBINATION_EXCEPTION,
                    "You have requested up to %lld datapoints, which exceeds the limit of %d. You may reduce the "
                    "datapoints requested by increasing Period, or decreasing the time range.",
                    (long long)points, STATISTICS_POINTS_MAX);
}

bool cloudwatch_get_metric_statistics(struct call *call, const struct cloudwatch_get_metric_statistics_input *in,
                                      struct cloudwatch_get_metric_statistics_output *out)
{
    struct metric_query *query = arena_new(call->arena, struct metric_query);
    struct str dimensions;

    (void)out;
    if (!check_statistics(call, in) || !check_times(call, in) ||
        !metric_dimensions_text(&in->dimensions, call->arena, &dimensions, call->fail))
        return false;
    *query = (struct metric_query){
        .key = {call->principal->account, call->region, in->namespace, in->metric_name, dimensions},
        .unit = str_of(enum_name(&cloudwatch_standard_unit_shape, (int)in->unit)),
        .start_ms = metric_start(in->start_time, in->period * SECOND_MS, call->tx->now_ms),
        .end_ms = in->end_time,
        .period_ms = in->period * SECOND_MS,
        .by_unit = true,
        .with_values = in->extended_statistics.count > 0};
    call->carry = query;
    return true;
}

static void show_plain(const struct metric_statistics *of, const struct cloudwatch_statistics *wanted,
                       struct cloudwatch_datapoint *shown)
{
    for (size_t i = 0; i < wanted->count; i++)
        switch (wanted->items[i]) {
        case CLOUDWATCH_STATISTIC_SAMPLE_COUNT:
            SET(shown, sample_count, of->count);
            break;
        case CLOUDWATCH_STATISTIC_AVERAGE:
            SET(shown, average, of->sum / of->count);
            break;
        case CLOUDWATCH_STATISTIC_SUM:
            SET(shown, sum, of->sum);
            break;
        case CLOUDWATCH_STATISTIC_MINIMUM:
            SET(shown, minimum, of->min);
            break;
        case CLOUDWATCH_STATISTIC_MAXIMUM:
            SET(shown, maximum, of->max);
            break;
        case CLOUDWATCH_STATISTIC_NONE:
            break;
        }
}

static void show_extended(const struct call *call, const struct metric_point *point,
                          const struct cloudwatch_extended_statistics *wanted, struct cloudwatch_datapoint *shown)
{
    struct cloudwatch_datapoint_value_map map = {
        arena_array(call->arena, struct cloudwatch_datapoint_value_map_entry, wanted->count + 1), 0};

    for (size_t i = 0; i < wanted->count; i++) {
        struct statistic statistic;
        struct fail ignored;
        double value;

        if (!statistic_read(wanted->items[i], "ExtendedStatistics", &statistic, &ignored) ||
            !statistic_of(&statistic, point, &value))
            continue;
        map.items[map.count].key = wanted->items[i];
        map.items[map.count++].value = value;
    }
    if (map.count > 0)
        shown->extended_statistics = map;
}

static void show_points(const struct call *call, const struct metric_points *points,
                        const struct cloudwatch_get_metric_statistics_input *in,
                        struct cloudwatch_get_metric_statistics_output *out)
{
    out->label = in->metric_name;
    out->datapoints.items = arena_array(call->arena, struct cloudwatch_datapoint, points->count + 1);
    for (size_t i = 0; i < points->count; i++) {
        struct cloudwatch_datapoint *shown = &out->datapoints.items[out->datapoints.count];

        show_plain(&points->items[i].statistics, &in->statistics, shown);
        show_extended(call, &points->items[i], &in->extended_statistics, shown);
        if (in->statistics.count == 0 && shown->extended_statistics.count == 0)
            continue; /* nothing is known of it */
        SET(shown, timestamp, points->items[i].at_ms);
        shown->unit = (enum cloudwatch_standard_unit)enum_value(&cloudwatch_standard_unit_shape, points->items[i].unit);
        out->datapoints.count++;
    }
}

bool get_metric_statistics_finish(const struct call *call, const struct ports *ports,
                                  const struct cloudwatch_get_metric_statistics_input *in,
                                  struct cloudwatch_get_metric_statistics_output *out)
{
    struct metric_points points;
    struct arena scratch;
    bool good;

    arena_init(&scratch, METRIC_RUN_BYTES); /* values of percentiles may fill it */
    good = ports->metrics->read(ports->metrics->context, call->carry, &scratch, &points, call->fail) ||
           metric_pass_on(call->fail);
    if (good)
        show_points(call, &points, in, out);
    arena_free(&scratch);
    return good;
}

/* ---- ListMetrics ---- */

static bool matches(const void *context, struct str text)
{
    const struct cloudwatch_dimension_filters *filters = context;

    for (size_t i = 0; i < filters->count; i++) {
        const struct cloudwatch_dimension_filter *filter = &filters->items[i];
        struct str rest = text;
        bool found = false;

        while (!found && rest.ptr != NULL && rest.len > 0) {
            struct str name = str_cut(rest, METRIC_TEXT_END, &rest);
            struct str value = str_cut(rest, METRIC_TEXT_END, &rest);

            found = str_eq(name, filter->name) && (filter->value.ptr == NULL || str_eq(value, filter->value));
        }
        if (!found)
            return false;
    }
    return true;
}

bool cloudwatch_list_metrics(struct call *call, const struct cloudwatch_list_metrics_input *in,
                             struct cloudwatch_list_metrics_output *out)
{
    struct metric_listing *listing = arena_new(call->arena, struct metric_listing);
    bool recent = in->recently_active != CLOUDWATCH_RECENTLY_ACTIVE_NONE;
    struct str after;

    (void)out;
    if (in->owning_account.ptr != NULL && !str_eq(in->owning_account, call->principal->account))
        return CLOUDWATCH_UNSUPPORTED(call->fail, "OwningAccount", "metrics of other accounts cannot be read");
    if (!page_begin(call->arena, in->next_token, INVALID_VALUE, &after, call->fail))
        return false;
    *listing = (struct metric_listing){.account = call->principal->account,
                                       .region = call->region,
                                       .namespace = in->namespace,
                                       .name = in->metric_name,
                                       .active_since_ms = call->tx->now_ms -
                                                          (recent ? LIST_RECENT_HOURS * HOUR_MS : LIST_DAYS * DAY_MS),
                                       .limit = LIST_PAGE,
                                       .match = in->dimensions.count > 0 ? matches : NULL,
                                       .context = &in->dimensions};
    if (after.ptr != NULL && !str_to_int64(after, &listing->after))
        return fail_api(call->fail, INVALID_VALUE, "Invalid token: %.*s", STR_ARG(in->next_token));
    call->carry = listing;
    return true;
}

bool list_metrics_finish(const struct call *call, const struct ports *ports,
                         const struct cloudwatch_list_metrics_input *in, struct cloudwatch_list_metrics_output *out)
{
    struct metric_list list;

    (void)in;
    if (!ports->metrics->list(ports->metrics->context, call->carry, call->arena, &list, call->fail))
        return metric_pass_on(call->fail);
    out->metrics.items = arena_array(call->arena, struct cloudwatch_metric, list.count + 1);
    for (size_t i = 0; i < list.count; i++) {
        struct cloudwatch_metric *shown = &out->metrics.items[out->metrics.count++];

        shown->namespace = list.items[i].key.namespace;
        shown->metric_name = list.items[i].key.name;
        shown->dimensions = metric_dimensions_of(list.items[i].key.dimensions, call->arena);
    }
    if (list.more)
        out->next_token =
            page_token(call->arena, arena_printf(call->arena, "%lld", (long long)list.items[list.count - 1].number));
    return true;
}
