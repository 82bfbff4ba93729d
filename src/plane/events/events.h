/* Amazon EventBridge: rules on event buses, and what they bring to their targets.
 *
 * An event is made with the change that it tells of, in the same transaction (event.h); every rule that it matches, and
 * every schedule that is due, makes a delivery for each of its targets. A delivery is a record: it outlives restarts
 * and goes when its target has taken the event or its retries are over.
 *
 * Life of a rule: ENABLED <-> DISABLED until it is deleted, which takes that it has no targets. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "model/gen/events.h"
#include "plane/events/events_record.h"

extern const struct domain_spec events_domain;
extern const struct operation_spec events_handlers[];
extern const size_t events_handler_count;

extern const struct table_spec event_rule_table; /* by account, region, id; "pattern": those that may match events */
extern const struct table_spec delivery_table;   /* by account, region, number */

extern const struct reconciler_spec event_rule_reconciler; /* schedules */
extern const struct reconciler_spec delivery_reconciler;   /* targets */

/* "Amazon EventBridge quotas" (RULES_MAX of a bus); DELIVERIES_MAX is ours: of an installation, so that a target that
 * takes nothing does not fill the store. Events for targets beyond it are lost, which is said. */
enum { BUSES_MAX = 100, RULES_MAX = 300, RULE_TARGETS_MAX = 5, TAGS_MAX = 50, DELIVERIES_MAX = 100000 };

/* Effects. An event as it happened, for those who watch: `target` is account and region (KEY), `bytes` its JSON. */
#define EVENT_EFFECT "event"
/* A delivery into a log group: `target` its key, `bytes` a struct event_log_line. */
#define EVENT_LOG_EFFECT "event-log"
/* An event will not reach a target: `target` is the rule's ARN, `bytes` why. */
#define EVENT_LOST_EFFECT "event-lost"

#define EVENT_BUS_NAME "default"
/* Who takes roles on for targets. */
#define EVENTS_SERVICE "events.amazonaws.com"
