/* Rules: making, changing, listing. */
#include "base/must.h"
#include "plane/events/event_pattern.h"
#include "plane/events/operations.h"

/* ---- PutRule ---- */

static bool check_pattern(const struct call *call, struct str text)
{
    const struct event_pattern *pattern;
    struct arena arena;
    bool good;

    if (text.ptr == NULL)
        return true;
    arena_init(&arena, EVENT_PATTERN_ARENA_BYTES);
    good = event_pattern_read(text, &arena, &pattern, call->fail);
    arena_free(&arena);
    return good;
}

static bool check_schedule(const struct call *call, struct str text)
{
    struct schedule schedule;

    return text.ptr == NULL || schedule_read(text, &schedule) ||
           fail_api(call->fail, EVENTS_VALIDATION, "Parameter ScheduleExpression is not valid.");
}

static bool check_rule(const struct call *call, const struct events_put_rule_request *in)
{
    if (!event_bus_check(call, in->event_bus_name))
        return false;
    if (in->event_pattern.len == 0 && in->schedule_expression.len == 0)
        return fail_api(call->fail, EVENTS_VALIDATION,
                        "Parameter(s) EventPattern or ScheduleExpression must be specified.");
    if (in->schedule_expression.len > 0 && !event_bus_is_default(event_bus_name(in->event_bus_name)))
        return fail_api(call->fail, EVENTS_VALIDATION,
                        "ScheduleExpression is supported only on the default event bus.");
    if (in->state == EVENTS_RULE_STATE_ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS)
        return EVENTS_UNSUPPORTED(call, "State", "events of CloudTrail are not put on the bus");
    return check_schedule(call, in->schedule_expression.len == 0 ? (struct str){NULL, 0} : in->schedule_expression) &&
           check_pattern(call, in->event_pattern.len == 0 ? (struct str){NULL, 0} : in->event_pattern);
}

static bool check_count(const struct call *call, struct str bus)
{
    struct walk walk = event_rules_walk(call, bus, (struct str){NULL, 0});
    size_t count = 0;

    while (event_rules_next(&walk, bus) != NULL)
        count++;
    return count < RULES_MAX || fail_api(call->fail, EVENTS_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                                         "The requested resource exceeds the maximum number allowed.");
}

/* A schedule that goes on as it was keeps its beat. */
static bool is_same_schedule(const struct rule_record *old, const struct events_rule *new)
{
    return old != NULL && event_rule_is_enabled(old) &&
           new->state != EVENTS_RULE_STATE_DISABLED &&str_eq(old->rule->schedule_expression, new->schedule_expression);
}

/* Of a rule that exists, all but targets and tags is replaced. */
bool events_put_rule(struct call *call, const struct events_put_rule_request *in, struct events_put_rule_response *out)
{
    struct str bus = event_bus_name(in->event_bus_name);
    struct str id = event_rule_id(call->arena, bus, in->name);
    struct str arn = event_rule_arn(call->arena, call->principal->account, call->region, id);
    const struct rule_record *old = event_rule_named(call->tx, call->principal->account, call->region, id);
    struct events_rule rule = {
        .name = in->name,
        .arn = arn,
        .state = in->state == EVENTS_RULE_STATE_NONE ? EVENTS_RULE_STATE_ENABLED : in->state,
        .description = in->description,
        .role_arn = in->role_arn,
        .event_bus_name = bus,
    };
    struct rule_record record = {.account_id = call->principal->account, .region = call->region};

    if (!check_rule(call, in) || (old == NULL && !check_count(call, bus)) ||
        (old == NULL && !event_tags_merge(call, &record.tags, &in->tags, &record.tags)))
        return false;
    if (in->event_pattern.len > 0)
        rule.event_pattern = in->event_pattern;
    if (in->schedule_expression.len > 0)
        rule.schedule_expression = in->schedule_expression;
    if (old != NULL)
        record = *old;
    record.rule = &rule;
    if (!is_same_schedule(old, &rule))
        event_rule_begin_schedule(call->tx, &record);
    must(transaction_put(call->tx, &event_rule_table, &record));
    out->rule_arn = arn;
    return true;
}

/* ---- EnableRule, DisableRule ---- */

static bool set_state(struct call *call, struct str bus, struct str name, enum events_rule_state state)
{
    const struct rule_record *old;
    struct rule_record record;
    struct events_rule rule;

    if (!event_rule_find(call, bus, name, &old))
        return false;
    if (old->rule->state == state)
        return true;
    record = *old;
    rule = *old->rule;
    rule.state = state;
    record.rule = &rule;
    event_rule_begin_schedule(call->tx, &record);
    must(transaction_put(call->tx, &event_rule_table, &record));
    return true;
}

