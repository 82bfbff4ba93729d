#include "plane/cloudwatch/evaluation.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/cloudwatch/alarm_text.h"
#include "plane/cloudwatch/statistic.h"

#include <math.h>

enum {
    LISTED_MAX = 5,   /* points in a reason */
    RECENT_MAX = 100, /* values in its data, which hold 4000 characters */
};

/* How operators are told of, and what breaches: the threshold itself, what is above or below it. */
static const struct {
    enum cloudwatch_comparison_operator operator;
    const char *words;
    bool equal, above;
} comparisons[] = {
    {CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, "greater than or equal to", true, true},
    {CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_THRESHOLD, "greater than", false, true},
    {CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_THRESHOLD, "less than", false, false},
    {CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_OR_EQUAL_TO_THRESHOLD, "less than or equal to", true, false},
};

/* An evaluation under way: the points that are there, newest first. */
struct judgement {
    const struct cloudwatch_metric_alarm *alarm;
    const struct metric_series *series;
    size_t comparison; /* row */
    size_t needed;     /* N: evaluation periods */
    size_t to_alarm;   /* M: datapoints to alarm */
    size_t *points;    /* indexes into the series; at most `needed` */
    size_t count;
    size_t breaching;
    int64_t now_ms;
    struct arena *arena;
};

static bool breaches(const struct judgement *of, double value)
{
    if (value == of->alarm->threshold)
        return comparisons[of->comparison].equal;
    return (value > of->alarm->threshold) == comparisons[of->comparison].above;
}

static size_t comparison_row(enum cloudwatch_comparison_operator operator)
{
    size_t row = 0;

    while (row < COUNT_OF(comparisons) && comparisons[row].operator!= operator)
        row++;
    must(row < COUNT_OF(comparisons)); /* PutMetricAlarm takes no other */
    return row;
}

static void collect(struct judgement *of)
{
    of->points = arena_array(of->arena, size_t, of->needed + 1);
    for (size_t back = 0; back < of->series->periods && of->count < of->needed; back++) {
        size_t at = of->series->periods - 1 - back;

        if (isnan(of->series->values[at]))
            continue;
        of->points[of->count++] = at;
        of->breaching += breaches(of, of->series->values[at]) ? 1 : 0;
    }
}

/* ---- data ---- */

static void add_value(const struct judgement *of, size_t at, struct buf *out)
{
    buf_printf(out, "{\"timestamp\":\"%.*s\"",
               STR_ARG(alarm_text_time(of->arena, of->series->start_ms + (int64_t)at * of->series->period_ms)));
    if (!isnan(of->series->values[at])) {
        if (of->series->counts != NULL) {
            buf_add_cstr(out, ",\"sampleCount\":");
            alarm_text_number(of->series->counts[at], out);
        }
        buf_add_cstr(out, ",\"value\":");
        alarm_text_number(of->series->values[at], out);
    }
    buf_add_char(out, '}');
}

/* The newest point; where some are missing, all periods that count. */
static void add_evaluated(const struct judgement *of, struct buf *out)
{
    buf_add_cstr(out, ",\"evaluatedDatapoints\":[");
    if (of->count == of->needed)
        add_value(of, of->points[0], out);
    for (size_t back = 0; of->count < of->needed && back < of->needed && back < LISTED_MAX; back++) {
        buf_add_cstr(out, back == 0 ? "" : ",");
        add_value(of, of->series->periods - 1 - back, out);
    }
    buf_add_char(out, ']');
}

static void add_recent(const struct judgement *of, struct buf *out)
{
    size_t shown = of->count < RECENT_MAX ? of->count : RECENT_MAX;

    buf_add_cstr(out, ",\"recentDatapoints\":[");
    for (size_t i = 0; i < shown; i++) {
        buf_add_cstr(out, i == 0 ? "" : ",");
        alarm_text_number(of->series->values[of->points[shown - 1 - i]], out);
    }
    buf_add_char(out, ']');
}

static struct str data_of(const struct judgement *of)
{
    const struct cloudwatch_metric_alarm *alarm = of->alarm;
    const char *statistic = enum_name(&cloudwatch_statistic_shape, (int)alarm->statistic);
    const char *unit = enum_name(&cloudwatch_standard_unit_shape, (int)alarm->unit);
    auto_buf out = {.ptr = NULL};

