#include "node/logs/line_joiner.h"

#include "base/random.h"
#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct line_pattern *starts_with_info(void)
{
    struct line_pattern *pattern;
    struct fail f;

    assert_true(line_pattern_from_regex(STR("^INFO"), &pattern, &f));
    return pattern;
}

static struct line line_of(int64_t when_ms, const char *text)
{
    return (struct line){when_ms, str_of(text)};
}

static void an_event_ends_where_the_next_begins(void **state)
{
    struct line_pattern *pattern = starts_with_info();
    struct line_joiner joiner;
    struct line event;

    (void)state;
    line_joiner_init(&joiner, pattern);
    assert_false(line_joiner_add(&joiner, line_of(10, "INFO one"), 0, &event));
    assert_false(line_joiner_add(&joiner, line_of(11, " at a"), 0, &event));
    assert_false(line_joiner_add(&joiner, line_of(12, ""), 0, &event));
    assert_false(line_joiner_add(&joiner, line_of(13, " at b"), 0, &event));
    assert_true(line_joiner_add(&joiner, line_of(20, "INFO two"), 0, &event));
    assert_true(str_is(event.text, "INFO one\n at a\n\n at b"));
    assert_int_equal(event.when_ms, 10);
    assert_true(line_joiner_take(&joiner, 0, /* force= */ true, &event));
    assert_true(str_is(event.text, "INFO two"));
    assert_int_equal(event.when_ms, 20);
    assert_false(line_joiner_take(&joiner, 0, /* force= */ true, &event));
    line_joiner_free(&joiner);
    line_pattern_free(pattern);
}

static void an_event_waits_five_seconds(void **state)
{
    struct line_pattern *pattern = starts_with_info();
    struct line_joiner joiner;
    struct line event;

    (void)state;
    line_joiner_init(&joiner, pattern);
    assert_int_equal(line_joiner_due_ms(&joiner), WHEN_NEVER);
    assert_false(line_joiner_add(&joiner, line_of(1000, "begins before any match"), 70, &event));
    assert_false(line_joiner_add(&joiner, line_of(2000, "goes on"), 2070, &event));
    assert_int_equal(line_joiner_due_ms(&joiner), 5070);
    assert_false(line_joiner_take(&joiner, 5069, false, &event));
    assert_true(line_joiner_take(&joiner, 5070, false, &event));
    assert_true(str_is(event.text, "begins before any match\ngoes on"));
    assert_int_equal(event.when_ms, 1000);
    line_joiner_free(&joiner);
    line_pattern_free(pattern);
}

/* The time of day, which lines have, may be set to anything between two lines: nobody waits longer or shorter. */
static void a_clock_that_is_set_changes_no_wait(void **state)
{
    static const int64_t jumps_ms[] = {-86400000, 86400000};
    struct line_pattern *pattern = starts_with_info();
    struct line_joiner joiner;
    struct line event;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(jumps_ms); i++) {
        line_joiner_init(&joiner, pattern);
        assert_false(line_joiner_add(&joiner, line_of(1700000000000, "INFO one"), 100, &event));
        assert_true(line_joiner_add(&joiner, line_of(1700000000000 + jumps_ms[i], "INFO two"), 200, &event));
        assert_int_equal(line_joiner_due_ms(&joiner), 5200);
        assert_false(line_joiner_take(&joiner, 5199, false, &event));
        assert_true(line_joiner_take(&joiner, 5200, false, &event));
        assert_int_equal(event.when_ms, 1700000000000 + jumps_ms[i]);
        line_joiner_free(&joiner);
    }
    line_pattern_free(pattern);
}

static void without_a_pattern_lines_pass(void **state)
{
    struct line_joiner joiner;
    struct line event;

    (void)state;
    line_joiner_init(&joiner, NULL);
    assert_true(line_joiner_add(&joiner, line_of(1, "x"), 0, &event));
    assert_true(str_is(event.text, "x"));
    assert_false(line_joiner_take(&joiner, 10000, true, &event));
    line_joiner_free(&joiner);
}

static void an_event_grows_to_its_limit_exactly(void **state)
{
    static char half[LINE_BYTES_MAX / 2];
    struct line_pattern *pattern = starts_with_info();
    struct line_joiner joiner;
    struct line event;

    (void)state;
    (void)memset(half, 'x', sizeof(half));
    for (size_t over = 0; over < 2; over++) { /* two halves and the newline between them */
        line_joiner_init(&joiner, pattern);
        assert_false(line_joiner_add(&joiner, (struct line){1, {half, sizeof(half)}}, 0, &event));
        assert_int_equal(line_joiner_add(&joiner, (struct line){2, {half, sizeof(half) - 1 + over}}, 0, &event), over);
        assert_true(line_joiner_take(&joiner, 2, true, &event));
        assert_int_equal(event.text.len, over == 0 ? LINE_BYTES_MAX : sizeof(half));
        line_joiner_free(&joiner);
    }
    line_pattern_free(pattern);
}

/* Whatever comes, the events' lines are the lines that went in, in order, and no event is too big. */
static void no_line_is_lost(void **state)
{
    static char big[LINE_BYTES_MAX];
    struct line_pattern *pattern = starts_with_info();
    struct line_joiner joiner;
    struct random random;
    auto_buf in = {.limit = (size_t)1 << 30};
    auto_buf out = {.limit = (size_t)1 << 30};

    (void)state;
    (void)memset(big, 'x', sizeof(big));
    random_seed(&random, 11);
    line_joiner_init(&joiner, pattern);
    for (size_t i = 0; i < 3000; i++) {
        size_t len = (size_t)random_below(&random, random_chance(&random, 20) ? LINE_BYTES_MAX + 1 : 50);
        struct line line = {(int64_t)i, {big, len}};
        struct line event;

        if (random_chance(&random, 300))
            line.text = STR("INFO");
        buf_add(&in, line.text);
        buf_add_char(&in, '\n');
        if (line_joiner_add(&joiner, line, 0, &event)) {
            assert_true(event.text.len <= LINE_BYTES_MAX);
            assert_true(event.when_ms < (int64_t)i);
            buf_add(&out, event.text);
            buf_add_char(&out, '\n');
        }
        if (line_joiner_take(&joiner, 0, random_chance(&random, 10), &event)) {
            buf_add(&out, event.text);
            buf_add_char(&out, '\n');
        }
    }
    {
        struct line event;

        if (line_joiner_take(&joiner, 0, true, &event)) {
            buf_add(&out, event.text);
            buf_add_char(&out, '\n');
        }
    }
    assert_true(str_eq(buf_str(&in), buf_str(&out)));
    line_joiner_free(&joiner);
    line_pattern_free(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_ends_where_the_next_begins), cmocka_unit_test(an_event_waits_five_seconds),
        cmocka_unit_test(a_clock_that_is_set_changes_no_wait), cmocka_unit_test(without_a_pattern_lines_pass),
        cmocka_unit_test(an_event_grows_to_its_limit_exactly), cmocka_unit_test(no_line_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
