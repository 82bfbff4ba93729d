#include "os/entropy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A filler that stops early leaves zeroes; one that repeats itself gives equal halves. */
static void large_requests_are_filled_to_the_end(void **state)
{
    enum { BYTES = 1 << 20 };
    auto_free unsigned char *at = calloc(1, BYTES);
    size_t zeroes = 0;

    (void)state;
    assert_non_null(at);
    entropy_fill(at, BYTES);
    for (size_t i = BYTES - 4096; i < BYTES; i++)
        zeroes += at[i] == 0;
    assert_in_range(zeroes, 0, 100);
    assert_memory_not_equal(at, at + BYTES / 2, BYTES / 2);
}

static void generators_differ(void **state)
{
    struct random one;
    struct random other;

    (void)state;
    entropy_seed(&one);
    entropy_seed(&other);
    assert_int_not_equal(random_next(&one), random_next(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(large_requests_are_filled_to_the_end),
                                       cmocka_unit_test(generators_differ)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
