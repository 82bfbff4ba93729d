/* Alarms: making, setting, deleting. */
#include "base/must.h"
#include "plane/cloudwatch/alarm_check.h"
#include "plane/cloudwatch/alarm_text.h"

/* "CloudWatch service quotas": metric alarms of a region; one request deletes or switches a hundred. */
enum { ALARMS_MAX = 5000 };

static const struct alarm_record *mine(const struct call *call, struct str name)
{
    return alarm_named(call->tx, call->principal->account, call->region, name);
}

static void note_change(const struct call *call, const struct alarm_record *alarm, const char *step)
{
    alarm_history_add(call->tx, alarm, CLOUDWATCH_HISTORY_ITEM_TYPE_CONFIGURATION_UPDATE,
                      alarm_text_change_summary(call->arena, alarm->alarm, step),
                      alarm_text_change_data(call->arena, alarm->alarm, step));
}

/* ---- PutMetricAlarm ---- */

static bool check_count(const struct call *call)
{
    struct walk walk =
        transaction_walk(call->tx, &alarm_table, NULL, KEY_PREFIX(call->arena, call->principal->account, call->region));
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count < ALARMS_MAX || fail_api(call->fail, CLOUDWATCH_ERROR_LIMIT_EXCEEDED_FAULT,
                                          "The maximum limit of %d alarms exceeded", ALARMS_MAX);
}

/* Lists that are shown are never absent. */
static struct cloudwatch_resource_list list_of(const struct call *call, struct cloudwatch_resource_list list)
{
    if (list.items == NULL)
        list.items = arena_new(call->arena, struct str);
    return list;
}

static void configure(const struct call *call, const struct cloudwatch_put_metric_alarm_input *in,
                      struct cloudwatch_metric_alarm *alarm)
{
    *alarm = (struct cloudwatch_metric_alarm){
        .alarm_name = in->alarm_name,
        .alarm_arn = alarm_arn(call->arena, call->principal->account, call->region, in->alarm_name),
        .alarm_description = in->alarm_description,
        .ok_actions = list_of(call, in->ok_actions),
        .alarm_actions = list_of(call, in->alarm_actions),
        .insufficient_data_actions = list_of(call, in->insufficient_data_actions),
        .metric_name = in->metric_name,
        .namespace = in->namespace,
        .statistic = in->statistic,
        .extended_statistic = in->extended_statistic,
        .dimensions = in->dimensions,
        .period = in->period,
        .has_period = in->has_period,
        .unit = in->unit,
        .evaluation_periods = in->evaluation_periods,
        .has_evaluation_periods = true,
        .datapoints_to_alarm = in->datapoints_to_alarm,
        .has_datapoints_to_alarm = in->has_datapoints_to_alarm,
        .threshold = in->threshold,
        .has_threshold = true,
        .comparison_operator = in->comparison_operator,
        .treat_missing_data = in->treat_missing_data,
        .evaluate_low_sample_count_percentile = in->evaluate_low_sample_count_percentile,
        .metrics = in->metrics,
        .evaluation_window = in->evaluation_window,
    };
    if (alarm->treat_missing_data.ptr == NULL)
        alarm->treat_missing_data = STR("missing");
    if (alarm->dimensions.items == NULL && in->metrics.items == NULL)
        alarm->dimensions.items = arena_new(call->arena, struct cloudwatch_dimension);
    SET(alarm, actions_enabled, !in->has_actions_enabled || in->actions_enabled);
    SET(alarm, alarm_configuration_updated_timestamp, call->tx->now_ms);
}

static void begin_state(const struct call *call, struct cloudwatch_metric_alarm *alarm)
{
    alarm->state_value = CLOUDWATCH_STATE_VALUE_INSUFFICIENT_DATA;
    alarm->state_reason = STR("Unchecked: Initial alarm creation");
    SET(alarm, state_updated_timestamp, call->tx->now_ms);
    SET(alarm, state_transitioned_timestamp, call->tx->now_ms);
}

static void keep_state(const struct cloudwatch_metric_alarm *old, struct cloudwatch_metric_alarm *alarm)
{
    alarm->state_value = old->state_value;
    alarm->state_reason = old->state_reason;
    alarm->state_reason_data = old->state_reason_data;
    SET(alarm, state_updated_timestamp, old->state_updated_timestamp);
    SET(alarm, state_transitioned_timestamp, old->state_transitioned_timestamp);
}

