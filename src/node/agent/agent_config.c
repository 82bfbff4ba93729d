#include "node/agent/agent_config.h"

enum { STOP_TIMEOUT_S = 30 };

bool duration_parse(struct str text, int64_t *ret_ms)
{
    static const struct {
        struct str unit;
        int64_t ms;
    } units[] = {{STR_INIT("ms"), 1}, {STR_INIT("s"), 1000}, {STR_INIT("m"), 60000}, {STR_INIT("h"), 3600000}};
    int64_t total = 0;

    if (text.len == 0)
        return false;
    while (text.len > 0) {
        size_t digits = 0;
        size_t letters;
        int64_t number;
        int64_t scale = 0;

        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
            digits++;
        letters = digits;
        while (letters < text.len && text.ptr[letters] >= 'a' && text.ptr[letters] <= 'z')
            letters++;
        for (size_t i = 0; i < COUNT_OF(units); i++)
            if (str_eq(str_to(str_from(text, digits), letters - digits), units[i].unit))
                scale = units[i].ms;
        if (digits == 0 || digits > 9 || scale == 0 || !str_to_int64(str_to(text, digits), &number))
            return false;
        total += number * scale;
        text = str_from(text, letters);
    }
    *ret_ms = total;
    return true;
}

static struct str text_or(const char *(*get)(const char *name), const char *name, const char *otherwise)
{
    const char *value = get(name);

    return str_of(value == NULL || value[0] == '\0' ? otherwise : value);
}

static bool read_boolean(const char *(*get)(const char *name), const char *name, bool *ret_value, struct fail *f)
{
    struct str value = text_or(get, name, "false");

    *ret_value = str_is(value, "true") || str_is(value, "1");
    return *ret_value || str_is(value, "false") || str_is(value, "0") ||
           fail(f, FAIL_INPUT, "%s: '%.*s' is neither true nor false", name, STR_ARG(value));
}

static bool read_seconds(const char *(*get)(const char *name), const char *name, int64_t otherwise, int64_t *ret_s,
                         struct fail *f)
{
    struct str value = text_or(get, name, NULL);
    int64_t ms;

    *ret_s = otherwise;
    if (value.ptr == NULL)
        return true;
    if (!duration_parse(value, &ms))
        return fail(f, FAIL_INPUT, "%s: '%.*s' is not a duration such as 30s or 1h", name, STR_ARG(value));
    *ret_s = ms / 1000;
    return true;
}

bool agent_config_read(const char *(*get)(const char *name), struct arena *arena, struct agent_config *ret_config,
                       struct fail *f)
{
    struct agent_config config = {
        .cluster = text_or(get, "ECS_CLUSTER", "default"),
        .backend = text_or(get, "ECS_BACKEND_HOST", "http://169.254.170.10"),
        .region = text_or(get, "AWS_DEFAULT_REGION", get("AWS_REGION")),
        .data_dir = text_or(get, "ECS_DATADIR", "/var/lib/berth/agent"),
        .attributes = text_or(get, "ECS_INSTANCE_ATTRIBUTES", NULL),
        .tags = text_or(get, "ECS_CONTAINER_INSTANCE_TAGS", NULL),
        .secrets_endpoint = text_or(get, "AWS_ENDPOINT_URL_SECRETS_MANAGER", NULL),
        .ssm_endpoint = text_or(get, "AWS_ENDPOINT_URL_SSM", NULL),
        .s3_endpoint = get("AWS_ENDPOINT_URL_S3"),
        .drivers = text_or(get, "ECS_AVAILABLE_LOGGING_DRIVERS", "[\"json-file\",\"awslogs\",\"splunk\"]"),
    };
    struct str reserved = text_or(get, "ECS_RESERVED_MEMORY", "0");

    if (!str_starts(config.backend, STR("http://")) && !str_starts(config.backend, STR("https://")))
        config.backend = arena_printf(arena, "https://%.*s", STR_ARG(config.backend));
    if (!str_to_int64(reserved, &config.reserved_memory_mib) || config.reserved_memory_mib < 0)
        return fail(f, FAIL_INPUT, "ECS_RESERVED_MEMORY: '%.*s' is not a number of MiB", STR_ARG(reserved));
    if (!read_boolean(get, "ECS_EXTERNAL", &config.external, f) ||
        !read_boolean(get, "ECS_DISABLE_PRIVILEGED", &config.privileged_disabled, f) ||
        !read_seconds(get, "ECS_CONTAINER_STOP_TIMEOUT", STOP_TIMEOUT_S, &config.stop_timeout_s, f))
        return false;
    *ret_config = config;
    return true;
}
