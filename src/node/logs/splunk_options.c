#include "node/logs/splunk_options.h"

/* "https://splunk:8088", perhaps with a slash behind it. */
static bool read_url(struct str text, void *ret)
{
    struct str rest = text;

    if (str_ends(rest, STR("/")))
        rest.len--;
    *(struct str *)ret = rest;
    if (!str_starts(rest, STR("http://")) && !str_starts(rest, STR("https://")))
        return false;
    rest = str_from(rest, str_search(rest, STR("://")) + 3);
    for (size_t i = 0; i < rest.len; i++)
        if (rest.ptr[i] <= ' ' || rest.ptr[i] > '~' || rest.ptr[i] == '/' || rest.ptr[i] == '?' || rest.ptr[i] == '#')
            return false;
    return rest.len > 0;
}

static bool read_format(struct str text, void *ret)
{
    static const char *const names[] = {
        [SPLUNK_FORMAT_INLINE] = "inline", [SPLUNK_FORMAT_JSON] = "json", [SPLUNK_FORMAT_RAW] = "raw"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_is(text, names[i])) {
            *(enum splunk_format *)ret = (enum splunk_format)i;
            return true;
        }
    return false;
}

/* Docker fills in templates; here it is a text. */
static bool read_tag(struct str text, void *ret)
{
    *(struct str *)ret = text;
    return str_search(text, STR("{{")) == text.len;
}

/* What a token is, is said by the token's own check: its value is in no message. */
static bool read_token(struct str text, void *ret)
{
    *(struct str *)ret = text;
    return true;
}

enum option {
    OPTION_URL,
    OPTION_TOKEN,
    OPTION_SOURCE,
    OPTION_SOURCETYPE,
    OPTION_INDEX,
    OPTION_TAG,
    OPTION_FORMAT,
    OPTION_VERIFY,
    OPTION_INSECURE,
    OPTION_MODE,
    OPTION_MAX_BUFFER_SIZE,
    OPTION_COUNT,
};

static const struct log_option_row rows[OPTION_COUNT] = {
#define AT(member) offsetof(struct splunk_options, member)
    [OPTION_URL] = {"splunk-url", read_url, AT(url), "a URL such as https://splunk.example.com:8088"},
    [OPTION_TOKEN] = {"splunk-token", read_token, AT(token), ""},
    [OPTION_SOURCE] = {"splunk-source", log_option_text, AT(source), "a text"},
    [OPTION_SOURCETYPE] = {"splunk-sourcetype", log_option_text, AT(sourcetype), "a text"},
    [OPTION_INDEX] = {"splunk-index", log_option_text, AT(index), "the name of an index"},
    [OPTION_TAG] = {"tag", read_tag, AT(tag), "a text without {{, as templates are not filled in"},
    [OPTION_FORMAT] = {"splunk-format", read_format, AT(format), "inline, json or raw"},
    [OPTION_VERIFY] = {"splunk-verify-connection", log_option_bool, AT(verify_connection), "true or false"},
    [OPTION_INSECURE] = {"splunk-insecureskipverify", log_option_bool, AT(insecure), "true or false"},
    [OPTION_MODE] = {"mode", log_option_mode, AT(mode), "blocking or non-blocking"},
    [OPTION_MAX_BUFFER_SIZE] = {"max-buffer-size", log_option_size, AT(max_buffer_bytes),
                                "a size such as 25m, at most 1g"},
#undef AT
};

static const struct log_option_refused refused[] = {
    {"splunk-capath", "the file would have to be on every host"},
    {"splunk-caname", "it goes with splunk-capath"},
    {"splunk-gzip", "events are sent as they are"},
    {"splunk-gzip-level", "events are sent as they are"},
    {"labels", "events carry no attributes"},
    {"env", "events carry no attributes"},
    {"env-regex", "events carry no attributes"},
};

static const struct log_option_table table = {"splunk", rows, COUNT_OF(rows), refused, COUNT_OF(refused)};

/* It becomes a header line. */
static bool check_token(struct str token, struct fail *f)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
            return fail(f, FAIL_INPUT, "log option 'splunk-token' must be visible ASCII without spaces");
    return token.len > 0 || fail(f, FAIL_INPUT, "log option 'splunk-token' is empty");
}

bool splunk_options_read(const struct log_option *options, size_t count, struct splunk_options *ret_options,
                         struct fail *f)
{
    struct splunk_options read = {.verify_connection = true, .max_buffer_bytes = LOG_BUFFER_BYTES_DEFAULT};
    bool given[OPTION_COUNT] = {false};

    if (!log_options_read(&table, options, count, &read, given, f))
        return false;
    if (!given[OPTION_URL] || !given[OPTION_TOKEN])
        return fail(f, FAIL_INPUT, "log driver splunk needs option '%s'",
                    rows[given[OPTION_URL] ? OPTION_TOKEN : OPTION_URL].name);
    if (given[OPTION_MAX_BUFFER_SIZE] && read.mode == LOG_MODE_BLOCKING)
        return fail(f, FAIL_INPUT, "log option 'max-buffer-size' needs 'mode' to be non-blocking");
    if (!check_token(read.token, f))
        return false;
    *ret_options = read;
    return true;
}

struct str splunk_collector(const struct splunk_options *options, struct arena *arena)
{
    return arena_printf(arena, "%.*s/services/collector/event/1.0", STR_ARG(options->url));
}
