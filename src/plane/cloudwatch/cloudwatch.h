/* Amazon CloudWatch: metrics, and alarms that watch them. The points of metrics are bulk and stand in the metric store,
 * reached through metric_port.h; their loss never stops scheduling. Alarms and their history are records.
 *
 * Life of a metric: it is there once a point of it was put, listed while one came in the last two weeks, forgotten with
 * its last point. Life of an alarm: alarm.h. */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "model/gen/cloudwatch.h"
#include "plane/cloudwatch/cloudwatch_record.h"

extern const struct domain_spec cloudwatch_domain;
extern const struct operation_spec cloudwatch_handlers[];
extern const size_t cloudwatch_handler_count;

extern const struct table_spec alarm_table;         /* by account, region, name; "metric": those that watch a metric */
extern const struct table_spec alarm_history_table; /* by account, region, number; "alarm": by alarm as well */

extern const struct reconciler_spec alarm_reconciler; /* asks for what alarms need to know */

/* Effects. An alarm has to be evaluated: `target` is its key, `bytes` a stored struct alarm_question; edge/alarm_watch
 * finds out and answers with alarm_answer. */
#define ALARM_EVALUATE_EFFECT "alarm-evaluate"
/* Metrics of Berth's own: `target` is account and region (KEY), `bytes` a stored struct published_metrics. */
#define METRIC_PUBLISH_EFFECT "metric-publish"
