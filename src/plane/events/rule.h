/* Rules: what they are called, when they are due, which targets they have. */
#pragma once

#include "plane/events/bus.h"
#include "plane/events/schedule.h"

/* What the API calls a malformed request; the model does not list it. */
#define EVENTS_VALIDATION "ValidationException"

/* What tells a rule from all others of its account and region, the end of its ARN: its name on the default bus, else
 * "BUS/NAME". */
struct str event_rule_id(struct arena *arena, struct str bus, struct str name);
struct str event_rule_id_of(struct arena *arena, const struct rule_record *rule);
/* "arn:aws:events:us-east-1:123456789012:rule/nightly". */
struct str event_rule_arn(struct arena *arena, struct str account, struct str region, struct str id);

/* The rule of that id, or NULL. */
const struct rule_record *event_rule_named(const struct transaction *tx, struct str account, struct str region,
                                           struct str id);
/* The rule that a request names, and its bus by name or ARN. Fails with ResourceNotFoundException. */
checked bool event_rule_find(const struct call *call, struct str bus, struct str name,
                             const struct rule_record **ret_rule);
/* The rule of that ARN in the caller's account and region; NULL: there is none. */
const struct rule_record *event_rule_of_arn(const struct call *call, struct str arn);

/* The rules of a bus whose names begin so, in their order; each by event_rules_next. */
struct walk event_rules_walk(const struct call *call, struct str bus, struct str prefix);
const struct rule_record *event_rules_next(struct walk *walk, struct str bus);

bool event_rule_is_enabled(const struct rule_record *rule);
/* NULL: there is no such target. */
const struct events_target *event_rule_target(const struct rule_record *rule, struct str id);

/* Begins the schedule of a rule that is about to be put, now, or takes it away from one that is disabled. */
void event_rule_begin_schedule(const struct transaction *tx, struct rule_record *rule);
