#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void iso8601_is_read(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t when_ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2026-11-22T10:00:00.123Z", true, 1795341600123},
        {"2026-11-22T11:00:00+01:00", true, 1795341600000},
        {"2026-02-31T00:00:00Z", false, 0},
        {"2026-11-22", false, 0},
        {"2026-11-22T10:00:00", false, 0},
        {"2026-11-22T10:00:00Zx", false, 0},
        {"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t when_ms = 0;

        assert_int_equal(when_from_iso8601(str_of(rows[i].text), &when_ms), rows[i].good);
        assert_int_equal(when_ms, rows[i].when_ms);
    }
}

static void iso8601_round_trip(void **state)
{
    struct arena arena;
    int64_t back;

    (void)state;
    arena_init(&arena, 4096);
    assert_true(when_from_iso8601(when_to_iso8601(&arena, 1795341600123), &back));
    assert_int_equal(back, 1795341600123);
    assert_true(str_is(when_to_http(&arena, 1795341600123), "Sun, 22 Nov 2026 10:00:00 GMT"));
    assert_true(when_from_amz_date(STR("20261122T100000Z"), &back));
    assert_int_equal(back, 1795341600000);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(iso8601_is_read), cmocka_unit_test(iso8601_round_trip)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