/* Of an alarm that exists, all but its state and its tags is replaced. */
bool cloudwatch_put_metric_alarm(struct call *call, const struct cloudwatch_put_metric_alarm_input *in,
                                 struct nothing *out)
{
    const struct alarm_record *old = mine(call, in->alarm_name);
    struct alarm_record record = {.account_id = call->principal->account, .region = call->region};
    struct cloudwatch_metric_alarm alarm;

    (void)out;
    if (!alarm_check(call, in) ||
        (old == NULL && (!check_count(call) || !alarm_tags_merge(call, &record.tags, &in->tags, &record.tags))))
        return false;
    configure(call, in, &alarm);
    if (old == NULL) {
        begin_state(call, &alarm);
        record.query_id = random_uuid(call->tx->random, call->arena);
    } else {
        keep_state(old->alarm, &alarm);
        record = *old;
    }
    record.alarm = &alarm;
    note_change(call, &record, old == NULL ? "Create" : "Update");
    must(transaction_put(call->tx, &alarm_table, &record));
    return true;
}

/* ---- DeleteAlarms ---- */

/* All or none. */
bool cloudwatch_delete_alarms(struct call *call, const struct cloudwatch_delete_alarms_input *in, struct nothing *out)
{
    (void)out;
    for (size_t i = 0; i < in->alarm_names.count; i++)
        if (mine(call, in->alarm_names.items[i]) == NULL)
            return fail_api(call->fail, CLOUDWATCH_ERROR_RESOURCE_NOT_FOUND, "Resource not found for alarm %.*s",
                            STR_ARG(in->alarm_names.items[i]));
    for (size_t i = 0; i < in->alarm_names.count; i++) {
        const struct alarm_record *alarm = mine(call, in->alarm_names.items[i]);

        if (alarm == NULL)
            continue; /* named twice */
        note_change(call, alarm, "Delete");
        transaction_delete(call->tx, &alarm_table,
                           KEY(call->arena, call->principal->account, call->region, in->alarm_names.items[i]));
    }
    return true;
}

/* ---- SetAlarmState ---- */

bool cloudwatch_set_alarm_state(struct call *call, const struct cloudwatch_set_alarm_state_input *in,
                                struct nothing *out)
{
    const struct alarm_record *alarm = mine(call, in->alarm_name);

    (void)out;
    if (alarm == NULL)
        return fail_api(call->fail, CLOUDWATCH_ERROR_RESOURCE_NOT_FOUND, "Alarm %.*s does not exist",
                        STR_ARG(in->alarm_name));
    alarm_move(call->tx, alarm, &(struct alarm_verdict){in->state_value, in->state_reason, in->state_reason_data},
               /* told= */ true);
    return true;
}

/* ---- EnableAlarmActions, DisableAlarmActions ---- */

/* Names of alarms that are not there are passed over, as AWS does. */
static void switch_actions(const struct call *call, const struct cloudwatch_alarm_names *names, bool enabled)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct alarm_record *old = mine(call, names->items[i]);
        struct cloudwatch_metric_alarm alarm;
        struct alarm_record record;

        if (old == NULL || old->alarm->actions_enabled == enabled)
            continue;
        alarm = *old->alarm;
        record = *old;
        record.alarm = &alarm;
        SET(&alarm, actions_enabled, enabled);
        SET(&alarm, alarm_configuration_updated_timestamp, call->tx->now_ms);
        note_change(call, &record, "Update");
        must(transaction_put(call->tx, &alarm_table, &record));
    }
}

bool cloudwatch_enable_alarm_actions(struct call *call, const struct cloudwatch_enable_alarm_actions_input *in,
                                     struct nothing *out)
{
    (void)out;
    switch_actions(call, &in->alarm_names, true);
    return true;
}

bool cloudwatch_disable_alarm_actions(struct call *call, const struct cloudwatch_disable_alarm_actions_input *in,
                                      struct nothing *out)
{
    (void)out;
    switch_actions(call, &in->alarm_names, false);
    return true;
}
