/* The table of the logs API. Resources as "Actions, resources, and condition keys for Amazon CloudWatch Logs" (service
 * authorization reference) has them: what is about a group is about any stream of it, so that policies have to name it
 * with ":*" behind; only tags are the group's own ("Overview of managing access permissions to your CloudWatch Logs
 * resources"). */
#include "plane/logs/operations.h"

#include "plane/logs/tags.h"

bool logs_unsupported(const char *member, const char *why, struct fail *f)
{
    return fail_api(f, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, "Berth does not support '%s': %s", member, why);
}

static struct str stream_arn(const struct call *call, struct str group, struct str stream)
{
    struct str arn = log_group_arn(call, group);

    return arena_printf(call->arena, "%.*s:log-stream:%.*s", STR_ARG(arn), STR_ARG(stream));
}

static struct str group_resource(const struct call *call, struct str group)
{
    return stream_arn(call, group, STR(""));
}

#define NAMED_RESOURCE(operation)                                                                                      \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        return group_resource(call, ((const struct logs_##operation##_request *)in)->log_group_name);                  \
    }
#define IDENTIFIED_RESOURCE(operation)                                                                                 \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct logs_##operation##_request *of = in;                                                              \
        struct str name =                                                                                              \
            of->log_group_name.ptr != NULL ? of->log_group_name : log_group_name_of(call, of->log_group_identifier);   \
                                                                                                                       \
        return group_resource(call, name);                                                                             \
    }
#define STREAM_RESOURCE(operation)                                                                                     \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct logs_##operation##_request *of = in;                                                              \
                                                                                                                       \
        return stream_arn(call, of->log_group_name, of->log_stream_name);                                              \
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
IDENTIFIED_RESOURCE(describe_log_streams)
IDENTIFIED_RESOURCE(filter_log_events)
STREAM_RESOURCE(create_log_stream)
STREAM_RESOURCE(delete_log_stream)
STREAM_RESOURCE(put_log_events)
ARN_RESOURCE(tag_resource)
ARN_RESOURCE(untag_resource)
ARN_RESOURCE(list_tags_for_resource)

static struct str put_log_group_deletion_protection_resource(const struct call *call, const void *in)
{
    const struct logs_put_log_group_deletion_protection_request *of = in;

    return group_resource(call, log_group_name_of(call, of->log_group_identifier));
}

static struct str get_log_events_resource(const struct call *call, const void *in)
{
    const struct logs_get_log_events_request *of = in;
    struct str name =
        of->log_group_name.ptr != NULL ? of->log_group_name : log_group_name_of(call, of->log_group_identifier);

    return stream_arn(call, name, of->log_stream_name);
}

static struct str describe_log_groups_resource(const struct call *call, const void *in)
{
    (void)in;
    return group_resource(call, STR(""));
}

#define ROW(name, action) OPERATION_GUARDED(logs, name, action, name##_resource, NULL, NULL, &logs_access)
#define ROW_FINISHED(name, action)                                                                                     \
    OPERATION_GUARDED(logs, name, action, name##_resource, name##_finish, NULL, &logs_access)

const struct operation_spec logs_handlers[] = {
    ROW(create_log_group, "logs:CreateLogGroup"),
    ROW_FINISHED(delete_log_group, "logs:DeleteLogGroup"),
    ROW_FINISHED(describe_log_groups, "logs:DescribeLogGroups"),
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
    OPERATION(logs, put_resource_policy, "logs:PutResourcePolicy", NULL),
    OPERATION(logs, delete_resource_policy, "logs:DeleteResourcePolicy", NULL),
    OPERATION(logs, describe_resource_policies, "logs:DescribeResourcePolicies", NULL),
    ROW(create_log_stream, "logs:CreateLogStream"),
    ROW_FINISHED(delete_log_stream, "logs:DeleteLogStream"),
    ROW_FINISHED(describe_log_streams, "logs:DescribeLogStreams"),
    ROW_FINISHED(put_log_events, "logs:PutLogEvents"),
    ROW_FINISHED(get_log_events, "logs:GetLogEvents"),
    ROW_FINISHED(filter_log_events, "logs:FilterLogEvents"),
    OPERATION_FINISHED(logs, test_metric_filter, "logs:TestMetricFilter", NULL, test_metric_filter_finish),
};
const size_t logs_handler_count = COUNT_OF(logs_handlers);
