/* Rules of a container's log configuration (developer guide, "Send Amazon ECS logs to CloudWatch"; API reference,
 * LogConfiguration). The values of the
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

static const char *const splunk_options[] = {
    "splunk-token",
    "splunk-url",
    "splunk-source",
    "splunk-sourcetype",
    "splunk-index",
    "splunk-insecureskipverify",
    "splunk-format",
    "splunk-verify-connection",
    "tag",
    "mode",
    "max-buffer-size",
};

/* Those that AWS takes as well. */
static const char *const splunk_options_lacking[] = {
    "splunk-capath", "splunk-caname", "splunk-gzip", "splunk-gzip-level", "labels", "env", "env-regex",
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
 * configurations). */
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

static bool check_splunk_option(const struct ecs_container_definition *container, struct str name, struct fail *f)
{
    for (size_t i = 0; i < COUNT_OF(splunk_options); i++)
        if (str_is(name, splunk_options[i]))
            return true;
    for (size_t i = 0; i < COUNT_OF(splunk_options_lacking); i++)
        if (str_is(name, splunk_options_lacking[i]))
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "Invalid setting for container '%.*s'. The option '%.*s' of log driver splunk is not "
                            "supported by Berth.",
                            STR_ARG(container->name), STR_ARG(name));
    return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Log driver splunk disallows options: %.*s", STR_ARG(name));
}

/* As an option or as a secret. */
static bool has_either(const struct ecs_log_configuration *log, const char *name)
{
    for (size_t i = 0; i < log->secret_options.count; i++)
        if (str_is(log->secret_options.items[i].name, name))
            return true;
    return has_option(log, name);
}

static bool check_splunk_secrets(const struct definition_case *on, const struct ecs_container_definition *container,
                                 struct fail *f)
{
    const struct ecs_log_configuration *log = container->log_configuration;

    if (log->secret_options.count > 0 && on->in->execution_role_arn.ptr == NULL)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "When you are specifying container secrets, you must also specify a value for "
                        "'executionRoleArn'.");
    for (size_t i = 0; i < log->secret_options.count; i++) {
        struct str name = log->secret_options.items[i].name;

        if (!check_splunk_option(container, name, f))
            return false;
        for (size_t k = 0; k < log->options.count; k++)
            if (str_eq(log->options.items[k].key, name))
                return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                                "Invalid setting for container '%.*s'. 'logConfiguration' has '%.*s' as an option and "
                                "as a secret.",
                                STR_ARG(container->name), STR_ARG(name));
    }
    return true;
}

static bool check_splunk(const struct definition_case *on, const struct ecs_container_definition *container,
                         struct fail *f)
{
    const struct ecs_log_configuration *log = container->log_configuration;
    bool url = has_either(log, "splunk-url");
    bool token = has_either(log, "splunk-token");

    for (size_t i = 0; i < log->options.count; i++)
        if (!check_splunk_option(container, log->options.items[i].key, f))
            return false;
    if (!url || !token)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Log driver splunk requires options: %s%s%s",
                        url ? "" : "splunk-url", url || token ? "" : ", ", token ? "" : "splunk-token");
    return check_splunk_secrets(on, container, f);
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
        return check_splunk(on, container, f);
    case ECS_LOG_DRIVER_AWSFIRELENS:
        return fail_api(
            f, ECS_ERROR_CLIENT_EXCEPTION,
            "Invalid setting for container '%.*s'. The log driver '%s' is not supported: Berth has awslogs and "
            "splunk, and keeps what a container without logConfiguration writes on its host.",
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
