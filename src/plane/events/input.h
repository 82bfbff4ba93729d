/* What a target is given of an event: all of it, a part (InputPath), a constant (Input), or a text made of its parts
 * (InputTransformer) ("EventBridge input transformation", user guide). */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/gen/events.h"

/* "$", "$.detail.containers[0].name": names and places in arrays. */
bool event_path_is_valid(struct str path);

/* What a request says of a target's input. Fails with ValidationException. */
checked bool target_input_check(const struct events_target *target, struct fail *f);

/* What the template's own names stand for. */
struct input_context {
    struct str event; /* JSON */
    struct str rule_arn, rule_name;
    struct str ingested; /* when, as RFC 3339 has it */
};

/* The input, JSON or text, in the arena; "null" for a path that leads nowhere. */
struct str target_input(const struct events_target *target, const struct input_context *context, struct arena *arena);
