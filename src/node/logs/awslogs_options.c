#include "node/logs/awslogs_options.h"

#include "base/must.h"

enum { GROUP_BYTES_MAX = 512, STREAM_BYTES_MAX = 512 }; /* CreateLogGroup, CreateLogStream: API reference */

/* -- Values: each reader takes a text and says what it wanted when it does not get it. */

static bool is_among(char c, const char *more)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(more, c) != NULL);
}

static bool all_among(struct str text, const char *more)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_among(text.ptr[i], more))
            return false;
    return text.len > 0;
}

static bool read_group(struct str text, void *ret)
{
    *(struct str *)ret = text;
    return text.len <= GROUP_BYTES_MAX && all_among(text, ".-_/#");
}

static bool read_region(struct str text, void *ret)
{
    *(struct str *)ret = text;
    return all_among(text, "-");
}

static bool read_stream(struct str text, void *ret)
{
    *(struct str *)ret = text;
    return text.len > 0 && text.len <= STREAM_BYTES_MAX && str_find(text, ':') == text.len &&
           str_find(text, '*') == text.len;
}

static bool read_interval(struct str text, void *ret)
{
    uint64_t *seconds = ret;

    return str_to_uint64(text, seconds) && *seconds > 0 && *seconds <= AWSLOGS_FLUSH_INTERVAL_MAX;
}

static bool read_events(struct str text, void *ret)
{
    uint64_t *events = ret;

    return str_to_uint64(text, events) && *events > 0 && *events <= AWSLOGS_BUFFERED_EVENTS_MAX;
}

/* -- The options. */

enum option {
    OPTION_GROUP,
    OPTION_REGION,
    OPTION_STREAM,
    OPTION_STREAM_PREFIX,
    OPTION_CREATE_GROUP,
    OPTION_DATETIME_FORMAT,
    OPTION_MULTILINE_PATTERN,
    OPTION_MODE,
    OPTION_MAX_BUFFER_SIZE,
    OPTION_FLUSH_INTERVAL,
    OPTION_BUFFERED_EVENTS,
    OPTION_COUNT,
};

static const struct log_option_row rows[OPTION_COUNT] = {
#define AT(member) offsetof(struct awslogs_options, member)
    [OPTION_GROUP] = {"awslogs-group", read_group, AT(group), "1 to 512 letters, digits and . - _ / #"},
    [OPTION_REGION] = {"awslogs-region", read_region, AT(region), "the name of a region, such as us-east-1"},
    [OPTION_STREAM] = {"awslogs-stream", read_stream, AT(stream), "1 to 512 characters without : and *"},
    [OPTION_STREAM_PREFIX] = {"awslogs-stream-prefix", read_stream, AT(stream_prefix),
                              "1 to 512 characters without : and *"},
    [OPTION_CREATE_GROUP] = {"awslogs-create-group", log_option_bool, AT(create_group), "true or false"},
    [OPTION_DATETIME_FORMAT] = {"awslogs-datetime-format", log_option_text, AT(datetime_format), "a strftime format"},
    [OPTION_MULTILINE_PATTERN] = {"awslogs-multiline-pattern", log_option_text, AT(multiline_pattern),
                                  "a regular expression"},
    [OPTION_MODE] = {"mode", log_option_mode, AT(mode), "blocking or non-blocking"},
    [OPTION_MAX_BUFFER_SIZE] = {"max-buffer-size", log_option_size, AT(max_buffer_bytes),
                                "a size such as 25m, at most 1g"},
    [OPTION_FLUSH_INTERVAL] = {"awslogs-force-flush-interval-seconds", read_interval, AT(flush_interval_s),
                               "a number of seconds from 1 to 3600"},
    [OPTION_BUFFERED_EVENTS] = {"awslogs-max-buffered-events", read_events, AT(buffered_events_max),
                                "a number of events from 1 to 1000000"},
#undef AT
};

/* Options of Docker's driver that this one does not have: refused with the reason. */
static const struct log_option_refused unsupported[] = {
    {"awslogs-endpoint", "events go to the installation that runs the task"},
    {"tag", "name the stream with awslogs-stream-prefix or awslogs-stream"},
    {"awslogs-format", "events are sent as they are written"},
    {"awslogs-credentials-endpoint", "credentials are those of the task execution role"},
};

static const struct log_option_table table = {"awslogs", rows, COUNT_OF(rows), unsupported, COUNT_OF(unsupported)};

static bool check_together(const struct awslogs_options *options, const bool *given, struct fail *f)
{
    if (!given[OPTION_GROUP] || !given[OPTION_REGION])
        return fail(f, FAIL_INPUT, "log driver awslogs needs option '%s'",
                    rows[given[OPTION_GROUP] ? OPTION_REGION : OPTION_GROUP].name);
    if (given[OPTION_DATETIME_FORMAT] && given[OPTION_MULTILINE_PATTERN])
        return fail(f, FAIL_INPUT,
                    "log driver awslogs takes option 'awslogs-datetime-format' or 'awslogs-multiline-pattern', not "
                    "both");
    if (given[OPTION_MAX_BUFFER_SIZE] && options->mode == LOG_MODE_BLOCKING)
        return fail(f, FAIL_INPUT, "log option 'max-buffer-size' needs 'mode' to be non-blocking");
    return true;
}

bool awslogs_options_read(const struct log_option *options, size_t count, const struct awslogs_defaults *defaults,
                          struct awslogs_options *ret_options, struct fail *f)
{
    struct awslogs_options read = {.mode = defaults->mode,
                                   .max_buffer_bytes = LOG_BUFFER_BYTES_DEFAULT,
                                   .flush_interval_s = AWSLOGS_FLUSH_INTERVAL_DEFAULT,
                                   .buffered_events_max = AWSLOGS_BUFFERED_EVENTS_DEFAULT};
    bool given[OPTION_COUNT] = {false};

    if (!log_options_read(&table, options, count, &read, given, f) || !check_together(&read, given, f))
        return false;
    *ret_options = read;
    return true;
}

struct str awslogs_stream_name(const struct awslogs_options *options, struct str container_name, struct str task_id,
                               struct str container_id, struct arena *arena)
{
    if (options->stream_prefix.ptr != NULL)
        return arena_printf(arena, "%.*s/%.*s/%.*s", STR_ARG(options->stream_prefix), STR_ARG(container_name),
                            STR_ARG(task_id));
    return arena_str(arena, options->stream.ptr != NULL ? options->stream : container_id);
}
