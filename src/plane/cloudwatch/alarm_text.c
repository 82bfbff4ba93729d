#include "plane/cloudwatch/alarm_text.h"

#include "base/must.h"
#include "model/interpret.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What a history item can hold ("AlarmHistoryItem", API reference). */
enum { SUMMARY_MAX = 255, DATA_MAX = 4095 };

struct str alarm_text_time(struct arena *arena, int64_t when_ms)
{
    int64_t second_ms = when_ms - when_ms % SECOND_MS;
    struct str whole = when_to_iso8601(arena, second_ms);

    return arena_printf(arena, "%.*s.%03d+0000", (int)whole.len - 1, whole.ptr, (int)(when_ms - second_ms));
}

/* The fewest digits that tell the number from all others, with its power of ten: d[.ddd]e+XX. */
static void shortest(double number, char *text, size_t size)
{
    for (int digits = 0; digits < 17; digits++) {
        (void)snprintf(text, size, "%.*e", digits, number);
        if (strtod(text, NULL) == number)
            return;
    }
}

void alarm_text_number(double number, struct buf *out)
{
    double size = fabs(number);
    char text[32] = "0.0";
    char *power;
    int digits;

    if (number == 0) {
        buf_add_cstr(out, "0.0");
        return;
    }
    shortest(number, text, sizeof(text));
    power = strchr(text, 'e');
    must(power != NULL);
    digits = (int)(power - text) - (text[0] == '-' ? 1 : 0);
    digits = digits > 1 ? digits - 1 : 1; /* without the point */
    if (size >= 1e-3 && size < 1e7) {
        int decimals = digits - 1 - (int)strtol(power + 1, NULL, 10);

        buf_printf(out, "%.*f", decimals < 1 ? 1 : decimals, number);
        return;
    }
    *power = '\0';
    buf_printf(out, "%s%sE%ld", text, strchr(text, '.') == NULL ? ".0" : "", strtol(power + 1, NULL, 10));
}

/* ---- JSON ---- */

static void add_name(const char *name, struct buf *out)
{
    if (out->len > 0 && out->ptr[out->len - 1] != '{' && out->ptr[out->len - 1] != '[')
        buf_add_char(out, ',');
    buf_printf(out, "\"%s\":", name);
}

static void add_text(const char *name, struct str value, struct buf *out)
{
    if (value.ptr == NULL)
        return;
    add_name(name, out);
    value_json_text(value, out);
}

static void add_number(const char *name, bool present, double value, struct buf *out)
{
    if (!present)
        return;
    add_name(name, out);
    alarm_text_number(value, out);
}

static void add_integer(const char *name, bool present, int32_t value, struct buf *out)
{
    if (!present)
        return;
    add_name(name, out);
    buf_printf(out, "%" PRId32, value);
}

static void add_boolean(const char *name, bool value, struct buf *out)
{
    add_name(name, out);
    buf_add_cstr(out, value ? "true" : "false");
}

static void add_list(const char *name, const struct cloudwatch_resource_list *list, struct buf *out)
{
    add_name(name, out);
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        buf_add_cstr(out, i == 0 ? "" : ",");
        value_json_text(list->items[i], out);
    }
    buf_add_char(out, ']');
}

static struct str taken(struct arena *arena, const struct buf *out)
{
    must(!out->overflowed);
    return arena_str(arena, buf_str(out));
}

static struct str cut(struct str text, size_t max)
{
    return text.len <= max ? text : str_to(text, max);
}

static const char *state_name(const struct cloudwatch_metric_alarm *alarm)
{
    return enum_name(&cloudwatch_state_value_shape, (int)alarm->state_value);
}

/* ---- moves ---- */

struct str alarm_text_move_summary(struct arena *arena, const struct cloudwatch_metric_alarm *before,
                                   const struct cloudwatch_metric_alarm *after)
{
    return arena_printf(arena, "Alarm updated from %s to %s", state_name(before), state_name(after));
}

static void add_state(const char *name, const struct cloudwatch_metric_alarm *alarm, bool with_data, struct buf *out)
{
    add_name(name, out);
    buf_add_char(out, '{');
    add_text("stateValue", str_of(state_name(alarm)), out);
    add_text("stateReason", alarm->state_reason, out);
    if (with_data && alarm->state_reason_data.len > 0 && alarm->state_reason_data.ptr[0] == '{') {
        add_name("stateReasonData", out);
        buf_add(out, alarm->state_reason_data);
    }
    buf_add_char(out, '}');
}

static struct str move_data(struct arena *arena, const struct cloudwatch_metric_alarm *before,
                            const struct cloudwatch_metric_alarm *after, bool with_data)
{
    auto_buf out = {.ptr = NULL};

    buf_add_char(&out, '{');
    add_text("version", STR("1.0"), &out);
    add_state("oldState", before, with_data, &out);
    add_state("newState", after, with_data, &out);
    buf_add_char(&out, '}');
    return taken(arena, &out);
}

