/* Schedules: fires rules when they are due. What was missed while nobody was there is made up for once, not once for
 * each time: a rule that is late fires and then waits for its next time from now. A rate whose next time is farther
 * away than its period counts from now on: the clock was set back since (or ran faster before a restart, --clock-rate).
 */
#include "base/must.h"
#include "plane/events/event.h"
#include "plane/events/rule.h"

static void fire(struct transaction *tx, const struct rule_record *rule)
{
    const struct event event = {.account = rule->account_id,
                                .region = rule->region,
                                .source = STR("aws.events"),
                                .detail_type = STR("Scheduled Event"),
                                .when_ms = rule->due_at,
                                .resources = &rule->rule->arn,
                                .resource_count = 1,
                                .detail = STR("{}")};

    event_publish_to(tx, &event, rule);
}

static bool waits_too_long(const struct transaction *tx, const struct rule_record *rule)
{
    struct schedule schedule;

    must(schedule_read(rule->rule->schedule_expression, &schedule));
    return schedule.period_ms > 0 && rule->due_at - tx->now_ms > schedule.period_ms;
}

static int64_t begin_anew(struct transaction *tx, const struct rule_record *rule)
{
    struct rule_record next = *rule;

    event_rule_begin_schedule(tx, &next);
    must(transaction_put(tx, &event_rule_table, &next));
    return next.due_at;
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct rule_record *rule = transaction_get(tx, &event_rule_table, key);
    struct schedule schedule;
    struct rule_record next;
    int64_t due_ms;

    if (rule == NULL || !rule->has_due_at)
        return WHEN_NEVER;
    if (waits_too_long(tx, rule))
        return begin_anew(tx, rule);
    if (tx->now_ms < rule->due_at)
        return rule->due_at;
    fire(tx, rule);
    must(schedule_read(rule->rule->schedule_expression, &schedule));
    due_ms = schedule_next(&schedule, rule->begun_at, tx->now_ms);
    next = *rule;
    next.has_due_at = due_ms != WHEN_NEVER;
    next.due_at = next.has_due_at ? due_ms : 0;
    must(transaction_put(tx, &event_rule_table, &next));
    return due_ms;
}

const struct reconciler_spec event_rule_reconciler = {"event_rule", &event_rule_table, reconcile};