    buf_printf(&out, "{\"version\":\"1.0\",\"queryDate\":\"%.*s\"", STR_ARG(alarm_text_time(of->arena, of->now_ms)));
    if (of->count > 0)
        buf_printf(&out, ",\"startDate\":\"%.*s\"",
                   STR_ARG(alarm_text_time(of->arena, of->series->start_ms +
                                                          (int64_t)of->points[of->count - 1] * of->series->period_ms)));
    if (unit != NULL)
        buf_printf(&out, ",\"unit\":\"%s\"", unit);
    if (statistic != NULL)
        buf_printf(&out, ",\"statistic\":\"%s\"", statistic);
    if (alarm->extended_statistic.ptr != NULL)
        buf_printf(&out, ",\"statistic\":\"%.*s\"", STR_ARG(alarm->extended_statistic));
    buf_printf(&out, ",\"period\":%lld", (long long)(of->series->period_ms / SECOND_MS));
    add_recent(of, &out);
    buf_add_cstr(&out, ",\"threshold\":");
    alarm_text_number(alarm->threshold, &out);
    add_evaluated(of, &out);
    buf_add_char(&out, '}');
    must(!out.overflowed);
    return arena_str(of->arena, buf_str(&out));
}

/* ---- reasons ---- */

/* "1.0 (28/11/26 21:03:00)". */
static void add_point(const struct judgement *of, size_t at, struct buf *out)
{
    int64_t when_ms = of->series->start_ms + (int64_t)at * of->series->period_ms;
    struct str time = when_to_iso8601(of->arena, when_ms); /* 2026-11-28T21:03:00Z */

    alarm_text_number(of->series->values[at], out);
    buf_printf(out, " (%.2s/%.2s/%.2s %.8s)", time.ptr + 8, time.ptr + 5, time.ptr + 2, time.ptr + 11);
}

