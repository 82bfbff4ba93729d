/* The handlers of CloudWatch's operations, declared for the table in operations.c. Core thread; see core/call.h.
 * _finish: the half that runs on a worker. */
#pragma once

#include "plane/cloudwatch/alarm.h"
#include "plane/cloudwatch/metric_port.h"
#include "plane/cloudwatch/metric_sample.h"

#define CLOUDWATCH_HANDLER(name)                                                                                       \
    bool cloudwatch_##name(struct call *call, const struct cloudwatch_##name##_input *in,                              \
                           struct cloudwatch_##name##_output *out)
#define CLOUDWATCH_HANDLER_SILENT(name)                                                                                \
    bool cloudwatch_##name(struct call *call, const struct cloudwatch_##name##_input *in, struct nothing *out)
#define CLOUDWATCH_FINISH(name)                                                                                        \
    bool name##_finish(const struct call *call, const struct ports *ports, const struct cloudwatch_##name##_input *in, \
                       struct cloudwatch_##name##_output *out)

/* Refuses a member of a request that Berth has nothing behind. */
#define CLOUDWATCH_UNSUPPORTED(f, member, why)                                                                         \
    fail_api((f), CLOUDWATCH_ERROR_VALIDATION_EXCEPTION, "Berth does not support '%s': %s", (member), (why))

/* Metrics. */
CLOUDWATCH_HANDLER_SILENT(put_metric_data);
CLOUDWATCH_HANDLER(get_metric_statistics);
CLOUDWATCH_HANDLER(get_metric_data);
CLOUDWATCH_HANDLER(list_metrics);
bool put_metric_data_finish(const struct call *call, const struct ports *ports,
                            const struct cloudwatch_put_metric_data_input *in, struct nothing *out);
CLOUDWATCH_FINISH(get_metric_statistics);
CLOUDWATCH_FINISH(get_metric_data);
CLOUDWATCH_FINISH(list_metrics);

/* Alarms. */
CLOUDWATCH_HANDLER_SILENT(put_metric_alarm);
CLOUDWATCH_HANDLER(describe_alarms);
CLOUDWATCH_HANDLER(describe_alarms_for_metric);
CLOUDWATCH_HANDLER(describe_alarm_history);
CLOUDWATCH_HANDLER_SILENT(delete_alarms);
CLOUDWATCH_HANDLER_SILENT(set_alarm_state);
CLOUDWATCH_HANDLER_SILENT(enable_alarm_actions);
CLOUDWATCH_HANDLER_SILENT(disable_alarm_actions);

/* Tags. */
CLOUDWATCH_HANDLER(tag_resource);
CLOUDWATCH_HANDLER(untag_resource);
CLOUDWATCH_HANDLER(list_tags_for_resource);
/* Whether the tags of a request may be put on an alarm beside those it has. */
checked bool alarm_tags_merge(const struct call *call, const struct cloudwatch_tag_list *old,
                              const struct cloudwatch_tag_list *new, struct cloudwatch_tag_list *ret_tags);

/* What stands in front of the port: reads by GetMetricStatistics, GetMetricData and alarms are of one kind. */
checked bool metric_period_check(int64_t period_s, const char *parameter, struct fail *f);
checked bool metric_times_check(int64_t start_ms, int64_t end_ms, const char *error_type, struct fail *f);
/* "Data points retention": the start is brought down to what old points still tell apart. */
int64_t metric_start(int64_t start_ms, int64_t period_ms, int64_t now_ms);
/* The store's failures that are the caller's, as an error of the API; false. */
checked bool metric_pass_on(struct fail *f);
