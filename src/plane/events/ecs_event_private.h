/* How events of Amazon ECS are made, for the files that make them. */
#pragma once

#include "plane/events/ecs_event.h"
#include "plane/events/event.h"

/* Whose record it is that changed, and what the event is about. */
struct ecs_subject {
    struct str account, region;
    struct str arn;
};

void ecs_event_publish(struct transaction *tx, const struct ecs_subject *subject, struct str detail_type,
                       struct str detail);

/* ---- JSON, in the transaction's arena ---- */

/* An object with one more member, its value JSON. */
struct str detail_with(struct transaction *tx, struct str object, const char *name, struct str value);
/* The time of the turn. */
struct str detail_now(struct transaction *tx);
/* The ARN of the subject's cluster. */
struct str detail_cluster(struct transaction *tx, const struct ecs_subject *subject, struct str cluster_name);