/* The newest points that speak for the state, in brackets. */
static void add_points(const struct judgement *of, bool breaching, struct buf *out)
{
    size_t listed = 0;

    buf_add_char(out, '[');
    for (size_t i = 0; i < of->count && listed < LISTED_MAX; i++) {
        if (breaches(of, of->series->values[of->points[i]]) != breaching)
            continue;
        buf_add_cstr(out, listed++ == 0 ? "" : ", ");
        add_point(of, of->points[i], out);
    }
    buf_add_char(out, ']');
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void add_threshold(const struct judgement *of, size_t count, bool breaching, struct buf *out)
{
    buf_printf(out, " %s %s%s the threshold (", count == 1 ? "was" : "were", breaching ? "" : "not ",
               comparisons[of->comparison].words);
    alarm_text_number(of->alarm->threshold, out);
    buf_add_char(out, ')');
}

/* All points are there: which of them have crossed. */
static void add_crossed(const struct judgement *of, bool breaching, struct buf *out)
{
    size_t count = breaching ? of->breaching : of->count - of->breaching;
    size_t least = breaching ? of->to_alarm : of->needed - of->to_alarm + 1;
    bool is_long = count > LISTED_MAX;

    if (of->alarm->has_datapoints_to_alarm)
        buf_printf(out, "%zu out of the last %zu datapoints", count, of->needed);
    else
        buf_printf(out, "%zu datapoint%s", count, plural(count));
    if (!is_long) {
        buf_add_char(out, ' ');
        add_points(of, breaching, out);
    }
    add_threshold(of, count, breaching, out);
    if (of->alarm->has_datapoints_to_alarm)
        buf_printf(out, " (minimum %zu datapoint%s for %s transition)", least, plural(least),
                   breaching ? "OK -> ALARM" : "ALARM -> OK");
    buf_add_char(out, '.');
    if (is_long) {
        buf_printf(out,
                   " The most recent datapoints which %s the threshold: ", breaching ? "crossed" : "did not cross");
        add_points(of, breaching, out);
        buf_add_char(out, '.');
    }
}

static void add_missing(const struct judgement *of, const char *treated, struct buf *out)
{
    size_t missing = of->needed - of->count;

    if (of->count == 0)
        buf_add_cstr(out, "no datapoints were");
    else
        buf_printf(out, "%zu datapoint%s %s", of->count, plural(of->count), of->count == 1 ? "was" : "were");
    buf_printf(out, " received for %zu period%s and %zu missing datapoint%s %s treated as [%s].", of->needed,
               plural(of->needed), missing, plural(missing), missing == 1 ? "was" : "were", treated);
}

static void conclude(const struct judgement *of, enum cloudwatch_state_value state, const char *treated,
                     struct alarm_verdict *ret_verdict)
{
    auto_buf out = {.ptr = NULL};

    if (state == CLOUDWATCH_STATE_VALUE_INSUFFICIENT_DATA) {
        buf_printf(&out, "Insufficient Data: %zu datapoint%s %s unknown.", of->needed, plural(of->needed),
                   of->needed == 1 ? "was" : "were");
    } else {
        buf_add_cstr(&out, "Threshold Crossed: ");
        if (of->count == of->needed)
            add_crossed(of, state == CLOUDWATCH_STATE_VALUE_ALARM, &out);
        else
            add_missing(of, treated, &out);
    }
    must(!out.overflowed);
    *ret_verdict = (struct alarm_verdict){state, arena_str(of->arena, buf_str(&out)), data_of(of)};
}

/* ---- rules ---- */

static enum cloudwatch_state_value state_of(bool breaching)
{
    return breaching ? CLOUDWATCH_STATE_VALUE_ALARM : CLOUDWATCH_STATE_VALUE_OK;
}

/* How old the oldest point is, in periods: the newest period is 1. */
static size_t oldest_age(const struct judgement *of)
{
    return of->series->periods - of->points[of->count - 1];
}

/* Too few points, and nothing is put in their place ("Avoiding premature transitions to alarm state"). */
static bool judge_unfilled(const struct judgement *of, bool ignored, struct alarm_verdict *ret_verdict)
{
    bool only_breaching = of->breaching == of->count;

    if (of->count == 0 && ignored)
        return false;
    if (of->count == 0) {
        conclude(of, CLOUDWATCH_STATE_VALUE_INSUFFICIENT_DATA, "Missing", ret_verdict);
        return true;
    }
    if (of->breaching < of->to_alarm && only_breaching && (ignored || oldest_age(of) < of->to_alarm))
        return false;
    conclude(of, state_of(of->breaching >= of->to_alarm || only_breaching), ignored ? "Ignored" : "Missing",
             ret_verdict);
    return true;
}

/* "Percentile-based alarms and low data samples": how many samples a percentile has to be of. */
static bool has_low_samples(const struct judgement *of)
{
    struct statistic statistic;
    struct fail ignored;
    double part;

    if (!str_is(of->alarm->evaluate_low_sample_count_percentile, "ignore") || of->series->counts == NULL ||
        !statistic_read(of->alarm->extended_statistic, "", &statistic, &ignored))
        return false;
    part = statistic.percent / 100;
    part = part < 0.5 ? part : 1 - part;
    for (size_t i = 0; i < of->count; i++)
        if (of->series->counts[of->points[i]] * part < 10)
            return true;
    return false;
}

static bool judge_filled(const struct judgement *of, struct alarm_verdict *ret_verdict)
{
    struct str treat = of->alarm->treat_missing_data;
    bool bad = str_is(treat, "breaching");
    size_t breaching = of->breaching + (bad ? of->needed - of->count : 0);

    if (!bad && !str_is(treat, "notBreaching"))
        return judge_unfilled(of, str_is(treat, "ignore"), ret_verdict);
    conclude(of, state_of(breaching >= of->to_alarm), bad ? "Breaching" : "NonBreaching", ret_verdict);
    return true;
}

bool alarm_judge(const struct cloudwatch_metric_alarm *alarm, const struct metric_series *series, int64_t now_ms,
                 struct arena *arena, struct alarm_verdict *ret_verdict)
{
    struct judgement of = {.alarm = alarm,
                           .series = series,
                           .comparison = comparison_row(alarm->comparison_operator),
                           .needed = (size_t)alarm->evaluation_periods,
                           .now_ms = now_ms,
                           .arena = arena};

    of.to_alarm = alarm->has_datapoints_to_alarm ? (size_t)alarm->datapoints_to_alarm : of.needed;
    must(series->periods >= of.needed);
    collect(&of);
    if (has_low_samples(&of))
        return false;
    if (of.count < of.needed)
        return judge_filled(&of, ret_verdict);
    conclude(&of, state_of(of.breaching >= of.to_alarm), "", ret_verdict);
    return true;
}
