#include "plane/cloudwatch/alarm.h"

#include "base/must.h"
#include "plane/cloudwatch/alarm_text.h"

/* ---- tables ---- */

static void alarm_key(const void *record, struct buf *key)
{
    const struct alarm_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->alarm->alarm_name);
}

/* Alarms on expressions stand under no metric. */
static void alarm_metric_key(const void *record, struct buf *key)
{
    const struct alarm_record *of = record;

    if (of->alarm->metric_name.ptr == NULL)
        return;
    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->alarm->namespace);
    key_add(key, of->alarm->metric_name);
}

static void history_key(const void *record, struct buf *key)
{
    const struct alarm_history_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add_number(key, of->number);
}

static void history_alarm_key(const void *record, struct buf *key)
{
    const struct alarm_history_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->item->alarm_name);
}

const struct table_spec alarm_table = {
    .name = "alarm", .shape = &alarm_record_shape, .key = alarm_key, .indexes = {{"metric", alarm_metric_key}}};
const struct table_spec alarm_history_table = {.name = "alarm_history",
                                               .shape = &alarm_history_record_shape,
                                               .key = history_key,
                                               .indexes = {{"alarm", history_alarm_key}}};

/* ---- for others ---- */

const struct alarm_record *alarm_named(const struct transaction *tx, struct str account, struct str region,
                                       struct str name)
{
    return transaction_get(tx, &alarm_table, KEY(tx->arena, account, region, name));
}

enum cloudwatch_state_value alarm_state(const struct transaction *tx, struct str account, struct str region,
                                        struct str name)
{
    const struct alarm_record *alarm = alarm_named(tx, account, region, name);

    return alarm == NULL ? CLOUDWATCH_STATE_VALUE_NONE : alarm->alarm->state_value;
}

bool alarm_has_moved(const struct alarm_record *before, const struct alarm_record *after)
{
    if (before == NULL || after == NULL)
        return before != after;
    return before->alarm->state_value != after->alarm->state_value;
}

struct str alarm_arn(struct arena *arena, struct str account, struct str region, struct str name)
{
    return arena_printf(arena, "arn:aws:cloudwatch:%.*s:%.*s:alarm:%.*s", STR_ARG(region), STR_ARG(account),
                        STR_ARG(name));
}

/* ---- history ---- */

/* "Using Amazon CloudWatch alarms": history is kept for 30 days, also of alarms that are deleted. HISTORY_MAX is ours:
 * of an installation, so that alarms that flap do not fill the store. */
enum { HISTORY_DAYS = 30, HISTORY_MAX = 100000, FORGET_AT_ONCE = 8 };

/* More at a time than come in, so that it never falls behind. */
static void forget_some(struct transaction *tx, struct str account, struct str region)
{
    struct walk walk = transaction_walk(tx, &alarm_history_table, NULL, KEY_PREFIX(tx->arena, account, region));

    for (size_t i = 0; i < FORGET_AT_ONCE; i++) {
        const struct alarm_history_record *oldest = walk_next(&walk);

        if (oldest == NULL || (oldest->item->timestamp > tx->now_ms - HISTORY_DAYS * DAY_MS &&
                               transaction_count(tx, &alarm_history_table) < HISTORY_MAX))
            return;
        transaction_delete(tx, &alarm_history_table, walk.at);
    }
}

void alarm_history_add(struct transaction *tx, const struct alarm_record *alarm, enum cloudwatch_history_item_type type,
                       struct str summary, struct str data)
{
    struct cloudwatch_alarm_history_item item = {.alarm_name = alarm->alarm->alarm_name,
                                                 .alarm_type = CLOUDWATCH_ALARM_TYPE_METRIC_ALARM,
                                                 .history_item_type = type,
                                                 .history_summary = summary,
                                                 .history_data = data};
    struct alarm_history_record record = {.account_id = alarm->account_id, .region = alarm->region, .item = &item};

    forget_some(tx, alarm->account_id, alarm->region);
    SET(&item, timestamp, tx->now_ms);
    SET(&record, number, transaction_number(tx));
    must(transaction_put(tx, &alarm_history_table, &record));
}

/* ---- moving ---- */

static const struct cloudwatch_resource_list *actions_of(const struct cloudwatch_metric_alarm *alarm,
                                                         enum cloudwatch_state_value state)
{
    switch (state) {
    case CLOUDWATCH_STATE_VALUE_ALARM:
        return &alarm->alarm_actions;
    case CLOUDWATCH_STATE_VALUE_OK:
        return &alarm->ok_actions;
    case CLOUDWATCH_STATE_VALUE_INSUFFICIENT_DATA:
    case CLOUDWATCH_STATE_VALUE_NONE:
        break;
    }
    return &alarm->insufficient_data_actions;
}

/* No service that an action could name is there yet, which the history says. */
static void try_actions(struct transaction *tx, const struct alarm_record *alarm)
{
    const struct cloudwatch_resource_list *actions = actions_of(alarm->alarm, alarm->alarm->state_value);

    for (size_t i = 0; alarm->alarm->actions_enabled && i < actions->count; i++)
        alarm_history_add(tx, alarm, CLOUDWATCH_HISTORY_ITEM_TYPE_ACTION,
                          alarm_text_action_summary(tx->arena, actions->items[i]),
                          alarm_text_action_data(tx->arena, alarm->alarm, actions->items[i]));
}

void alarm_move(struct transaction *tx, const struct alarm_record *alarm, const struct alarm_verdict *verdict,
                bool told)
{
    struct cloudwatch_metric_alarm moved = *alarm->alarm;
    struct alarm_record record = *alarm;
    bool is_news = moved.state_value != verdict->state;

    if (!is_news && !told)
        return;
    moved.state_value = verdict->state;
    moved.state_reason = verdict->reason;
    moved.state_reason_data = verdict->reason_data;
    SET(&moved, state_updated_timestamp, tx->now_ms);
    if (is_news)
        SET(&moved, state_transitioned_timestamp, tx->now_ms);
    record.alarm = &moved;
    if (is_news) {
        alarm_history_add(tx, &record, CLOUDWATCH_HISTORY_ITEM_TYPE_STATE_UPDATE,
                          alarm_text_move_summary(tx->arena, alarm->alarm, &moved),
                          alarm_text_move_data(tx->arena, alarm->alarm, &moved));
        try_actions(tx, &record);
    }
    must(transaction_put(tx, &alarm_table, &record));
}
