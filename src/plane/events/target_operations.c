/* Targets of rules. */
#include "base/must.h"
#include "plane/events/operations.h"
#include "plane/events/target_check.h"

/* ---- PutTargets ---- */

/* In the place of the target of that id, or behind all others. The list has room. */
static void put_one(struct events_target_list *targets, const struct events_target *target)
{
    size_t at = 0;

    while (at < targets->count && !str_eq(targets->items[at].id, target->id))
        at++;
    targets->items[at] = *target;
    targets->count = at == targets->count ? at + 1 : targets->count;
}

static struct events_target_list copy_of(const struct call *call, const struct events_target_list *from, size_t more)
{
    struct events_target_list list = {arena_array(call->arena, struct events_target, from->count + more + 1),
                                      from->count};

    for (size_t i = 0; i < from->count; i++)
        list.items[i] = from->items[i];
    return list;
}

static void put_targets(struct call *call, const struct rule_record *rule, struct events_target_list targets)
{
    struct rule_record record = *rule;

    record.targets = targets;
    must(transaction_put(call->tx, &event_rule_table, &record));
}

bool events_put_targets(struct call *call, const struct events_put_targets_request *in,
                        struct events_put_targets_response *out)
{
    const struct rule_record *rule;
    struct events_target_list targets;

    if (!event_rule_find(call, in->event_bus_name, in->rule, &rule))
        return false;
    targets = copy_of(call, &rule->targets, in->targets.count);
    out->failed_entries.items = arena_array(call->arena, struct events_put_targets_result_entry, in->targets.count);
    for (size_t i = 0; i < in->targets.count; i++) {
        struct events_put_targets_result_entry failure;

        if (!target_check(call, &in->targets.items[i], &failure))
            return false;
        if (failure.error_code.ptr != NULL)
            out->failed_entries.items[out->failed_entries.count++] = failure;
        else
            put_one(&targets, &in->targets.items[i]);
    }
    if (targets.count > RULE_TARGETS_MAX)
        return fail_api(call->fail, EVENTS_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "The requested resource exceeds the maximum number allowed.");
    put_targets(call, rule, targets);
    SET(out, failed_entry_count, (int32_t)out->failed_entries.count);
    return true;
}

/* ---- RemoveTargets ---- */

bool events_remove_targets(struct call *call, const struct events_remove_targets_request *in,
                           struct events_remove_targets_response *out)
{
    const struct rule_record *rule;
    struct events_target_list targets;

    if (!event_rule_find(call, in->event_bus_name, in->rule, &rule))
        return false;
    targets = copy_of(call, &rule->targets, 0);
    targets.count = 0;
    for (size_t i = 0; i < rule->targets.count; i++)
        if (!str_is_among(rule->targets.items[i].id, in->ids.items, in->ids.count))
            targets.items[targets.count++] = rule->targets.items[i];
    put_targets(call, rule, targets);
    out->failed_entries.items = arena_new(call->arena, struct events_remove_targets_result_entry);
    SET(out, failed_entry_count, 0);
    return true;
}

/* ---- ListTargetsByRule ---- */

bool events_list_targets_by_rule(struct call *call, const struct events_list_targets_by_rule_request *in,
                                 struct events_list_targets_by_rule_response *out)
{
    const struct rule_record *rule;
    size_t at = 0;
    struct str after;

    if (!event_rule_find(call, in->event_bus_name, in->rule, &rule) ||
        !page_begin(call->arena, in->next_token, EVENTS_VALIDATION, &after, call->fail))
        return false;
    while (after.ptr != NULL && at < rule->targets.count && !str_eq(rule->targets.items[at].id, after))
        at++;
    at += after.ptr != NULL ? 1 : 0;
    out->targets.items = arena_array(call->arena, struct events_target, EVENTS_PAGE(in));
    for (; at < rule->targets.count && out->targets.count < EVENTS_PAGE(in); at++)
        out->targets.items[out->targets.count++] = rule->targets.items[at];
    if (at < rule->targets.count)
        out->next_token = page_token(call->arena, rule->targets.items[at - 1].id);
    return true;
}
