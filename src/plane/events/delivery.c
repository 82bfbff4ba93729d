#include "plane/events/delivery.h"

#include "base/must.h"
#include "plane/events/rule.h"

/* ---- the table ---- */

static void delivery_key(const void *record, struct buf *key)
{
    const struct delivery_record *delivery = record;

    key_add(key, delivery->account_id);
    key_add(key, delivery->region);
    key_add_number(key, delivery->number);
}

const struct table_spec delivery_table = {
    .name = "event_delivery", .shape = &delivery_record_shape, .key = delivery_key};

/* ---- retries ---- */

/* "RetryPolicy" (API reference): how often and how long. */
enum { ATTEMPTS_DEFAULT = 185 };
#define AGE_DEFAULT_MS   (24 * HOUR_MS)
#define RETRY_FIRST_MS   SECOND_MS
#define RETRY_LONGEST_MS (10 * MINUTE_MS)

static bool is_over(const struct transaction *tx, const struct delivery_record *delivery,
                    const struct events_target *target)
{
    const struct events_retry_policy *policy = target->retry_policy;
    int32_t attempts_max =
        policy != NULL && policy->has_maximum_retry_attempts ? policy->maximum_retry_attempts : ATTEMPTS_DEFAULT;
    int64_t age_max_ms = policy != NULL && policy->has_maximum_event_age_in_seconds
                             ? policy->maximum_event_age_in_seconds * SECOND_MS
                             : AGE_DEFAULT_MS;

    return delivery->attempts > attempts_max || tx->now_ms - delivery->made_at > age_max_ms;
}

/* Twice as long each time, with a part of chance. */
static int64_t pause_ms(struct transaction *tx, int32_t attempts)
{
    int64_t pause = RETRY_FIRST_MS;

    for (int32_t i = 1; i < attempts && pause < RETRY_LONGEST_MS; i++)
        pause *= 2;
    pause = pause < RETRY_LONGEST_MS ? pause : RETRY_LONGEST_MS;
    return pause / 2 + (int64_t)random_below(tx->random, (uint64_t)pause / 2 + 1);
}

static void lose(struct transaction *tx, struct str key, const struct delivery_record *delivery, struct str reason)
{
    transaction_effect(tx, EVENT_LOST_EFFECT,
                       event_rule_arn(tx->arena, delivery->account_id, delivery->region, delivery->rule_name), reason);
    transaction_delete(tx, &delivery_table, key);
}

void delivery_done(struct transaction *tx, struct str key)
{
    transaction_delete(tx, &delivery_table, key);
}

void delivery_failed(struct transaction *tx, struct str key, struct str reason, bool final)
{
    const struct delivery_record *delivery = transaction_get(tx, &delivery_table, key);
    const struct rule_record *rule;
    const struct events_target *target;
    struct delivery_record next;

    if (delivery == NULL)
        return;
    rule = event_rule_named(tx, delivery->account_id, delivery->region, delivery->rule_name);
    target = rule == NULL ? NULL : event_rule_target(rule, delivery->target_id);
    next = *delivery;
    SET(&next, attempts, delivery->attempts + 1);
    SET(&next, not_before, tx->now_ms + pause_ms(tx, next.attempts));
    next.last_error = reason;
    if (target == NULL || final || is_over(tx, &next, target))
        lose(tx, key, delivery, reason);
    else
        must(transaction_put(tx, &delivery_table, &next));
}

/* ---- targets ---- */

static const struct {
    const char *service, *resource;
    enum target_kind kind;
} kinds[] = {{"logs", "log-group:", TARGET_LOG_GROUP}, {"ecs", "cluster/", TARGET_ECS_CLUSTER}};

enum target_kind target_kind_of(struct arena *arena, struct str account, struct str region, struct str arn)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct str prefix = arena_printf(arena, "arn:aws:%s:%.*s:%.*s:%s", kinds[i].service, STR_ARG(region),
                                         STR_ARG(account), kinds[i].resource);

        if (str_starts(arn, prefix) && arn.len > prefix.len)
            return kinds[i].kind;
    }
    return TARGET_UNKNOWN;
}

/* ---- the reconciler ---- */

static enum delivery_outcome try(struct transaction *tx, const struct delivery *delivery, struct fail *f)
{
    const struct delivery_record *record = delivery->record;

    switch (target_kind_of(tx->arena, record->account_id, record->region, delivery->target->arn)) {
    case TARGET_LOG_GROUP:
        return target_log_deliver(tx, delivery, f);
    case TARGET_ECS_CLUSTER:
        return target_ecs_deliver(tx, delivery, f);
    case TARGET_UNKNOWN:
        break;
    }
    must_not_happen("PutTargets takes no others");
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    struct delivery delivery = {.record = transaction_get(tx, &delivery_table, key)};
    enum delivery_outcome outcome;
    struct fail f = {0};

    if (delivery.record == NULL)
        return WHEN_NEVER;
    if (tx->now_ms < delivery.record->not_before)
        return delivery.record->not_before;
    delivery.rule =
        event_rule_named(tx, delivery.record->account_id, delivery.record->region, delivery.record->rule_name);
    delivery.target = delivery.rule == NULL ? NULL : event_rule_target(delivery.rule, delivery.record->target_id);
    if (delivery.target == NULL) { /* taken away meanwhile */
        delivery_done(tx, key);
        return WHEN_NEVER;
    }
    outcome = try(tx, &delivery, &f);
    if (outcome == DELIVERY_UNDER_WAY)
        return WHEN_NEVER;
    if (outcome == DELIVERY_DONE)
        delivery_done(tx, key);
    else
        delivery_failed(tx, key, arena_str(tx->arena, str_of(f.message)), outcome == DELIVERY_REFUSED);
    return WHEN_NEVER; /* a change of the record marks it */
}

const struct reconciler_spec delivery_reconciler = {"event_delivery", &delivery_table, reconcile};
