#include "plane/events/rule.h"

#include "base/must.h"

static void rule_key(const void *record, struct buf *key)
{
    const struct rule_record *rule = record;

    key_add(key, rule->account_id);
    key_add(key, rule->region);
    key_add(key, rule->rule->name);
}

/* What events are matched against. */
static void rule_pattern_key(const void *record, struct buf *key)
{
    const struct rule_record *rule = record;

    if (!event_rule_is_enabled(rule) || rule->rule->event_pattern.ptr == NULL || rule->targets.count == 0)
        return;
    key_add(key, rule->account_id);
    key_add(key, rule->region);
}

const struct table_spec event_rule_table = {
    .name = "event_rule",
    .shape = &rule_record_shape,
    .key = rule_key,
    .indexes = {{"pattern", rule_pattern_key}},
};

/* ---- names ---- */

struct str event_rule_arn(struct arena *arena, struct str account, struct str region, struct str name)
{
    return arena_printf(arena, "arn:aws:events:%.*s:%.*s:rule/%.*s", STR_ARG(region), STR_ARG(account), STR_ARG(name));
}

struct str event_bus_arn(const struct call *call, struct str name)
{
    return arena_printf(call->arena, "arn:aws:events:%.*s:%.*s:event-bus/%.*s", STR_ARG(call->region),
                        STR_ARG(call->principal->account), STR_ARG(name));
}

struct str event_bus_name(struct str bus)
{
    size_t slash = str_find_last(bus, '/');

    if (bus.ptr == NULL)
        return STR(EVENT_BUS_NAME);
    return str_starts(bus, STR("arn:")) && slash < bus.len ? str_from(bus, slash + 1) : bus;
}

bool event_bus_check(const struct call *call, struct str bus)
{
    struct str name = event_bus_name(bus);

    if (str_is(name, EVENT_BUS_NAME) && (!str_starts(bus, STR("arn:")) || str_eq(bus, event_bus_arn(call, name))))
        return true;
    return fail_api(call->fail, EVENTS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, "Event bus %.*s does not exist.",
                    STR_ARG(name));
}

/* ---- finding ---- */

const struct rule_record *event_rule_named(const struct transaction *tx, struct str account, struct str region,
                                           struct str name)
{
    return transaction_get(tx, &event_rule_table, KEY(tx->arena, account, region, name));
}

bool event_rule_find(const struct call *call, struct str bus, struct str name, const struct rule_record **ret_rule)
{
    if (!event_bus_check(call, bus))
        return false;
    *ret_rule = event_rule_named(call->tx, call->principal->account, call->region, name);
    return *ret_rule != NULL || fail_api(call->fail, EVENTS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                                         "Rule %.*s does not exist on EventBus " EVENT_BUS_NAME ".", STR_ARG(name));
}

bool event_rule_of_arn(const struct call *call, struct str arn, const struct rule_record **ret_rule)
{
    struct str prefix = event_rule_arn(call->arena, call->principal->account, call->region, STR(""));

    if (str_starts(arn, prefix))
        return event_rule_find(call, (struct str){NULL, 0}, str_from(arn, prefix.len), ret_rule);
    return fail_api(call->fail, EVENTS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                    "There is no rule %.*s; only rules have tags.", STR_ARG(arn));
}

bool event_rule_is_enabled(const struct rule_record *rule)
{
    return rule->rule->state != EVENTS_RULE_STATE_DISABLED;
}

const struct events_target *event_rule_target(const struct rule_record *rule, struct str id)
{
    for (size_t i = 0; i < rule->targets.count; i++)
        if (str_eq(rule->targets.items[i].id, id))
            return &rule->targets.items[i];
    return NULL;
}

/* ---- schedules ---- */

void event_rule_begin_schedule(const struct transaction *tx, struct rule_record *rule)
{
    struct schedule schedule;
    int64_t due_ms;

    rule->has_begun_at = false;
    rule->has_due_at = false;
    if (rule->rule->schedule_expression.ptr == NULL || !event_rule_is_enabled(rule))
        return;
    must(schedule_read(rule->rule->schedule_expression, &schedule)); /* checked */
    SET(rule, begun_at, tx->now_ms);
    due_ms = schedule_next(&schedule, tx->now_ms, tx->now_ms);
    if (due_ms != WHEN_NEVER)
        SET(rule, due_at, due_ms);
}