bool events_enable_rule(struct call *call, const struct events_enable_rule_request *in, struct nothing *out)
{
    (void)out;
    return set_state(call, in->event_bus_name, in->name, EVENTS_RULE_STATE_ENABLED);
}

bool events_disable_rule(struct call *call, const struct events_disable_rule_request *in, struct nothing *out)
{
    (void)out;
    return set_state(call, in->event_bus_name, in->name, EVENTS_RULE_STATE_DISABLED);
}

/* ---- DeleteRule ---- */

/* A rule that does not exist is deleted already. */
bool events_delete_rule(struct call *call, const struct events_delete_rule_request *in, struct nothing *out)
{
    struct str id = event_rule_id(call->arena, event_bus_name(in->event_bus_name), in->name);
    const struct rule_record *rule;

    (void)out;
    if (!event_bus_check(call, in->event_bus_name))
        return false;
    rule = event_rule_named(call->tx, call->principal->account, call->region, id);
    if (rule == NULL)
        return true;
    if (rule->targets.count > 0)
        return fail_api(call->fail, EVENTS_VALIDATION, "Rule can't be deleted since it has targets.");
    transaction_delete(call->tx, &event_rule_table, KEY(call->arena, rule->account_id, rule->region, id));
    return true;
}

/* ---- showing ---- */

bool events_describe_rule(struct call *call, const struct events_describe_rule_request *in,
                          struct events_describe_rule_response *out)
{
    const struct rule_record *rule;

    if (!event_rule_find(call, in->event_bus_name, in->name, &rule))
        return false;
    *out = (struct events_describe_rule_response){
        .name = rule->rule->name,
        .arn = rule->rule->arn,
        .event_pattern = rule->rule->event_pattern,
        .schedule_expression = rule->rule->schedule_expression,
        .state = rule->rule->state,
        .description = rule->rule->description,
        .role_arn = rule->rule->role_arn,
        .event_bus_name = rule->rule->event_bus_name,
        .created_by = rule->account_id,
    };
    return true;
}

/* The rules of a bus by name, behind that of the token. */
static bool begin_list(const struct call *call, struct str bus, struct str prefix, struct str token,
                       struct walk *ret_walk)
{
    struct str after;

    if (!event_bus_check(call, bus) || !page_begin(call->arena, token, EVENTS_VALIDATION, &after, call->fail))
        return false;
    *ret_walk = event_rules_walk(call, event_bus_name(bus), prefix);
    if (after.ptr != NULL)
        ret_walk->at = KEY(call->arena, call->principal->account, call->region,
                           event_rule_id(call->arena, event_bus_name(bus), after));
    return true;
}

bool events_list_rules(struct call *call, const struct events_list_rules_request *in,
                       struct events_list_rules_response *out)
{
    const struct rule_record *rule;
    struct walk walk;

    if (!begin_list(call, in->event_bus_name, in->name_prefix, in->next_token, &walk))
        return false;
    out->rules.items = arena_array(call->arena, struct events_rule, EVENTS_PAGE(in));
    while ((rule = event_rules_next(&walk, event_bus_name(in->event_bus_name))) != NULL) {
        if (out->rules.count == EVENTS_PAGE(in)) {
            out->next_token = page_token(call->arena, out->rules.items[out->rules.count - 1].name);
            break;
        }
        out->rules.items[out->rules.count++] = *rule->rule;
    }
    return true;
}

static bool has_target(const struct rule_record *rule, struct str arn)
{
    for (size_t i = 0; i < rule->targets.count; i++)
        if (str_eq(rule->targets.items[i].arn, arn))
            return true;
    return false;
}

bool events_list_rule_names_by_target(struct call *call, const struct events_list_rule_names_by_target_request *in,
                                      struct events_list_rule_names_by_target_response *out)
{
    const struct rule_record *rule;
    struct walk walk;

    if (!begin_list(call, in->event_bus_name, (struct str){NULL, 0}, in->next_token, &walk))
        return false;
    out->rule_names.items = arena_array(call->arena, struct str, EVENTS_PAGE(in));
    while ((rule = event_rules_next(&walk, event_bus_name(in->event_bus_name))) != NULL) {
        if (!has_target(rule, in->target_arn))
            continue;
        if (out->rule_names.count == EVENTS_PAGE(in)) {
            out->next_token = page_token(call->arena, out->rule_names.items[out->rule_names.count - 1]);
            break;
        }
        out->rule_names.items[out->rule_names.count++] = rule->rule->name;
    }
    return true;
}
