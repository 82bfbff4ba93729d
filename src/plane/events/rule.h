/* Rules: what they are called, when they are due, which targets they have. */
#pragma once

#include "plane/events/events.h"
#include "plane/events/schedule.h"

/* What the API calls a malformed request; the model does not list it. */
#define EVENTS_VALIDATION "ValidationException"

/* "arn:aws:events:us-east-1:123456789012:rule/nightly". */
struct str event_rule_arn(struct arena *arena, struct str account, struct str region, struct str name);
struct str event_bus_arn(const struct call *call, struct str name);

/* The default bus, by name or ARN; an absent one is it, too. Fails with ResourceNotFoundException. */
checked bool event_bus_check(const struct call *call, struct str bus);
/* The name in a bus's name or ARN. */
struct str event_bus_name(struct str bus);

/* The rule, or NULL. */
const struct rule_record *event_rule_named(const struct transaction *tx, struct str account, struct str region,
                                           struct str name);
/* The same of a request; fails with ResourceNotFoundException. */
checked bool event_rule_find(const struct call *call, struct str bus, struct str name,
                             const struct rule_record **ret_rule);
/* The rule of that ARN in the caller's account and region. Fails with ResourceNotFoundException. */
checked bool event_rule_of_arn(const struct call *call, struct str arn, const struct rule_record **ret_rule);

bool event_rule_is_enabled(const struct rule_record *rule);
/* NULL: there is no such target. */
const struct events_target *event_rule_target(const struct rule_record *rule, struct str id);

/* Begins the schedule of a rule that is about to be put, now, or takes it away from one that is disabled. */
void event_rule_begin_schedule(const struct transaction *tx, struct rule_record *rule);
