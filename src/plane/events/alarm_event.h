/* Events of Amazon CloudWatch, made with the change of an alarm's record (follows_spec of core/core.h): "CloudWatch
 * Alarm State Change" ("Alarm events and EventBridge", CloudWatch user guide). */
#pragma once

#include "core/transaction.h"

void alarm_event_of_alarm(struct transaction *tx, const void *before, const void *after);
