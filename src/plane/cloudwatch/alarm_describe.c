/* Alarms: showing them and their history. */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/cloudwatch/operations.h"

enum { PAGE_DEFAULT = 50, HISTORY_PAGE_DEFAULT = 100 };

#define PAGE(in, otherwise) ((in)->has_max_records ? (size_t)(in)->max_records : (size_t)(otherwise))

/* ---- DescribeAlarms ---- */

/* An absent list means metric alarms only. */
static bool wants_metric_alarms(const struct cloudwatch_alarm_types *types)
{
    for (size_t i = 0; i < types->count; i++)
        if (types->items[i] == CLOUDWATCH_ALARM_TYPE_METRIC_ALARM)
            return true;
    return types->count == 0;
}

static bool has_action(const struct cloudwatch_metric_alarm *alarm, struct str prefix)
{
    const struct cloudwatch_resource_list *const lists[] = {&alarm->ok_actions, &alarm->alarm_actions,
                                                            &alarm->insufficient_data_actions};

    for (size_t l = 0; l < COUNT_OF(lists); l++)
        for (size_t i = 0; i < lists[l]->count; i++)
            if (str_starts(lists[l]->items[i], prefix))
                return true;
    return false;
}

static bool is_wanted(const struct cloudwatch_describe_alarms_input *in, const struct cloudwatch_metric_alarm *alarm)
{
    if (in->alarm_names.count > 0 && !str_is_among(alarm->alarm_name, in->alarm_names.items, in->alarm_names.count))
        return false;
    if (in->state_value != CLOUDWATCH_STATE_VALUE_NONE && in->state_value != alarm->state_value)
        return false;
    return in->action_prefix.ptr == NULL || has_action(alarm, in->action_prefix);
}

static bool begin_walk(const struct call *call, struct str prefix, struct str token, struct walk *ret_walk)
{
    struct str all = KEY_PREFIX(call->arena, call->principal->account, call->region);
    struct str after;

    if (!page_begin(call->arena, token, CLOUDWATCH_ERROR_INVALID_NEXT_TOKEN, &after, call->fail))
        return false;
    *ret_walk = transaction_walk(call->tx, &alarm_table, NULL,
                                 arena_printf(call->arena, "%.*s%.*s", STR_ARG(all), STR_ARG(prefix)));
    if (after.ptr != NULL)
        ret_walk->at = KEY(call->arena, call->principal->account, call->region, after);
    return true;
}

static bool check_describe(const struct call *call, const struct cloudwatch_describe_alarms_input *in)
{
    if (in->children_of_alarm_name.ptr != NULL || in->parents_of_alarm_name.ptr != NULL)
        return CLOUDWATCH_UNSUPPORTED(
            call->fail, in->children_of_alarm_name.ptr != NULL ? "ChildrenOfAlarmName" : "ParentsOfAlarmName",
            "composite alarms are not built");
    return in->alarm_names.count == 0 || in->alarm_name_prefix.ptr == NULL ||
           fail_api(call->fail, CLOUDWATCH_ERROR_VALIDATION_EXCEPTION,
                    "AlarmNamePrefix and AlarmNames cannot be specified together.");
}

bool cloudwatch_describe_alarms(struct call *call, const struct cloudwatch_describe_alarms_input *in,
                                struct cloudwatch_describe_alarms_output *out)
{
    const struct alarm_record *alarm;
    struct walk walk;

    if (!check_describe(call, in) || !begin_walk(call, in->alarm_name_prefix, in->next_token, &walk))
        return false;
    out->composite_alarms.items = arena_new(call->arena, struct cloudwatch_composite_alarm);
    out->metric_alarms.items = arena_array(call->arena, struct cloudwatch_metric_alarm, PAGE(in, PAGE_DEFAULT));
    while (wants_metric_alarms(&in->alarm_types) && (alarm = walk_next(&walk)) != NULL) {
        if (!is_wanted(in, alarm->alarm))
            continue;
        if (out->metric_alarms.count == PAGE(in, PAGE_DEFAULT)) {
            out->next_token =
                page_token(call->arena, out->metric_alarms.items[out->metric_alarms.count - 1].alarm_name);
            break;
        }
        out->metric_alarms.items[out->metric_alarms.count++] = *alarm->alarm;
    }
    return true;
}

/* ---- DescribeAlarmsForMetric ---- */

static bool has_dimension(const struct cloudwatch_dimensions *dimensions, const struct cloudwatch_dimension *wanted)
{
    for (size_t i = 0; i < dimensions->count; i++)
        if (str_eq(dimensions->items[i].name, wanted->name))
            return str_eq(dimensions->items[i].value, wanted->value);
    return false;
}

/* In any order; names are there once. */
static bool same_dimensions(const struct cloudwatch_dimensions *a, const struct cloudwatch_dimensions *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!has_dimension(b, &a->items[i]))
            return false;
    return true;
}

