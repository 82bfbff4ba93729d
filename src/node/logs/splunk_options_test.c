/* What the splunk driver takes, and how it refuses. */
#include "node/logs/splunk_options.h"

#include "base/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define OPTION(name, value)                                                                                            \
    {                                                                                                                  \
        STR_INIT(name), STR_INIT(value)                                                                                \
    }
#define URL   OPTION("splunk-url", "https://splunk:8088/")
#define TOKEN OPTION("splunk-token", "secret-token")

static void options_are_read(void **state)
{
    static const struct log_option options[] = {URL,
                                                TOKEN,
                                                OPTION("splunk-source", "here"),
                                                OPTION("splunk-sourcetype", "app"),
                                                OPTION("splunk-index", "main"),
                                                OPTION("splunk-format", "json"),
                                                OPTION("splunk-verify-connection", "false"),
                                                OPTION("splunk-insecureskipverify", "true"),
                                                OPTION("tag", "web"),
                                                OPTION("mode", "non-blocking"),
                                                OPTION("max-buffer-size", "2m")};
    struct splunk_options read;
    struct arena arena;
    struct fail f;

    (void)state;
    assert_true(splunk_options_read(options, COUNT_OF(options), &read, &f));
    assert_true(str_is(read.token, "secret-token"));
    assert_true(str_is(read.source, "here"));
    assert_true(str_is(read.sourcetype, "app"));
    assert_true(str_is(read.index, "main"));
    assert_true(str_is(read.tag, "web"));
    assert_int_equal(read.format, SPLUNK_FORMAT_JSON);
    assert_false(read.verify_connection);
    assert_true(read.insecure);
    assert_int_equal(read.mode, LOG_MODE_NON_BLOCKING);
    assert_int_equal(read.max_buffer_bytes, 2 << 20);
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(str_is(splunk_collector(&read, &arena), "https://splunk:8088/services/collector/event/1.0"));
    arena_free(&arena);
}

static void defaults_are_docker_s(void **state)
{
    static const struct log_option options[] = {URL, TOKEN};
    struct splunk_options read;
    struct fail f;

    (void)state;
    assert_true(splunk_options_read(options, COUNT_OF(options), &read, &f));
    assert_true(read.verify_connection);
    assert_false(read.insecure);
    assert_int_equal(read.format, SPLUNK_FORMAT_INLINE);
    assert_null(read.source.ptr);
    assert_null(read.tag.ptr);
}

static void what_is_refused_says_why(void **state)
{
    static const struct {
        struct log_option options[3];
        size_t count;
        const char *why;
    } cases[] = {
        {{TOKEN}, 1, "log driver splunk needs option 'splunk-url'"},
        {{URL}, 1, "log driver splunk needs option 'splunk-token'"},
        {{URL, OPTION("splunk-token", "two words")},
         2,
         "log option 'splunk-token' must be visible ASCII without spaces"},
        {{URL, OPTION("splunk-token", "")}, 2, "log option 'splunk-token' is empty"},
        {{OPTION("splunk-url", "splunk:8088"), TOKEN},
         2,
         "log option 'splunk-url' must be a URL such as https://splunk.example.com:8088, not 'splunk:8088'"},
        {{OPTION("splunk-url", "http://a/services"), TOKEN},
         2,
         "log option 'splunk-url' must be a URL such as https://splunk.example.com:8088, not 'http://a/services'"},
        {{OPTION("splunk-url", "http://"), TOKEN},
         2,
         "log option 'splunk-url' must be a URL such as https://splunk.example.com:8088, not 'http://'"},
        {{URL, TOKEN, OPTION("splunk-format", "xml")},
         3,
         "log option 'splunk-format' must be inline, json or raw, not 'xml'"},
        {{URL, TOKEN, OPTION("tag", "{{.Name}}")},
         3,
         "log option 'tag' must be a text without {{, as templates are not filled in, not '{{.Name}}'"},
        {{URL, TOKEN, OPTION("splunk-gzip", "true")},
         3,
         "log driver splunk does not support option 'splunk-gzip': events are sent as they are"},
        {{URL, TOKEN, OPTION("colour", "red")}, 3, "log driver splunk has no option 'colour'"},
        {{URL, TOKEN, OPTION("max-buffer-size", "1m")},
         3,
         "log option 'max-buffer-size' needs 'mode' to be non-blocking"},
        {{URL, TOKEN, URL}, 3, "log option 'splunk-url' is given twice"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct splunk_options read;
        struct fail f;

        assert_false(splunk_options_read(cases[i].options, cases[i].count, &read, &f));
        assert_int_equal(f.code, FAIL_INPUT);
        assert_string_equal(f.message, cases[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(options_are_read), cmocka_unit_test(defaults_are_docker_s),
                                       cmocka_unit_test(what_is_refused_says_why)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
