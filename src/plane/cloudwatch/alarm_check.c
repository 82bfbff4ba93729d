/* Sources: "PutMetricAlarm", API reference; "CloudWatch service quotas", user guide. */
#include "plane/cloudwatch/alarm_check.h"

#include "plane/cloudwatch/alarm_evaluation.h"
#include "plane/cloudwatch/metric_plan.h"
#include "plane/cloudwatch/statistic.h"

#include <math.h>

enum { DAY_S = 86400, WEEK_S = 7 * 86400, HOUR_S = 3600, QUERIES_MAX = 20 };

#define INVALID CLOUDWATCH_ERROR_VALIDATION_EXCEPTION

/* ---- what is not there ---- */

static bool refuse_unbuilt(const struct cloudwatch_put_metric_alarm_input *in, struct fail *f)
{
    const struct {
        const char *member, *why;
        bool there;
    } rows[] = {
        {"ThresholdMetricId", "anomaly detection is not built", in->threshold_metric_id.ptr != NULL},
        {"EvaluationWindow.WallClockWindow", "windows slide",
         in->evaluation_window != NULL && in->evaluation_window->wall_clock_window != NULL},
        {"WarmUpConfiguration", "alarms have no warm-up", in->warm_up_configuration != NULL},
        {"EvaluationCriteria", "PromQL queries are not built", in->evaluation_criteria != NULL},
        {"EvaluationInterval", "it belongs to PromQL queries, which are not built", in->has_evaluation_interval},
        {"ActionConfiguration", "no action can be taken", in->action_configuration != NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].there)
            return CLOUDWATCH_UNSUPPORTED(f, rows[i].member, rows[i].why);
    switch (in->comparison_operator) {
    case CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD:
    case CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_LOWER_THRESHOLD:
    case CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_UPPER_THRESHOLD:
        return CLOUDWATCH_UNSUPPORTED(f, "ComparisonOperator", "anomaly detection is not built");
    case CLOUDWATCH_COMPARISON_OPERATOR_NONE:
    case CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_OR_EQUAL_TO_THRESHOLD:
    case CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_THRESHOLD:
    case CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_THRESHOLD:
    case CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_OR_EQUAL_TO_THRESHOLD:
        break;
    }
    return true;
}

/* ---- what has to be there ---- */

