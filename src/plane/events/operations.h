/* The handlers of EventBridge's operations, declared for the table in operations.c. Core thread; see core/call.h. */
#pragma once

#include "plane/events/rule.h"

#define EVENTS_HANDLER(name)                                                                                           \
    bool events_##name(struct call *call, const struct events_##name##_request *in,                                    \
                       struct events_##name##_response *out)
#define EVENTS_HANDLER_SILENT(name)                                                                                    \
    bool events_##name(struct call *call, const struct events_##name##_request *in, struct nothing *out)

/* Refuses a member of a request that Berth has nothing behind. */
#define EVENTS_UNSUPPORTED(call, member, why)                                                                          \
    fail_api((call)->fail, EVENTS_VALIDATION, "Berth does not support '%s': %s", (member), (why))

/* How many items a page of a list has. */
#define EVENTS_PAGE_MAX 100
#define EVENTS_PAGE(in) ((in)->has_limit ? (size_t)(in)->limit : (size_t)EVENTS_PAGE_MAX)

/* Rules. */
EVENTS_HANDLER(put_rule);
EVENTS_HANDLER_SILENT(delete_rule);
EVENTS_HANDLER(describe_rule);
EVENTS_HANDLER(list_rules);
EVENTS_HANDLER_SILENT(enable_rule);
EVENTS_HANDLER_SILENT(disable_rule);

/* Targets. */
EVENTS_HANDLER(put_targets);
EVENTS_HANDLER(remove_targets);
EVENTS_HANDLER(list_targets_by_rule);
EVENTS_HANDLER(list_rule_names_by_target);

/* Buses. */
EVENTS_HANDLER(create_event_bus);
EVENTS_HANDLER(update_event_bus);
EVENTS_HANDLER_SILENT(delete_event_bus);
EVENTS_HANDLER(describe_event_bus);
EVENTS_HANDLER(list_event_buses);

/* Events. */
EVENTS_HANDLER(put_events);
EVENTS_HANDLER(test_event_pattern);

/* Tags. */
EVENTS_HANDLER(tag_resource);
EVENTS_HANDLER(untag_resource);
EVENTS_HANDLER(list_tags_for_resource);

/* Tags of a request beside those that a rule or bus has. Fails with ValidationException. */
checked bool event_tags_merge(const struct call *call, const struct events_tag_list *old,
                              const struct events_tag_list *new, struct events_tag_list *ret_tags);
/* Of the rule or bus of that ARN; NULL: there is none. */
const struct events_tag_list *event_tags_of(const struct call *call, struct str arn);
