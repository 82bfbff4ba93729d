/* GET /_berth/explain?who=..&action=..&resource=..: what policies would decide, and by which statement. For `berth
 * explain`. */
#pragma once

#include "edge/front.h"

/* Answers {"verdict", "source", "policy", "statement"}, or {"error"} with 400 when somebody or something is not known.
 * `action` is "ecs:RunTask"; an absent resource is "*". Only for who bears the control token. */
void explain_reply(const struct front_options *options, struct http_exchange *exchange, struct str who,
                   struct str action, struct str resource);
