/* Rules of a container's log configuration (developer guide, "Send Amazon ECS logs to CloudWatch"). The values of the
 * options are the log driver's to judge; here it is their names. */
#include "plane/ecs/task_definition_rules.h"

static const char *const awslogs_options[] = {
    "awslogs-group",
    "awslogs-region",
    "awslogs-stream-prefix",
    "awslogs-create-group",
    "awslogs-datetime-format",
    "awslogs-multiline-pattern",
    "awslogs-endpoint",
    "awslogs-force-flush-interval-seconds",
    "awslogs-max-buffered-events",
    "mode",
    "max-buffer-size",
};

static bool has_option(const struct ecs_log_configuration *log, const char *name)
{
    for (size_t i = 0; i < log->options.count; i++)
        if (str_is(log->options.items[i].key, name) && log->options.items[i].value.len > 0)
            return true;
    return false;
}

static bool is_awslogs_option(const struct definition_case *on, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(awslogs_options); i++)
        if (str_is(name, awslogs_options[i]))
            return true;
    return !is_fargate(on) && str_is(name, "awslogs-stream");
}

/* They are for the tokens of splunk and awsfirelens ("Pass sensitive data to an Amazon ECS container", log
 * configurations): no driver that Berth has takes one. */
static bool check_secret_options(const struct ecs_log_configuration *log, const char *driver, struct fail *f)
{
    return log->secret_options.count == 0 ||
           fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Log driver %s disallows secret options: %.*s", driver,
                    STR_ARG(log->secret_options.items[0].name));
}

static bool check_awslogs(const struct definition_case *on, const struct ecs_log_configuration *log, struct fail *f)
{
    bool region = has_option(log, "awslogs-region");
    bool group = has_option(log, "awslogs-group");

    for (size_t i = 0; i < log->options.count; i++)
        if (!is_awslogs_option(on, log->options.items[i].key))
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Log driver awslogs disallows options: %.*s",
                            STR_ARG(log->options.items[i].key));
    if (!region || !group)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Log driver awslogs requires options: %s%s%s",
                        region ? "" : "awslogs-region", region || group ? "" : ", ", group ? "" : "awslogs-group");
    if (!is_fargate(on))
        return true;
    if (!has_option(log, "awslogs-stream-prefix"))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Fargate requires log configuration options to include awslogs-stream-prefix to support log "
                        "driver awslogs.");
    if (on->in->execution_role_arn.ptr == NULL)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Fargate requires task definition to have execution role ARN to support log driver awslogs.");
    return true;
}

bool log_configuration_check(const struct definition_case *on, const struct ecs_container_definition *container,
                             struct fail *f)
{
    const struct ecs_log_configuration *log = container->log_configuration;
    const char *driver;

    if (log == NULL)
        return true;
    driver = enum_name(&ecs_log_driver_shape, (int)log->log_driver);
    switch (log->log_driver) {
    case ECS_LOG_DRIVER_NONE:
        return true;
    case ECS_LOG_DRIVER_AWSLOGS:
        return check_secret_options(log, driver, f) && check_awslogs(on, log, f);
    case ECS_LOG_DRIVER_SPLUNK:
    case ECS_LOG_DRIVER_AWSFIRELENS:
        return fail_api(
            f, ECS_ERROR_CLIENT_EXCEPTION,
            "Invalid setting for container '%.*s'. The log driver '%s' is not supported: Berth has awslogs, "
            "and keeps what a container without logConfiguration writes on its host.",
            STR_ARG(container->name), driver);
    case ECS_LOG_DRIVER_JSON_FILE:
    case ECS_LOG_DRIVER_SYSLOG:
    case ECS_LOG_DRIVER_JOURNALD:
    case ECS_LOG_DRIVER_GELF:
    case ECS_LOG_DRIVER_FLUENTD:
        break;
    }
    if (is_fargate(on))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "%s is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]", driver);
    return check_secret_options(log, driver, f);
}
