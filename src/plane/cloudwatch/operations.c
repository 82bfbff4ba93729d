/* The table of CloudWatch's operations. Resources as "Actions, resources, and condition keys for Amazon CloudWatch"
 * (service authorization reference) has them. An operation that is not here is refused by name: composite and log
 * alarms, anomaly detection, dashboards, metric streams, Contributor Insights, mute rules. */
#include "plane/cloudwatch/operations.h"

#include "plane/cloudwatch/access.h"

static struct str alarm_resource(const struct call *call, struct str name)
{
    return alarm_arn(call->arena, call->principal->account, call->region, name);
}

#define NAMED_RESOURCE(operation)                                                                                      \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return alarm_resource(call, ((const struct cloudwatch_##operation##_input *)in)->alarm_name);                  \
    }
#define ARN_RESOURCE(operation)                                                                                        \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        (void)call;                                                                                                    \
        return ((const struct cloudwatch_##operation##_input *)in)->resource_arn;                                      \
    }
/* Each alarm that the request names. */
#define NAMES_ASKS(operation, action)                                                                                  \
    static void operation##_asks(const struct call *call, const void *in, struct asks *asks)                           \
    {                                                                                                                  \
        const struct cloudwatch_##operation##_input *of = in;                                                          \
                                                                                                                       \
        for (size_t i = 0; i < of->alarm_names.count; i++)                                                             \
            asks_add(asks, "cloudwatch:" action, alarm_resource(call, of->alarm_names.items[i]));                      \
        if (of->alarm_names.count == 0)                                                                                \
            asks_add(asks, "cloudwatch:" action, alarm_resource(call, STR("*")));                                      \
    }

NAMED_RESOURCE(set_alarm_state)
ARN_RESOURCE(tag_resource)
ARN_RESOURCE(untag_resource)
ARN_RESOURCE(list_tags_for_resource)
NAMES_ASKS(delete_alarms, "DeleteAlarms")
NAMES_ASKS(enable_alarm_actions, "EnableAlarmActions")
NAMES_ASKS(disable_alarm_actions, "DisableAlarmActions")

static struct str describe_alarms_resource(const struct call *call, const void *in)
{
    (void)in;
    return alarm_resource(call, STR("*"));
}

static struct str describe_alarm_history_resource(const struct call *call, const void *in)
{
    const struct cloudwatch_describe_alarm_history_input *of = in;

    return alarm_resource(call, of->alarm_name.ptr == NULL ? STR("*") : of->alarm_name);
}

static void put_metric_alarm_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct cloudwatch_put_metric_alarm_input *of = in;

    asks_add(asks, "cloudwatch:PutMetricAlarm", alarm_resource(call, of->alarm_name));
    if (of->tags.count > 0)
        asks_add(asks, "cloudwatch:TagResource", alarm_resource(call, of->alarm_name));
}

#define GUARDED(name, action, resource, finish, asks)                                                                  \
    OPERATION_GUARDED(cloudwatch, name, "cloudwatch:" action, resource, finish, asks, &cloudwatch_access)
#define ROW(name, action)          GUARDED(name, action, name##_resource, NULL, NULL)
#define ROW_ANY(name, action)      GUARDED(name, action, NULL, NULL, NULL)
#define ROW_ASKS(name, action)     GUARDED(name, action, NULL, NULL, name##_asks)
#define ROW_FINISHED(name, action) GUARDED(name, action, NULL, name##_finish, NULL)

const struct operation_spec cloudwatch_handlers[] = {
    ROW_FINISHED(put_metric_data, "PutMetricData"),
    ROW_FINISHED(get_metric_statistics, "GetMetricStatistics"),
    ROW_FINISHED(get_metric_data, "GetMetricData"),
    ROW_FINISHED(list_metrics, "ListMetrics"),
    ROW_ASKS(put_metric_alarm, "PutMetricAlarm"),
    ROW(describe_alarms, "DescribeAlarms"),
    ROW_ANY(describe_alarms_for_metric, "DescribeAlarmsForMetric"),
    ROW(describe_alarm_history, "DescribeAlarmHistory"),
    ROW_ASKS(delete_alarms, "DeleteAlarms"),
    ROW(set_alarm_state, "SetAlarmState"),
    ROW_ASKS(enable_alarm_actions, "EnableAlarmActions"),
    ROW_ASKS(disable_alarm_actions, "DisableAlarmActions"),
    ROW(tag_resource, "TagResource"),
    ROW(untag_resource, "UntagResource"),
    ROW(list_tags_for_resource, "ListTagsForResource"),
};
const size_t cloudwatch_handler_count = COUNT_OF(cloudwatch_handlers);
