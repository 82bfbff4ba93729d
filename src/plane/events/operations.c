/* The table of EventBridge's operations. Resources as "Actions, resources, and condition keys for Amazon EventBridge"
 * (service authorization reference) has them. An operation that is not here is refused by name: archives, replays, API
 * destinations, connections, partner sources, and the policies of buses. */
#include "plane/events/operations.h"

#include "plane/events/access.h"

static struct str rule_resource(const struct call *call, struct str bus, struct str name)
{
    return event_rule_arn(call->arena, call->principal->account, call->region,
                          event_rule_id(call->arena, event_bus_name(bus), name));
}

#define RULE_RESOURCE(operation, member)                                                                               \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct events_##operation##_request *of = in;                                                            \
                                                                                                                       \
        return rule_resource(call, of->event_bus_name, of->member);                                                    \
    }
#define BUS_RESOURCE(operation)                                                                                        \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return event_bus_arn(call, event_bus_name(((const struct events_##operation##_request *)in)->name));           \
    }
#define ARN_RESOURCE(operation)                                                                                        \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        (void)call;                                                                                                    \
        return ((const struct events_##operation##_request *)in)->resource_arn;                                        \
    }

RULE_RESOURCE(delete_rule, name)
RULE_RESOURCE(describe_rule, name)
RULE_RESOURCE(enable_rule, name)
RULE_RESOURCE(disable_rule, name)
RULE_RESOURCE(remove_targets, rule)
RULE_RESOURCE(list_targets_by_rule, rule)
ARN_RESOURCE(tag_resource)
ARN_RESOURCE(untag_resource)
ARN_RESOURCE(list_tags_for_resource)
BUS_RESOURCE(update_event_bus)
BUS_RESOURCE(delete_event_bus)
BUS_RESOURCE(describe_event_bus)

static void put_rule_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct events_put_rule_request *of = in;

    asks_add(asks, "events:PutRule", rule_resource(call, of->event_bus_name, of->name));
    if (of->tags.count > 0)
        asks_add(asks, "events:TagResource", rule_resource(call, of->event_bus_name, of->name));
    asks_pass_role(asks, call, of->role_arn, EVENTS_SERVICE);
}

static void create_event_bus_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct events_create_event_bus_request *of = in;

    asks_add(asks, "events:CreateEventBus", event_bus_arn(call, of->name));
    if (of->tags.count > 0)
        asks_add(asks, "events:TagResource", event_bus_arn(call, of->name));
}

static void put_targets_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct events_put_targets_request *of = in;

    asks_add(asks, "events:PutTargets", rule_resource(call, of->event_bus_name, of->rule));
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
    ROW_ASKS(create_event_bus, "CreateEventBus"),
    ROW(update_event_bus, "UpdateEventBus"),
    ROW(delete_event_bus, "DeleteEventBus"),
    ROW(describe_event_bus, "DescribeEventBus"),
    ROW_ANY(list_event_buses, "ListEventBuses"),
    ROW(tag_resource, "TagResource"),
    ROW(untag_resource, "UntagResource"),
    ROW(list_tags_for_resource, "ListTagsForResource"),
};
const size_t events_handler_count = COUNT_OF(events_handlers);