/* Data are left out where they would not fit. */
struct str alarm_text_move_data(struct arena *arena, const struct cloudwatch_metric_alarm *before,
                                const struct cloudwatch_metric_alarm *after)
{
    struct str whole = move_data(arena, before, after, /* with_data= */ true);

    return whole.len <= DATA_MAX ? whole : move_data(arena, before, after, /* with_data= */ false);
}

/* ---- changes ---- */

static const struct {
    const char *step, *word, *member;
} steps[] = {
    {"Create", "created", "createdAlarm"},
    {"Update", "updated", "updatedAlarm"},
    {"Delete", "deleted", "deletedAlarm"},
};

static size_t step_row(const char *step)
{
    size_t row = 0;

    while (strcmp(steps[row].step, step) != 0)
        row++;
    return row;
}

struct str alarm_text_change_summary(struct arena *arena, const struct cloudwatch_metric_alarm *alarm, const char *step)
{
    return cut(arena_printf(arena, "Alarm \"%.*s\" %s", STR_ARG(alarm->alarm_name), steps[step_row(step)].word),
               SUMMARY_MAX);
}

static void add_dimensions(const struct cloudwatch_dimensions *dimensions, struct buf *out)
{
    add_name("dimensions", out);
    buf_add_char(out, '[');
    for (size_t i = 0; i < dimensions->count; i++) {
        buf_add_cstr(out, i == 0 ? "{" : ",{");
        add_text("name", dimensions->items[i].name, out);
        add_text("value", dimensions->items[i].value, out);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

/* What the alarm watches, and how. */
static void add_condition(const struct cloudwatch_metric_alarm *alarm, struct buf *out)
{
    add_text("metricName", alarm->metric_name, out);
    add_text("namespace", alarm->namespace, out);
    add_text("statistic", str_of(enum_name(&cloudwatch_statistic_shape, (int)alarm->statistic)), out);
    add_text("extendedStatistic", alarm->extended_statistic, out);
    if (alarm->metric_name.ptr != NULL)
        add_dimensions(&alarm->dimensions, out);
    add_integer("period", alarm->has_period, alarm->period, out);
    add_text("unit", str_of(enum_name(&cloudwatch_standard_unit_shape, (int)alarm->unit)), out);
    add_integer("evaluationPeriods", alarm->has_evaluation_periods, alarm->evaluation_periods, out);
    add_integer("datapointsToAlarm", alarm->has_datapoints_to_alarm, alarm->datapoints_to_alarm, out);
    add_number("threshold", alarm->has_threshold, alarm->threshold, out);
    add_text("comparisonOperator",
             str_of(enum_name(&cloudwatch_comparison_operator_shape, (int)alarm->comparison_operator)), out);
    add_text("treatMissingData", alarm->treat_missing_data, out);
    add_text("evaluateLowSampleCountPercentile", alarm->evaluate_low_sample_count_percentile, out);
}

static struct str change_data(struct arena *arena, const struct cloudwatch_metric_alarm *alarm, const char *step,
                              bool whole)
{
    auto_buf out = {.ptr = NULL};

    buf_add_char(&out, '{');
    add_text("version", STR("1.0"), &out);
    add_text("type", str_of(step), &out);
    add_name(steps[step_row(step)].member, &out);
    buf_add_char(&out, '{');
    add_text("alarmName", alarm->alarm_name, &out);
    add_text("alarmArn", alarm->alarm_arn, &out);
    if (whole)
        add_text("alarmDescription", alarm->alarm_description, &out);
    add_text("stateValue", str_of(state_name(alarm)), &out);
    add_text("alarmConfigurationUpdatedTimestamp", alarm_text_time(arena, alarm->alarm_configuration_updated_timestamp),
             &out);
    if (whole) {
        add_condition(alarm, &out);
        add_boolean("actionsEnabled", alarm->actions_enabled, &out);
        add_list("okactions", &alarm->ok_actions, &out);
        add_list("alarmActions", &alarm->alarm_actions, &out);
        add_list("insufficientDataActions", &alarm->insufficient_data_actions, &out);
    }
    buf_add_cstr(&out, "}}");
    return taken(arena, &out);
}

struct str alarm_text_change_data(struct arena *arena, const struct cloudwatch_metric_alarm *alarm, const char *step)
{
    struct str whole = change_data(arena, alarm, step, /* whole= */ true);

    return whole.len <= DATA_MAX ? whole : change_data(arena, alarm, step, /* whole= */ false);
}

/* ---- actions ---- */

struct str alarm_text_action_summary(struct arena *arena, struct str action)
{
    return cut(arena_printf(arena, "Failed to execute action %.*s", STR_ARG(action)), SUMMARY_MAX);
}

struct str alarm_text_action_data(struct arena *arena, const struct cloudwatch_metric_alarm *alarm, struct str action)
{
    auto_buf out = {.ptr = NULL};

    buf_add_char(&out, '{');
    add_text("actionState", STR("Failed"), &out);
    add_text("stateUpdateTimestamp", alarm_text_time(arena, alarm->state_updated_timestamp), &out);
    add_text("notificationResource", action, &out);
    add_text("error", STR("Berth has no service that this action could reach"), &out);
    buf_add_char(&out, '}');
    return taken(arena, &out);
}

/* ---- the event ---- */

static void add_event_state(struct arena *arena, const char *name, const struct cloudwatch_metric_alarm *alarm,
                            struct buf *out)
{
    add_name(name, out);
    buf_add_char(out, '{');
    add_text("value", str_of(state_name(alarm)), out);
    add_text("reason", alarm->state_reason, out);
    add_text("reasonData", alarm->state_reason_data, out);
    add_text("timestamp", alarm_text_time(arena, alarm->state_updated_timestamp), out);
    buf_add_char(out, '}');
}

static void add_metric(const struct str namespace, struct str name, const struct cloudwatch_dimensions *dimensions,
                       struct buf *out)
{
    add_name("metric", out);
    buf_add_char(out, '{');
    add_text("namespace", namespace, out);
    add_text("name", name, out);
    add_name("dimensions", out);
    buf_add_char(out, '{');
    for (size_t i = 0; i < dimensions->count; i++) {
        buf_add_cstr(out, i == 0 ? "" : ",");
        value_json_text(dimensions->items[i].name, out);
        buf_add_char(out, ':');
        value_json_text(dimensions->items[i].value, out);
    }
    buf_add_cstr(out, "}}");
}

static void add_stat(const struct cloudwatch_metric_stat *stat, struct buf *out)
{
    add_name("metricStat", out);
    buf_add_char(out, '{');
    add_metric(stat->metric->namespace, stat->metric->metric_name, &stat->metric->dimensions, out);
    add_integer("period", stat->has_period, stat->period, out);
    add_text("stat", stat->stat, out);
    add_text("unit", str_of(enum_name(&cloudwatch_standard_unit_shape, (int)stat->unit)), out);
    buf_add_char(out, '}');
}

static void add_query(const struct cloudwatch_metric_data_query *query, struct buf *out)
{
    buf_add_char(out, '{');
    add_text("id", query->id, out);
    add_text("expression", query->expression, out);
    add_text("label", query->label, out);
    if (query->metric_stat != NULL)
        add_stat(query->metric_stat, out);
    add_integer("period", query->has_period, query->period, out);
    add_boolean("returnData", !query->has_return_data || query->return_data, out);
    buf_add_char(out, '}');
}

/* An alarm on one metric shows it as a query under an id of the alarm's own. */
static void add_one_metric(const struct alarm_record *record, struct buf *out)
{
    const struct cloudwatch_metric_alarm *alarm = record->alarm;
    struct cloudwatch_metric metric = {alarm->namespace, alarm->metric_name, alarm->dimensions};
    struct cloudwatch_metric_stat stat = {
        .metric = &metric, .stat = alarm->extended_statistic, .unit = alarm->unit, .period = alarm->period};
    struct cloudwatch_metric_data_query query = {.id = record->query_id, .metric_stat = &stat};

    stat.has_period = alarm->has_period;
    if (stat.stat.ptr == NULL)
        stat.stat = str_of(enum_name(&cloudwatch_statistic_shape, (int)alarm->statistic));
    add_query(&query, out);
}

static void add_configuration(const struct alarm_record *record, struct buf *out)
{
    const struct cloudwatch_metric_alarm *alarm = record->alarm;

    add_name("configuration", out);
    buf_add_char(out, '{');
    add_text("description", alarm->alarm_description, out);
    add_name("metrics", out);
    buf_add_char(out, '[');
    if (alarm->metrics.count == 0)
        add_one_metric(record, out);
    for (size_t i = 0; i < alarm->metrics.count; i++) {
        buf_add_cstr(out, i == 0 ? "" : ",");
        add_query(&alarm->metrics.items[i], out);
    }
    buf_add_cstr(out, "]}");
}

struct str alarm_text_event(struct arena *arena, const struct alarm_record *before, const struct alarm_record *after)
{
    auto_buf out = {.ptr = NULL};

    buf_add_char(&out, '{');
    add_text("alarmName", after->alarm->alarm_name, &out);
    add_event_state(arena, "state", after->alarm, &out);
    add_event_state(arena, "previousState", before->alarm, &out);
    add_configuration(after, &out);
    buf_add_char(&out, '}');
    return taken(arena, &out);
}