/* Dimensions have to be the same; the rest only where the request names it. */
static bool watches(const struct cloudwatch_describe_alarms_for_metric_input *in,
                    const struct cloudwatch_metric_alarm *alarm)
{
    return same_dimensions(&in->dimensions, &alarm->dimensions) &&
           (in->statistic == CLOUDWATCH_STATISTIC_NONE || in->statistic == alarm->statistic) &&
           (in->extended_statistic.ptr == NULL || str_eq(in->extended_statistic, alarm->extended_statistic)) &&
           (!in->has_period || in->period == alarm->period) &&
           (in->unit == CLOUDWATCH_STANDARD_UNIT_NONE || in->unit == alarm->unit);
}

bool cloudwatch_describe_alarms_for_metric(struct call *call,
                                           const struct cloudwatch_describe_alarms_for_metric_input *in,
                                           struct cloudwatch_describe_alarms_for_metric_output *out)
{
    struct walk walk = transaction_walk(
        call->tx, &alarm_table, "metric",
        KEY_PREFIX(call->arena, call->principal->account, call->region, in->namespace, in->metric_name));
    size_t room = transaction_count(call->tx, &alarm_table);
    const struct alarm_record *alarm;
    struct str ignored;

    if (!metric_dimensions_text(&in->dimensions, call->arena, &ignored, call->fail))
        return false;
    out->metric_alarms.items = arena_array(call->arena, struct cloudwatch_metric_alarm, room + 1);
    while ((alarm = walk_next(&walk)) != NULL)
        if (watches(in, alarm->alarm))
            out->metric_alarms.items[out->metric_alarms.count++] = *alarm->alarm;
    return true;
}

/* ---- DescribeAlarmHistory ---- */

static bool is_told(const struct cloudwatch_describe_alarm_history_input *in,
                    const struct cloudwatch_alarm_history_item *item)
{
    if (in->alarm_name.ptr != NULL && !str_eq(in->alarm_name, item->alarm_name))
        return false;
    if (in->history_item_type != CLOUDWATCH_HISTORY_ITEM_TYPE_NONE && in->history_item_type != item->history_item_type)
        return false;
    return (!in->has_start_date || item->timestamp >= in->start_date) &&
           (!in->has_end_date || item->timestamp <= in->end_date);
}

/* Everything that the request is about, oldest first. */
struct history {
    const struct alarm_history_record **items;
    size_t count;
};

static struct history history_of(const struct call *call, const struct cloudwatch_describe_alarm_history_input *in)
{
    struct str account = call->principal->account;
    struct walk walk =
        in->alarm_name.ptr != NULL
            ? transaction_walk(call->tx, &alarm_history_table, "alarm",
                               KEY_PREFIX(call->arena, account, call->region, in->alarm_name))
            : transaction_walk(call->tx, &alarm_history_table, NULL, KEY_PREFIX(call->arena, account, call->region));
    size_t room = transaction_count(call->tx, &alarm_history_table);
    struct history history = {arena_array(call->arena, const struct alarm_history_record *, room + 1), 0};
    const struct alarm_history_record *record;

    while ((record = walk_next(&walk)) != NULL)
        if (is_told(in, record->item))
            history.items[history.count++] = record;
    return history;
}

/* Whether a record stands behind the one that the page before ended with. */
static bool is_behind(const struct cloudwatch_describe_alarm_history_input *in, int64_t number, int64_t last)
{
    return in->scan_by == CLOUDWATCH_SCAN_BY_TIMESTAMP_ASCENDING ? number > last : number < last;
}

bool cloudwatch_describe_alarm_history(struct call *call, const struct cloudwatch_describe_alarm_history_input *in,
                                       struct cloudwatch_describe_alarm_history_output *out)
{
    bool ascending = in->scan_by == CLOUDWATCH_SCAN_BY_TIMESTAMP_ASCENDING;
    struct history history;
    struct str after;
    int64_t last = 0;

    if (in->alarm_contributor_id.ptr != NULL)
        return CLOUDWATCH_UNSUPPORTED(call->fail, "AlarmContributorId", "alarms have no contributors");
    if (!page_begin(call->arena, in->next_token, CLOUDWATCH_ERROR_INVALID_NEXT_TOKEN, &after, call->fail))
        return false;
    if (after.ptr != NULL && !str_to_int64(after, &last))
        return fail_api(call->fail, CLOUDWATCH_ERROR_INVALID_NEXT_TOKEN, "Invalid token: %.*s",
                        STR_ARG(in->next_token));
    history = wants_metric_alarms(&in->alarm_types) ? history_of(call, in) : (struct history){NULL, 0};
    out->alarm_history_items.items =
        arena_array(call->arena, struct cloudwatch_alarm_history_item, PAGE(in, HISTORY_PAGE_DEFAULT));
    for (size_t i = 0; i < history.count; i++) {
        const struct alarm_history_record *record = history.items[ascending ? i : history.count - 1 - i];

        if (after.ptr != NULL && !is_behind(in, record->number, last))
            continue;
        if (out->alarm_history_items.count == PAGE(in, HISTORY_PAGE_DEFAULT)) {
            out->next_token = page_token(call->arena, arena_printf(call->arena, "%lld", (long long)last));
            break;
        }
        out->alarm_history_items.items[out->alarm_history_items.count++] = *record->item;
        last = record->number;
        after = (struct str){NULL, 0}; /* the rest follows */
    }
    return true;
}
