/* Log groups as targets ("CloudWatch Logs log groups as targets", user guide): what the group's account lets
 * EventBridge write goes into one stream a rule and target. The events themselves are bulk: a port writes them. */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/events/delivery.h"
#include "plane/events/input.h"
#include "plane/events/rule.h"
#include "plane/logs/json_text.h"
#include "plane/logs/logs.h"

static struct str group_name(const struct delivery *delivery)
{
    struct str name = str_from(delivery->target->arn, str_search(delivery->target->arn, STR(":log-group:")) + 11);

    return str_ends(name, STR(":*")) ? str_to(name, name.len - 2) : name;
}

/* The same for each event of a rule and target, of the form that EventBridge's streams have. */
static struct str stream_name(struct arena *arena, const struct delivery *delivery)
{
    struct str rule = event_rule_id_of(arena, delivery->rule);

    return arena_printf(arena, "%.*s/%.*s", STR_ARG(rule), STR_ARG(delivery->target->id));
}

/* ---- what is written ---- */

static bool find_member(struct json_value object, const char *name, struct json_value *ret_value)
{
    struct json_text_walk walk = json_text_walk(object);
    struct str key;

    while (object.kind == JSON_OBJECT && json_text_next(&walk, &key, ret_value))
        if (json_text_string_is(key, str_of(name)))
            return true;
    return false;
}

/* A transformed input says time and text itself: {"timestamp": ..., "message": ...}. */
static void use_transformed(struct str input, struct arena *arena, struct event_log_line *line)
{
    struct json_value value;
    struct json_value message;
    struct json_value timestamp;
    int64_t ms;

    if (!json_text_read(input, &value) || !find_member(value, "message", &message) ||
        !find_member(value, "timestamp", &timestamp))
        return;
    line->message =
        message.kind == JSON_STRING ? json_text_string(message.raw, arena_alloc(arena, message.raw.len)) : message.raw;
    if (str_to_int64(timestamp.raw, &ms) && ms >= 0)
        SET(line, at, ms);
}

static void fill(struct transaction *tx, const struct delivery *delivery, struct event_log_line *line)
{
    const struct input_context context = {
        .event = delivery->record->event,
        .rule_arn = delivery->rule->rule->arn,
        .rule_name = delivery->rule->rule->name,
        .ingested = when_to_iso8601(tx->arena, delivery->record->made_at),
    };

    line->message = target_input(delivery->target, &context, tx->arena);
    SET(line, at, delivery->record->event_at);
    if (delivery->target->input_transformer != NULL)
        use_transformed(line->message, tx->arena, line);
}

/* ---- the delivery ---- */

static struct str delivery_key_of(const struct transaction *tx, const struct delivery_record *record)
{
    auto_buf key = {.ptr = NULL};

    delivery_table.key(record, &key);
    return arena_str(tx->arena, buf_str(&key));
}

static void send(struct transaction *tx, const struct delivery *delivery, const struct log_stream_key *stream)
{
    struct event_log_line line = {.account_id = stream->group.account,
                                  .region = stream->group.region,
                                  .group = stream->group.group,
                                  .stream = stream->stream};
    auto_buf bytes = {.ptr = NULL};

    fill(tx, delivery, &line);
    SET(&line, ingested_at, tx->now_ms);
    value_encode(&event_log_line_shape, &line, &bytes);
    must(!bytes.overflowed);
    transaction_effect(tx, EVENT_LOG_EFFECT, delivery_key_of(tx, delivery->record), buf_str(&bytes));
}

enum delivery_outcome target_log_deliver(struct transaction *tx, const struct delivery *delivery, struct fail *f)
{
    const struct delivery_record *record = delivery->record;
    struct str name = group_name(delivery);
    const struct log_group_record *group =
        transaction_get(tx, &log_group_table, KEY(tx->arena, record->account_id, record->region, name));
    const struct log_stream_record *stream;
    struct log_stream_key key;

    if (group == NULL) {
        (void)fail(f, FAIL_NOT_FOUND, "there is no log group %.*s", STR_ARG(name));
        return DELIVERY_REFUSED;
    }
    if (!log_group_lets(tx, group, EVENTS_SERVICE, delivery->rule->rule->arn, "logs:CreateLogStream") ||
        !log_group_lets(tx, group, EVENTS_SERVICE, delivery->rule->rule->arn, "logs:PutLogEvents")) {
        (void)fail(f, FAIL_DENIED, "no resource policy of CloudWatch Logs lets %s write into log group %.*s",
                   EVENTS_SERVICE, STR_ARG(name));
        return DELIVERY_REFUSED;
    }
    stream = log_stream_ensure(tx, group, stream_name(tx->arena, delivery));
    key = log_stream_store_key(tx->arena, group, stream);
    send(tx, delivery, &key);
    return DELIVERY_UNDER_WAY;
}
