#include "plane/events/rule.h"

#include "base/must.h"

static void rule_key(const void *record, struct buf *key)
{
    const struct rule_record *rule = record;

    key_add(key, rule->account_id);
    key_add(key, rule->region);
    if (event_bus_is_default(rule->rule->event_bus_name)) {
        key_add(key, rule->rule->name);
        return;
    }
    key_add(key, rule->rule->event_bus_name);
    buf_add_char(key, '/');
    buf_add(key, rule->rule->name);
}

/* What events are matched against. */
static void rule_pattern_key(const void *record, struct buf *key)
{
    const struct rule_record *rule = record;

    if (!event_rule_is_enabled(rule) || rule->rule->event_pattern.ptr == NULL || rule->targets.count == 0)
        return;
    key_add(key, rule->account_id);
    key_add(key, rule->region);
    key_add(key, event_bus_name(rule->rule->event_bus_name));
}

const struct table_spec event_rule_table = {
    .name = "event_rule",
    .shape = &rule_record_shape,
    .key = rule_key,
    .indexes = {{"pattern", rule_pattern_key}},
};

/* ---- names ---- */

struct str event_rule_id(struct arena *arena, struct str bus, struct str name)
{
    return event_bus_is_default(bus) ? name : arena_printf(arena, "%.*s/%.*s", STR_ARG(bus), STR_ARG(name));
}

struct str event_rule_id_of(struct arena *arena, const struct rule_record *rule)
{
    return event_rule_id(arena, rule->rule->event_bus_name, rule->rule->name);
}

struct str event_rule_arn(struct arena *arena, struct str account, struct str region, struct str id)
{
    return arena_printf(arena, "arn:aws:events:%.*s:%.*s:rule/%.*s", STR_ARG(region), STR_ARG(account), STR_ARG(id));
}

/* ---- finding ---- */

const struct rule_record *event_rule_named(const struct transaction *tx, struct str account, struct str region,
                                           struct str id)
{
    return transaction_get(tx, &event_rule_table, KEY(tx->arena, account, region, id));
}

static bool rule_missing(const struct call *call, struct str bus, struct str name)
{
    return fail_api(call->fail, EVENTS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, "Rule %.*s does not exist on EventBus %.*s.",
                    STR_ARG(name), STR_ARG(bus));
}

bool event_rule_find(const struct call *call, struct str bus, struct str name, const struct rule_record **ret_rule)
{
    struct str bus_name = event_bus_name(bus);

    if (!event_bus_check(call, bus))
        return false;
    *ret_rule =
        event_rule_named(call->tx, call->principal->account, call->region, event_rule_id(call->arena, bus_name, name));
    return *ret_rule != NULL || rule_missing(call, bus_name, name);
}

const struct rule_record *event_rule_of_arn(const struct call *call, struct str arn)
{
    struct str prefix = event_rule_arn(call->arena, call->principal->account, call->region, STR(""));

    return !str_starts(arn, prefix)
               ? NULL
               : event_rule_named(call->tx, call->principal->account, call->region, str_from(arn, prefix.len));
}

struct walk event_rules_walk(const struct call *call, struct str bus, struct str prefix)
{
    struct str all = KEY_PREFIX(call->arena, call->principal->account, call->region);
    struct str id = event_rule_id(call->arena, bus, prefix);

    return transaction_walk(call->tx, &event_rule_table, NULL,
                            arena_printf(call->arena, "%.*s%.*s", STR_ARG(all), STR_ARG(id)));
}

/* Among the keys of the default bus's rules stand those of the others. */
const struct rule_record *event_rules_next(struct walk *walk, struct str bus)
{
    const struct rule_record *rule;

    do
        rule = walk_next(walk);
    while (rule != NULL && !str_eq(event_bus_name(rule->rule->event_bus_name), bus));
    return rule;
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
