/* Metric alarms, as other domains see them.
 *
 * Life of an alarm:
 *   1 made by PutMetricAlarm in INSUFFICIENT_DATA
 *   2 at the end of each minute (each ten seconds for periods shorter than that), and when points of its metric come
 *     late, the reconciler asks for the points of its evaluation range (ALARM_EVALUATE_EFFECT)
 *   3 the answer (alarm_answer) moves it between OK, ALARM and INSUFFICIENT_DATA, with a line in its history
 *   4 SetAlarmState moves it too, until the next evaluation
 *   5 gone with DeleteAlarms
 * Whoever acts on alarms declares a row of dirties (or follows) on alarm_table and asks alarm_has_moved there: then its
 * key is looked at in the turn in which an alarm changed. */
#pragma once

#include "plane/cloudwatch/cloudwatch.h"

/* The alarm of that name, or NULL; record->alarm is as DescribeAlarms shows it. */
const struct alarm_record *alarm_named(const struct transaction *tx, struct str account, struct str region,
                                       struct str name);
/* Its state; CLOUDWATCH_STATE_VALUE_NONE where there is no such alarm. */
enum cloudwatch_state_value alarm_state(const struct transaction *tx, struct str account, struct str region,
                                        struct str name);
/* Of two records of alarm_table before and after a change, NULL for none: whether the state is another one, or the
 * alarm came or went. */
bool alarm_has_moved(const struct alarm_record *before, const struct alarm_record *after);

/* "arn:aws:cloudwatch:us-east-1:123456789012:alarm:high". */
struct str alarm_arn(struct arena *arena, struct str account, struct str region, struct str name);

/* What follows from a state that is set or found: record, history. `reason_data` may be absent. */
struct alarm_verdict {
    enum cloudwatch_state_value state;
    struct str reason, reason_data;
};
/* Moves the alarm. Nothing is written when the state is the one it has, unless `told`: somebody set it. */
void alarm_move(struct transaction *tx, const struct alarm_record *alarm, const struct alarm_verdict *verdict,
                bool told);

/* Adds to the alarm's history, and lets go of what is too old. */
void alarm_history_add(struct transaction *tx, const struct alarm_record *alarm, enum cloudwatch_history_item_type type,
                       struct str summary, struct str data);
