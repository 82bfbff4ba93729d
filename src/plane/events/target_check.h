/* What can be a target of a rule. */
#pragma once

#include "plane/events/events.h"

/* Fails, for the whole request, with ValidationException: what AWS takes from nobody. A target that AWS would take and
 * Berth has nothing behind is an entry in *ret_failure (error_code absent: there is none). */
checked bool target_check(const struct call *call, const struct events_target *target,
                          struct events_put_targets_result_entry *ret_failure);
