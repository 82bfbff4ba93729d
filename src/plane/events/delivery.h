/* Deliveries: an event on its way to one target of a rule.
 *
 * Life: made with its event (event.c); tried until the target has it, a failure cannot be mended by trying again, or
 * the target's retry policy is over; then gone. A task is run in the transaction that ends the delivery, so exactly
 * once. A log line is written by a port (EVENT_LOG_EFFECT) that says afterwards how it went, so at least once. */
#pragma once

#include "plane/events/events.h"

/* A delivery being tried. */
struct delivery {
    const struct delivery_record *record;
    const struct rule_record *rule;
    const struct events_target *target;
};

/* The target has it. */
void delivery_done(struct transaction *tx, struct str key);
/* It has not: tried again later, unless `final` or the retries are over. */
void delivery_failed(struct transaction *tx, struct str key, struct str reason, bool final);

/* ---- the kinds of targets ---- */

enum target_kind { TARGET_UNKNOWN, TARGET_LOG_GROUP, TARGET_ECS_CLUSTER };
/* What the ARN of a target in that account and region is of. */
enum target_kind target_kind_of(struct arena *arena, struct str account, struct str region, struct str arn);

enum delivery_outcome { DELIVERY_DONE, DELIVERY_UNDER_WAY, DELIVERY_AGAIN, DELIVERY_REFUSED };

/* Both fill *f unless they are done or under way. */
enum delivery_outcome target_log_deliver(struct transaction *tx, const struct delivery *delivery, struct fail *f);
enum delivery_outcome target_ecs_deliver(struct transaction *tx, const struct delivery *delivery, struct fail *f);
