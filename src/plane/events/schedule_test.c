/* Schedule expressions: the examples of the user guide, and what a calendar has in store. */
#include "plane/events/schedule.h"

#include "base/arena.h"
#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int64_t when(const char *text)
{
    int64_t ms;

    assert_true(when_from_iso8601(str_of(text), &ms));
    return ms;
}

static const struct {
    const char *expression, *now, *next; /* NULL: never */
} cases[] = {
    /* "Cron expressions": examples */
    {"cron(0 10 * * ? *)", "2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z"},
    {"cron(0 10 * * ? *)", "2026-01-01T09:59:59Z", "2026-01-01T10:00:00Z"},
    {"cron(15 12 * * ? *)", "2026-01-01T12:14:59.999Z", "2026-01-01T12:15:00Z"},
    {"cron(0 18 ? * MON-FRI *)", "2026-11-27T18:00:00Z", "2026-11-30T18:00:00Z"},
    {"cron(0 8 1 * ? *)", "2026-11-28T00:00:00Z", "2026-12-01T08:00:00Z"},
    {"cron(0/15 * * * ? *)", "2026-11-28T12:01:00Z", "2026-11-28T12:15:00Z"},
    {"cron(0/15 * * * ? *)", "2026-11-28T12:45:00Z", "2026-11-28T13:00:00Z"},
    {"cron(0/10 * ? * MON-FRI *)", "2026-11-28T12:01:00Z", "2026-11-30T00:00:00Z"},
    {"cron(0/5 8-17 ? * MON-FRI *)", "2026-11-27T17:55:00Z", "2026-11-30T08:00:00Z"},
    {"cron(0/30 20-2 ? * MON-FRI *)", "2026-11-27T02:30:00Z", "2026-11-27T20:00:00Z"},
    {"cron(0 9 ? * 2#1 *)", "2026-11-28T00:00:00Z", "2026-12-07T09:00:00Z"},
    {"cron(0 9 ? * 6#5 *)", "2026-11-28T00:00:00Z", "2027-01-29T09:00:00Z"},
    {"cron(0 12 L * ? *)", "2026-02-01T00:00:00Z", "2026-02-28T12:00:00Z"},
    {"cron(0 12 LW * ? *)", "2026-02-01T00:00:00Z", "2026-02-27T12:00:00Z"},
    {"cron(0 12 ? * 6L *)", "2026-11-01T00:00:00Z", "2026-11-27T12:00:00Z"},
    {"cron(0 12 ? * friL *)", "2026-11-28T00:00:00Z", "2026-12-25T12:00:00Z"},
    {"cron(0 12 ? * L *)", "2026-11-22T00:00:00Z", "2026-11-28T12:00:00Z"},
    {"cron(0 12 15W * ? *)", "2026-11-01T00:00:00Z", "2026-11-16T12:00:00Z"},
    {"cron(0 12 1W * ? *)", "2026-08-01T00:00:00Z", "2026-08-03T12:00:00Z"},
    {"cron(0 12 31W * ? *)", "2026-05-02T00:00:00Z", "2026-05-29T12:00:00Z"},
    {"cron(0 0 1 1,jul ? *)", "2026-03-01T00:00:00Z", "2026-07-01T00:00:00Z"},
    {"cron(5 4,16 * * ? 2027-2030/2)", "2026-03-01T00:00:00Z", "2027-01-01T04:05:00Z"},
    {"cron(5 4 31 12 ? 2027/2)", "2027-12-31T04:05:00Z", "2029-12-31T04:05:00Z"},
    {"cron(0 0 ? * SAT-MON *)", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"},
    {"cron(59 23 ? * * *)", "2026-12-31T23:59:00Z", "2027-01-01T23:59:00Z"},
    /* leap years */
    {"cron(0 0 29 2 ? *)", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
    {"cron(0 0 29 2 ? *)", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
    /* never */
    {"cron(0 0 30 2 ? *)", "2026-01-01T00:00:00Z", NULL},
    {"cron(0 0 31 4,6 ? *)", "2026-01-01T00:00:00Z", NULL},
    {"cron(0 0 1 1 ? 2026)", "2026-01-01T00:00:00Z", NULL},
    {"cron(0 0 1 1 ? 1999)", "2026-01-01T00:00:00Z", NULL},
    {"cron(59 23 31 12 ? 2199)", "2199-12-31T23:59:00Z", NULL},
    /* rates count from their beginning, 2026-01-01T00:00:30Z */
    {"rate(1 minute)", "2026-01-01T00:00:30Z", "2026-01-01T00:01:30Z"},
    {"rate(5 minutes)", "2026-01-01T00:05:29.999Z", "2026-01-01T00:05:30Z"},
    {"rate(5 minutes)", "2026-01-01T00:05:30Z", "2026-01-01T00:10:30Z"},
    {"rate(1 hour)", "2026-01-01T12:00:00Z", "2026-01-01T12:00:30Z"},
    {"rate(7 days)", "2026-01-01T12:00:00Z", "2026-01-08T00:00:30Z"},
};

static void times_are_as_documented(void **state)
{
    int64_t begin = when("2026-01-01T00:00:30Z");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t expected = cases[i].next == NULL ? WHEN_NEVER : when(cases[i].next);
        struct schedule schedule;
        struct arena arena;
        int64_t next;

        if (!schedule_read(str_of(cases[i].expression), &schedule))
            fail_msg("%s is refused", cases[i].expression);
        next = schedule_next(&schedule, begin, when(cases[i].now));
        arena_init(&arena, ARENA_LIMIT_DEFAULT);
        if (next != expected)
            fail_msg("%s after %s is %s, not %s", cases[i].expression, cases[i].now,
                     next == WHEN_NEVER ? "never" : when_to_iso8601(&arena, next).ptr, cases[i].next);
        arena_free(&arena);
    }
}

static const char *const refused[] = {
    "",
    "rate",
    "rate()",
    "rate(5)",
    "rate(0 minutes)",
    "rate(-1 minutes)",
    "rate(1 minutes)",
    "rate(5 minute)",
    "rate(5 seconds)",
    "rate(1.5 hours)",
    "rate(99999999999 days)",
    "rate(5 minutes",
    "cron()",
    "cron(0 10 * * ?)",
    "cron(0 10 * * ? * *)",
    "cron(0 10 * * * *)",
    "cron(0 10 ? * ? *)",
    "cron(60 10 * * ? *)",
    "cron(0 24 * * ? *)",
    "cron(0 10 0 * ? *)",
    "cron(0 10 32 * ? *)",
    "cron(0 10 * 13 ? *)",
    "cron(0 10 ? * 8 *)",
    "cron(0 10 ? * 0 *)",
    "cron(0 10 * * ? 1969)",
    "cron(0 10 * * ? 2200)",
    "cron(0 10 ? * 2#6 *)",
    "cron(0 10 ? * 2#1,3#1 *)",
    "cron(0 10 32W * ? *)",
    "cron(0, 10 * * ? *)",
    "cron(*/0 10 * * ? *)",
    "cron(1- 10 * * ? *)",
    "cron(-1 10 * * ? *)",
    "cron(? 10 * * ? *)",
    "at(2026-01-01T00:00:00)",
    "0 10 * * ? *",
};

static void what_is_no_schedule_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct schedule schedule;

        if (schedule_read(str_of(refused[i]), &schedule))
            fail_msg("'%s' was taken", refused[i]);
    }
}

/* Against the plainest calendar there is: every day of four hundred years has the day behind it. */
static void every_day_comes_once(void **state)
{
    struct schedule schedule;
    int64_t now = when("1970-01-01T00:00:00Z");
    size_t days = 0;

    (void)state;
    assert_true(schedule_read(STR("cron(0 0 * * ? *)"), &schedule));
    for (int64_t next; (next = schedule_next(&schedule, 0, now)) != WHEN_NEVER; now = next, days++)
        assert_true(next == now + DAY_MS);
    assert_int_equal(days, 84005);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_as_documented),
        cmocka_unit_test(what_is_no_schedule_is_refused),
        cmocka_unit_test(every_day_comes_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