static bool check_required(const struct cloudwatch_put_metric_alarm_input *in, struct fail *f)
{
    const struct {
        const char *member;
        bool there;
    } rows[] = {
        {"EvaluationPeriods", in->has_evaluation_periods},
        {"ComparisonOperator", in->comparison_operator != CLOUDWATCH_COMPARISON_OPERATOR_NONE},
        {"Threshold", in->has_threshold},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (!rows[i].there)
            return fail_api(f, CLOUDWATCH_ERROR_MISSING_REQUIRED_PARAMETER_EXCEPTION, "The parameter %s is required.",
                            rows[i].member);
    return true;
}

/* ---- what is watched ---- */

static bool check_statistic(const struct cloudwatch_put_metric_alarm_input *in, struct fail *f)
{
    struct statistic statistic;

    if ((in->statistic == CLOUDWATCH_STATISTIC_NONE) == (in->extended_statistic.ptr == NULL))
        return fail_api(f, INVALID, "Exactly one of the parameters Statistic and ExtendedStatistic must be specified.");
    if (in->extended_statistic.ptr == NULL)
        return in->evaluate_low_sample_count_percentile.ptr == NULL ||
               fail_api(f, INVALID, "EvaluateLowSampleCountPercentile is for alarms with an ExtendedStatistic only.");
    if (!statistic_read(in->extended_statistic, "ExtendedStatistic", &statistic, f))
        return false;
    return statistic.kind == STATISTIC_PERCENTILE ||
           fail_api(f, INVALID, "The value %.*s for parameter ExtendedStatistic is not supported.",
                    STR_ARG(in->extended_statistic));
}

static bool check_metric(const struct call *call, const struct cloudwatch_put_metric_alarm_input *in)
{
    struct str ignored;

    if (in->namespace.ptr == NULL || in->metric_name.ptr == NULL || !in->has_period)
        return fail_api(call->fail, CLOUDWATCH_ERROR_MISSING_REQUIRED_PARAMETER_EXCEPTION,
                        "The parameters MetricName, Namespace and Period are required, unless there are Metrics.");
    return check_statistic(in, call->fail) &&
           metric_dimensions_text(&in->dimensions, call->arena, &ignored, call->fail);
}

static bool check_queries(const struct call *call, const struct cloudwatch_put_metric_alarm_input *in)
{
    const struct metric_plan *plan;
    size_t watched = 0;

    if (in->namespace.ptr != NULL || in->metric_name.ptr != NULL || in->has_period || in->dimensions.count > 0 ||
        in->statistic != CLOUDWATCH_STATISTIC_NONE || in->extended_statistic.ptr != NULL)
        return fail_api(call->fail, INVALID,
                        "MetricName, Namespace, Dimensions, Period, Unit and Statistic cannot be specified together "
                        "with Metrics.");
    if (in->metrics.count > QUERIES_MAX)
        return fail_api(call->fail, INVALID, "The collection Metrics must not have a size greater than %d.",
                        QUERIES_MAX);
    for (size_t i = 0; i < in->metrics.count; i++)
        watched += !in->metrics.items[i].has_return_data || in->metrics.items[i].return_data ? 1 : 0;
    if (watched != 1)
        return fail_api(call->fail, INVALID, "Exactly one element of the metrics list should return data.");
    return metric_plan_make(&in->metrics, call->arena, &plan, call->fail);
}

/* ---- periods ---- */

static bool check_length(int64_t period_s, int64_t periods, struct fail *f)
{
    bool is_short = period_s < HOUR_S;

    if (period_s < 10 || (period_s > 30 && period_s % 60 != 0) || (period_s <= 30 && period_s % 10 != 0))
        return fail_api(f, INVALID, "Period must be 10, 20, 30 or a multiple of 60");
    if (period_s * periods <= (is_short ? DAY_S : WEEK_S))
        return true;
    return fail_api(f, INVALID,
                    "Metrics cannot be checked across more than %s (EvaluationPeriods * Period must be <= %d).",
                    is_short ? "a day" : "seven days", is_short ? DAY_S : WEEK_S);
}

static bool check_periods(const struct call *call, const struct cloudwatch_put_metric_alarm_input *in)
{
    const struct metric_plan *plan;
    int64_t period_s = in->period;

    if (in->metrics.count > 0) {
        if (!metric_plan_make(&in->metrics, call->arena, &plan, call->fail))
            return false;
        period_s = metric_plan_period_ms(plan, 0) / SECOND_MS;
        for (size_t i = 1; i < in->metrics.count; i++)
            if (metric_plan_period_ms(plan, i) / SECOND_MS != period_s)
                return CLOUDWATCH_UNSUPPORTED(call->fail, "Metrics", "metrics of different periods");
    }
    if (!check_length(period_s, in->evaluation_periods, call->fail))
        return false;
    return !in->has_datapoints_to_alarm || in->datapoints_to_alarm <= in->evaluation_periods ||
           fail_api(call->fail, INVALID, "DatapointsToAlarm (%d) must be less than or equal to EvaluationPeriods (%d).",
                    in->datapoints_to_alarm, in->evaluation_periods);
}

/* ---- the rest ---- */

static bool check_choice(struct str value, const char *member, const char *const *choices, struct fail *f)
{
    auto_buf all = {.ptr = NULL};

    if (value.ptr == NULL)
        return true;
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (str_is(value, choices[i]))
            return true;
        buf_printf(&all, "%s%s", i == 0 ? "" : ", ", choices[i]);
    }
    return fail_api(f, INVALID, "The value '%.*s' for parameter %s is invalid. It must be one of %.*s.", STR_ARG(value),
                    member, STR_ARG(buf_str(&all)));
}

bool alarm_actions_check(const struct cloudwatch_resource_list *actions, struct fail *f)
{
    for (size_t i = 0; i < actions->count; i++)
        if (!str_starts(actions->items[i], STR("arn:")))
            return fail_api(f, INVALID, "Invalid arn syntax: %.*s", STR_ARG(actions->items[i]));
    return true;
}

bool alarm_check(const struct call *call, const struct cloudwatch_put_metric_alarm_input *in)
{
    static const char *const treatments[] = {"breaching", "notBreaching", "ignore", "missing", NULL};
    static const char *const low_samples[] = {"evaluate", "ignore", NULL};
    struct fail *f = call->fail;

    if (!refuse_unbuilt(in, f) || !check_required(in, f))
        return false;
    if (!isfinite(in->threshold))
        return fail_api(f, INVALID, "The value of parameter Threshold is invalid.");
    return (in->metrics.items == NULL ? check_metric(call, in) : check_queries(call, in)) && check_periods(call, in) &&
           check_choice(in->treat_missing_data, "TreatMissingData", treatments, f) &&
           check_choice(in->evaluate_low_sample_count_percentile, "EvaluateLowSampleCountPercentile", low_samples, f) &&
           alarm_actions_check(&in->ok_actions, f) && alarm_actions_check(&in->alarm_actions, f) &&
           alarm_actions_check(&in->insufficient_data_actions, f);
}
