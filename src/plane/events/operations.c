/* The table of EventBridge's operations. Resources as "Actions, resources, and condition keys for Amazon EventBridge"
 * (service authorization reference) has them. An operation that is not here is refused by name: archives, replays, API
 * destinations, connections, partner sources, and buses beside the default one. */
#include "plane/events/operations.h"

#include "plane/events/access.h"

static struct str rule_resource(const struct call *call, struct str name)
{
    return event_rule_arn(call->arena, call->principal->account, call->region, name);
}

#define NAMED_RESOURCE(operation, member)                                                                              \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return rule_resource(call, ((const struct events_##operation##_request *)in)->member);                         \
    }
#define ARN_RESOURCE(operation)                                                                                        \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        (void)call;                                                                                                    \
        return ((const struct events_##operation##_request *)in)->resource_arn;                                        \
    }

NAMED_RESOURCE(delete_rule, name)
NAMED_RESOURCE(describe_rule, name)
NAMED_RESOURCE(enable_rule, name)
NAMED_RESOURCE(disable_rule, name)
NAMED_RESOURCE(remove_targets, rule)
NAMED_RESOURCE(list_targets_by_rule, rule)
ARN_RESOURCE(tag_resource)
ARN_RESOURCE(untag_resource)
ARN_RESOURCE(list_tags_for_resource)

static struct str describe_event_bus_resource(const struct call *call, const void *in)
{
    return event_bus_arn(call, event_bus_name(((const struct events_describe_event_bus_request *)in)->name));
}

static void put_rule_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct events_put_rule_request *of = in;

    asks_add(asks, "events:PutRule", rule_resource(call, of->name));
    if (of->tags.count > 0)
        asks_add(asks, "events:TagResource", rule_resource(call, of->name));
    asks_pass_role(asks, call, of->role_arn, EVENTS_SERVICE);
}

static void put_targets_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct events_put_targets_request *of = in;

    asks_add(asks, "events:PutTargets", rule_resource(call, of->rule));
    for (size_t i = 0; i < of->targets.count; i++)
        asks_pass_role(asks, call, of->targets.items[i].role_arn, EVENTS_SERVICE);
}

/* Each bus that an entry is for. */
static void put_events_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct events_put_events_request *of = in;

    for (size_t i = 0; i < of->entries.count; i++)
        asks_add(asks, "events:PutEvents", event_bus_arn(call, event_bus_name(of->entries.items[i].event_bus_name)));
}

#define GUARDED(name, action, resource, asks)                                                                          \
    OPERATION_GUARDED(events, name, "events:" action, resource, NULL, asks, &events_access)
#define ROW(name, action)      GUARDED(name, action, name##_resource, NULL)
#define ROW_ANY(name, action)  GUARDED(name, action, NULL, NULL)
#define ROW_ASKS(name, action) GUARDED(name, action, NULL, name##_asks)

const struct operation_spec events_handlers[] = {
    ROW_ASKS(put_rule, "PutRule"),
    ROW(delete_rule, "DeleteRule"),
    ROW(describe_rule, "DescribeRule"),
    ROW_ANY(list_rules, "ListRules"),
    ROW(enable_rule, "EnableRule"),
    ROW(disable_rule, "DisableRule"),
    ROW_ASKS(put_targets, "PutTargets"),
    ROW(remove_targets, "RemoveTargets"),
    ROW(list_targets_by_rule, "ListTargetsByRule"),
    ROW_ANY(list_rule_names_by_target, "ListRuleNamesByTarget"),
    ROW_ASKS(put_events, "PutEvents"),
    ROW_ANY(test_event_pattern, "TestEventPattern"),
    ROW(describe_event_bus, "DescribeEventBus"),
    ROW_ANY(list_event_buses, "ListEventBuses"),
    ROW(tag_resource, "TagResource"),
    ROW(untag_resource, "UntagResource"),
    ROW(list_tags_for_resource, "ListTagsForResource"),
};
const size_t events_handler_count = COUNT_OF(events_handlers);
