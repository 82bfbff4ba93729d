#include "node/logs/line_pattern.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct line_pattern *from_regex(const char *regex)
{
    struct line_pattern *pattern;
    struct fail f;

    if (!line_pattern_from_regex(str_of(regex), &pattern, &f))
        fail_msg("%s: %s", regex, f.message);
    return pattern;
}

static void datetime_formats(void **state)
{
    static const struct {
        const char *format;
        const char *line;
        bool begins;
    } rows[] = {
        {"\\[%b %d, %Y %H:%M:%S\\]", "[May 01, 2017 19:00:01] A message was logged", true},
        {"\\[%b %d, %Y %H:%M:%S\\]", "Another line [May 01 2017]", false},
        {"\\[%b %d, %Y %H:%M:%S\\]", "[May 32, 2017 19:00:01]", false},
        {"%Y-%m-%dT%H:%M:%S%L", "2026-11-22T10:00:00.123Z x", true},
        {"%Y-%m-%dT%H:%M:%S%L", "2026-11-22T24:00:00.123Z x", false},
        {"%Y-%m-%d %H:%M:%S,%f", "2026-11-22 10:00:00,123456", true},
        {"^%d/%b/%Y", "x 22/Nov/2026", false},
        {"%A, %B %d %I:%M %p", "Sunday, November 22 10:00 AM", true},
        {"%A, %B %d %I:%M %p", "Sunday, November 22 13:00 AM", false},
        {"%a %w %y %j %z %Z", "Sun 0 26 326 +0100 CET", true},
        {"%j", "367", false},
        {"%j", "000", false},
        {"100%%", "100%", true},
        {"%S", "60", true},
        {"%S", "61", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct line_pattern *pattern;
        struct fail f;

        if (!line_pattern_from_datetime(str_of(rows[i].format), &pattern, &f))
            fail_msg("%s: %s", rows[i].format, f.message);
        if (line_pattern_match(pattern, str_of(rows[i].line)) != rows[i].begins)
            fail_msg("%s against '%s'", rows[i].format, rows[i].line);
        line_pattern_free(pattern);
    }
}

static void literal_text_stays(void **state)
{
    auto_buf regex = {0};
    struct fail f;

    (void)state;
    assert_true(line_pattern_datetime_regex(STR("^%Y x"), &regex, &f));
    assert_true(str_is(buf_str(&regex), "^\\d{4} x"));
}

static void bad_ones_are_refused(void **state)
{
    static const char *const formats[] = {"%Y-%q", "%", "(%Y"};
    static const char *const regexes[] = {"(", "a)(?:b", "[", "*", "\\C", "(?P<n>a)\\k<m>"};
    struct line_pattern *pattern;
    struct fail f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        assert_false(line_pattern_from_datetime(str_of(formats[i]), &pattern, &f));
        assert_int_equal(f.code, FAIL_INPUT);
    }
    for (size_t i = 0; i < COUNT_OF(regexes); i++) {
        if (line_pattern_from_regex(str_of(regexes[i]), &pattern, &f))
            fail_msg("%s must be refused", regexes[i]);
        assert_int_equal(f.code, FAIL_INPUT);
        assert_non_null(strstr(f.message, regexes[i]));
    }
}

static void lines_of_any_bytes_are_looked_at(void **state)
{
    static const struct {
        const char *regex;
        struct str line;
        bool begins;
    } rows[] = {
        {"^INFO", STR_INIT("INFO \xff\xfe rubbish"), true},
        {"rubbish", STR_INIT("INFO \xff rubbish"), false},
        {"^.$", STR_INIT("\xc3\xa9"), true},
        {"^$", STR_INIT(""), true},
        {"x$", STR_INIT("x\xff"), false}, /* the end of what is looked at is not the end of the line */
        {"a.b", {"a\0b", 3}, true},
        {"x|^y", STR_INIT("y"), true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct line_pattern *pattern = from_regex(rows[i].regex);

        if (line_pattern_match(pattern, rows[i].line) != rows[i].begins)
            fail_msg("%s", rows[i].regex);
        line_pattern_free(pattern);
    }
}

static void evil_expressions_end(void **state)
{
    struct line_pattern *pattern = from_regex("^(a+)+$|(x*)*y$");
    char line[100000];

    (void)state;
    (void)memset(line, 'a', sizeof(line));
    line[60] = 'b';
    assert_false(line_pattern_match(pattern, (struct str){line, sizeof(line)}));
    line_pattern_free(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datetime_formats),     cmocka_unit_test(literal_text_stays),
        cmocka_unit_test(bad_ones_are_refused), cmocka_unit_test(lines_of_any_bytes_are_looked_at),
        cmocka_unit_test(evil_expressions_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
