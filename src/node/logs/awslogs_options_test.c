#include "node/logs/awslogs_options.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct awslogs_defaults plain = {.mode = LOG_MODE_NON_BLOCKING};

#define OPTION(name, value)                                                                                            \
    {                                                                                                                  \
        STR_INIT(name), STR_INIT(value)                                                                                \
    }
#define GROUP  OPTION("awslogs-group", "/ecs/web")
#define REGION OPTION("awslogs-region", "eu-west-1")

static void all_options_are_read(void **state)
{
    static const struct log_option options[] = {
        GROUP,
        REGION,
        OPTION("awslogs-stream-prefix", "web"),
        OPTION("awslogs-create-group", "true"),
        OPTION("awslogs-multiline-pattern", "^INFO"),
        OPTION("mode", "non-blocking"),
        OPTION("max-buffer-size", "25m"),
        OPTION("awslogs-force-flush-interval-seconds", "2"),
        OPTION("awslogs-max-buffered-events", "100"),
    };
    struct awslogs_options read;
    struct arena arena;
    struct fail f;

    (void)state;
    assert_true(awslogs_options_read(options, COUNT_OF(options), &plain, &read, &f));
    assert_true(str_is(read.group, "/ecs/web"));
    assert_true(str_is(read.region, "eu-west-1"));
    assert_true(read.create_group);
    assert_true(str_is(read.multiline_pattern, "^INFO"));
    assert_null(read.datetime_format.ptr);
    assert_int_equal(read.mode, LOG_MODE_NON_BLOCKING);
    assert_int_equal(read.max_buffer_bytes, 25 << 20);
    assert_int_equal(read.flush_interval_s, 2);
    assert_int_equal(read.buffered_events_max, 100);
    arena_init(&arena, 4096);
    assert_true(
        str_is(awslogs_stream_name(&read, STR("app"), STR("0123abcd"), STR("ffff"), &arena), "web/app/0123abcd"));
    arena_free(&arena);
}

static void defaults_are_those_of_ecs(void **state)
{
    static const struct log_option options[] = {GROUP, REGION};
    static const struct log_option named[] = {GROUP, REGION, OPTION("awslogs-stream", "one")};
    struct awslogs_options read;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, 4096);
    assert_true(awslogs_options_read(options, 2, &plain, &read, &f));
    assert_false(read.create_group);
    assert_int_equal(read.mode, LOG_MODE_NON_BLOCKING);
    assert_int_equal(read.max_buffer_bytes, 10 << 20);
    assert_int_equal(read.flush_interval_s, AWSLOGS_FLUSH_INTERVAL_DEFAULT);
    assert_true(str_is(awslogs_stream_name(&read, STR("app"), STR("0123"), STR("ffff"), &arena), "ffff"));
    assert_true(awslogs_options_read(named, 3, &plain, &read, &f));
    assert_true(str_is(awslogs_stream_name(&read, STR("app"), STR("0123"), STR("ffff"), &arena), "one"));
    arena_free(&arena);
}

static void sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes; /* 0: refused */
    } rows[] = {{"1", 1},         {"4k", 4096},    {"4KiB", 4096}, {"1M", 1 << 20},
                {"1mb", 1 << 20}, {"1g", 1 << 30}, {"1025m", 0},   {"2g", 0},
                {"0", 0},         {"", 0},         {"m", 0},       {"1.5m", 0},
                {"-1", 0},        {"1 m", 0},      {"10x", 0},     {"99999999999999999999", 0}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct log_option options[] = {GROUP, REGION, {STR_INIT("max-buffer-size"), str_of(rows[i].text)}};
        struct awslogs_options read;
        struct fail f;
        bool good = awslogs_options_read(options, COUNT_OF(options), &plain, &read, &f);

        if (good != (rows[i].bytes > 0) || (good && read.max_buffer_bytes != rows[i].bytes))
            fail_msg("'%s'", rows[i].text);
    }
}

static void bad_options_are_named(void **state)
{
    static const struct {
        struct log_option options[4];
        size_t count;
        const struct awslogs_defaults *defaults;
        const char *message; /* part of it */
    } rows[] = {
        {{REGION}, 1, &plain, "needs option 'awslogs-group'"},
        {{GROUP}, 1, &plain, "needs option 'awslogs-region'"},
        {{GROUP, REGION, OPTION("awslogs-groop", "x")}, 3, &plain, "has no option 'awslogs-groop'"},
        {{GROUP, REGION, OPTION("tag", "{{.Name}}")}, 3, &plain, "does not support option 'tag'"},
        {{GROUP, REGION, OPTION("awslogs-format", "json/emf")}, 3, &plain, "does not support option"},
        {{GROUP, REGION, GROUP}, 3, &plain, "'awslogs-group' is given twice"},
        {{OPTION("awslogs-group", "a b"), REGION}, 2, &plain, "'awslogs-group' must be"},
        {{OPTION("awslogs-group", ""), REGION}, 2, &plain, "'awslogs-group' must be"},
        {{GROUP, OPTION("awslogs-region", "eu west")}, 2, &plain, "'awslogs-region' must be"},
        {{GROUP, REGION, OPTION("awslogs-stream", "a:b")}, 3, &plain, "'awslogs-stream' must be"},
        {{GROUP, REGION, OPTION("awslogs-stream-prefix", "*")}, 3, &plain, "'awslogs-stream-prefix' must be"},
        {{GROUP, REGION, OPTION("awslogs-create-group", "yes")}, 3, &plain, "must be true or false, not 'yes'"},
        {{GROUP, REGION, OPTION("mode", "async")}, 3, &plain, "must be blocking or non-blocking"},
        {{GROUP, REGION, OPTION("awslogs-endpoint", "http://x")},
         3,
         &plain,
         "does not support option 'awslogs-endpoint'"},
        {{GROUP, REGION, OPTION("awslogs-force-flush-interval-seconds", "0")}, 3, &plain, "from 1 to 3600"},
        {{GROUP, REGION, OPTION("awslogs-max-buffered-events", "x")}, 3, &plain, "from 1 to 1000000"},
        {{GROUP, REGION, OPTION("mode", "blocking"), OPTION("max-buffer-size", "1m")}, 4, &plain, "needs 'mode'"},
        {{GROUP, REGION, OPTION("awslogs-datetime-format", "%Y"), OPTION("awslogs-multiline-pattern", "x")},
         4,
         &plain,
         "not both"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct awslogs_options read;
        struct fail f;

        if (awslogs_options_read(rows[i].options, rows[i].count, rows[i].defaults, &read, &f))
            fail_msg("must be refused: %s", rows[i].message);
        assert_int_equal(f.code, FAIL_INPUT);
        if (strstr(f.message, rows[i].message) == NULL)
            fail_msg("'%s' does not say '%s'", f.message, rows[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_options_are_read),
        cmocka_unit_test(defaults_are_those_of_ecs),
        cmocka_unit_test(sizes),
        cmocka_unit_test(bad_options_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
