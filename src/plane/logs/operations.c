/* The table of the logs API. Resources as "Actions, resources, and condition keys for Amazon CloudWatch Logs" (service
 * authorization reference) has them. */
#include "plane/logs/operations.h"

bool logs_unsupported(const char *member, const char *why, struct fail *f)
{
    return fail_api(f, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, "Berth does not support '%s': %s", member, why);
}

#define NAMED_RESOURCE(operation)                                                                                      \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return log_group_arn(call, ((const struct logs_##operation##_request *)in)->log_group_name);                   \
    }
#define IDENTIFIED_RESOURCE(operation)                                                                                 \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct logs_##operation##_request *of = in;                                                              \
        struct str name =                                                                                              \
            of->log_group_name.ptr != NULL ? of->log_group_name : log_group_name_of(call, of->log_group_identifier);   \
                                                                                                                       \
        return log_group_arn(call, name);                                                                              \
    }
#define STREAM_RESOURCE(operation)                                                                                     \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct logs_##operation##_request *of = in;                                                              \
        struct str group = log_group_arn(call, of->log_group_name);                                                    \
                                                                                                                       \
        return arena_printf(call->arena, "%.*s:log-stream:%.*s", STR_ARG(group), STR_ARG(of->log_stream_name));        \
    }
#define ARN_RESOURCE(operation)                                                                                        \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        (void)call;                                                                                                    \
        return ((const struct logs_##operation##_request *)in)->resource_arn;                                          \
    }

NAMED_RESOURCE(create_log_group)
NAMED_RESOURCE(delete_log_group)
NAMED_RESOURCE(put_retention_policy)
NAMED_RESOURCE(delete_retention_policy)
NAMED_RESOURCE(tag_log_group)
NAMED_RESOURCE(untag_log_group)
NAMED_RESOURCE(list_tags_log_group)
NAMED_RESOURCE(create_log_stream)
IDENTIFIED_RESOURCE(describe_log_streams)
IDENTIFIED_RESOURCE(filter_log_events)
STREAM_RESOURCE(delete_log_stream)
STREAM_RESOURCE(put_log_events)
ARN_RESOURCE(tag_resource)
ARN_RESOURCE(untag_resource)
ARN_RESOURCE(list_tags_for_resource)

static struct str put_log_group_deletion_protection_resource(const struct call *call, const void *in)
{
    const struct logs_put_log_group_deletion_protection_request *of = in;

    return log_group_arn(call, log_group_name_of(call, of->log_group_identifier));
}

static struct str get_log_events_resource(const struct call *call, const void *in)
{
    const struct logs_get_log_events_request *of = in;
    struct str name =
        of->log_group_name.ptr != NULL ? of->log_group_name : log_group_name_of(call, of->log_group_identifier);
    struct str group = log_group_arn(call, name);

    return arena_printf(call->arena, "%.*s:log-stream:%.*s", STR_ARG(group), STR_ARG(of->log_stream_name));
}

#define ROW(name, action)          OPERATION(logs, name, action, name##_resource)
#define ROW_FINISHED(name, action) OPERATION_FINISHED(logs, name, action, name##_resource, name##_finish)

const struct operation_spec logs_handlers[] = {
    ROW(create_log_group, "logs:CreateLogGroup"),
    ROW_FINISHED(delete_log_group, "logs:DeleteLogGroup"),
    OPERATION_FINISHED(logs, describe_log_groups, "logs:DescribeLogGroups", NULL, describe_log_groups_finish),
    OPERATION(logs, list_log_groups, "logs:ListLogGroups", NULL),
    ROW_FINISHED(put_retention_policy, "logs:PutRetentionPolicy"),
    ROW(delete_retention_policy, "logs:DeleteRetentionPolicy"),
    ROW(put_log_group_deletion_protection, "logs:PutLogGroupDeletionProtection"),
    ROW(tag_resource, "logs:TagResource"),
    ROW(untag_resource, "logs:UntagResource"),
    ROW(list_tags_for_resource, "logs:ListTagsForResource"),
    ROW(tag_log_group, "logs:TagLogGroup"),
    ROW(untag_log_group, "logs:UntagLogGroup"),
    ROW(list_tags_log_group, "logs:ListTagsLogGroup"),
    ROW(create_log_stream, "logs:CreateLogStream"),
    ROW_FINISHED(delete_log_stream, "logs:DeleteLogStream"),
    ROW_FINISHED(describe_log_streams, "logs:DescribeLogStreams"),
    ROW_FINISHED(put_log_events, "logs:PutLogEvents"),
    ROW_FINISHED(get_log_events, "logs:GetLogEvents"),
    ROW_FINISHED(filter_log_events, "logs:FilterLogEvents"),
    OPERATION_FINISHED(logs, test_metric_filter, "logs:TestMetricFilter", NULL, test_metric_filter_finish),
};
const size_t logs_handler_count = COUNT_OF(logs_handlers);
