#include "os/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <limits.h>
#include <poll.h>

static void virtual_clock_moves_only_by_hand(void **state)
{
    struct clock_virtual by_hand;
    struct clock clock = clock_virtual(&by_hand, 1000);

    (void)state;
    (void)poll(NULL, 0, 2);
    assert_int_equal(clock_now_ms(&clock), 1000);
    clock_virtual_advance(&by_hand, INT64_C(15) * 60 * 1000);
    assert_int_equal(clock_now_ms(&clock), 901000);
}

/* Both clocks are read around a wait whose length nobody knows: the fast one has to have run 60 times as far. */
static void fast_clock_keeps_its_rate(void **state)
{
    struct clock_fast fast;
    struct clock clock = clock_fast(&fast, 60);
    struct clock wall = clock_wall();
    int64_t before_ms = clock_monotonic_ms();
    int64_t start_ms = clock_now_ms(&clock);
    int64_t least_ms;
    int64_t ran_ms;

    (void)state;
    assert_in_range(start_ms, clock_now_ms(&wall) - 60000, clock_now_ms(&wall) + 60000);
    (void)poll(NULL, 0, 20);
    least_ms = clock_monotonic_ms();
    ran_ms = clock_now_ms(&clock) - fast.start_wall_ms;
    assert_true(ran_ms >= 60 * (least_ms - fast.start_monotonic_ms));
    assert_true(ran_ms <= 60 * (clock_monotonic_ms() - fast.start_monotonic_ms));
    assert_true(least_ms - before_ms >= 20);
}

static void time_left_is_never_negative(void **state)
{
    (void)state;
    assert_int_equal(clock_left_ms(clock_monotonic_ms() - 5), 0);
    assert_int_equal(clock_left_ms(INT64_MAX / 2), INT_MAX);
    assert_in_range(clock_left_ms(clock_monotonic_ms() + 60000), 1, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(virtual_clock_moves_only_by_hand),
                                       cmocka_unit_test(fast_clock_keeps_its_rate),
                                       cmocka_unit_test(time_left_is_never_negative)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
