/* What alarms say of themselves: history, events, the reasons of their state. JSON and sentences as CloudWatch writes
 * them ("DescribeAlarmHistory", API reference; "Sample events for alarm state changes", user guide). All in the arena.
 */
#pragma once

#include "plane/cloudwatch/cloudwatch.h"

/* "2026-11-28T21:00:00.000+0000". */
struct str alarm_text_time(struct arena *arena, int64_t when_ms);
/* A number as Java writes a double: "1.0", "0.25", "1.0E7". */
void alarm_text_number(double number, struct buf *out);

/* `Alarm updated from OK to ALARM`; old and new state with reasons. */
struct str alarm_text_move_summary(struct arena *arena, const struct cloudwatch_metric_alarm *before,
                                   const struct cloudwatch_metric_alarm *after);
struct str alarm_text_move_data(struct arena *arena, const struct cloudwatch_metric_alarm *before,
                                const struct cloudwatch_metric_alarm *after);

/* `Alarm "high" created`; the whole alarm. `step`: "Create", "Update" or "Delete". */
struct str alarm_text_change_summary(struct arena *arena, const struct cloudwatch_metric_alarm *alarm,
                                     const char *step);
struct str alarm_text_change_data(struct arena *arena, const struct cloudwatch_metric_alarm *alarm, const char *step);

/* An action that could not be taken. */
struct str alarm_text_action_summary(struct arena *arena, struct str action);
struct str alarm_text_action_data(struct arena *arena, const struct cloudwatch_metric_alarm *alarm, struct str action);

/* The detail of "CloudWatch Alarm State Change". */
struct str alarm_text_event(struct arena *arena, const struct alarm_record *before, const struct alarm_record *after);
