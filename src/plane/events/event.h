/* An event, from what caused it to its JSON ("Events structure reference", EventBridge user guide). */
#pragma once

#include "plane/events/events.h"

struct event {
    struct str account, region;
    struct str bus;         /* name; absent: the default one */
    struct str source;      /* "aws.ecs" */
    struct str detail_type; /* "ECS Task State Change" */
    int64_t when_ms;        /* told to the second */
    const struct str *resources;
    size_t resource_count;
    struct str detail; /* JSON object */
};

/* The event as text, in the arena, with the id given. */
struct str event_json(struct arena *arena, const struct event *event, struct str id);

/* Puts an event on the bus: shown to those who watch, brought to the targets of all rules that match it. Its id, in the
 * transaction's arena. */
struct str event_publish(struct transaction *tx, const struct event *event);
/* The same for the targets of one rule only: a schedule. */
void event_publish_to(struct transaction *tx, const struct event *event, const struct rule_record *rule);
