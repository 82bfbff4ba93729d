/* The evaluation of an alarm: points of its evaluation range in, a state with its reason out. Pure.
 *
 * Rules: "Configuring how CloudWatch alarms treat missing data", CloudWatch user guide. The range is two periods longer
 * than the evaluation periods, as in the tables of that page. With at least as many points in it as evaluation periods
 * the newest decide. With fewer, what is missing is filled as the alarm says; as "missing" or "ignore" it fills
 * nothing: then one point within the threshold makes the alarm OK, and only breaching ones make it ALARM once the
 * oldest of them is as old as the datapoints to alarm; until then it stays what it is. */
#pragma once

#include "plane/cloudwatch/alarm.h"
#include "plane/cloudwatch/metric_plan.h"

enum { EVALUATION_EXTRA_PERIODS = 2 };

/* False: the alarm stays what it is. `series` covers the range. */
bool alarm_judge(const struct cloudwatch_metric_alarm *alarm, const struct metric_series *series, int64_t now_ms,
                 struct arena *arena, struct alarm_verdict *ret_verdict);
