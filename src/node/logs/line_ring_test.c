#include "node/logs/line_ring.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void push(struct line_ring *ring, int64_t when_ms, size_t len)
{
    static const char text[1000];

    line_ring_push(ring, (struct line){when_ms, {text, len}});
}

static void the_oldest_are_dropped_and_counted(void **state)
{
    struct line_ring ring;
    struct line line;

    (void)state;
    line_ring_init(&ring, 3 * (LINE_RING_OVERHEAD_BYTES + 10));
    assert_false(line_ring_first(&ring, &line));
    for (int64_t i = 0; i < 5; i++)
        push(&ring, i, 10);
    assert_int_equal(ring.dropped_lines, 2);
    assert_int_equal(ring.dropped_bytes, 20);
    for (int64_t i = 2; i < 5; i++) {
        assert_true(line_ring_first(&ring, &line));
        assert_int_equal(line.when_ms, i);
        assert_int_equal(line.text.len, 10);
        line_ring_remove(&ring);
    }
    assert_false(line_ring_first(&ring, &line));
    assert_int_equal(ring.bytes, 0);
    line_ring_free(&ring);
}

static void a_line_that_never_fits_drops_only_itself(void **state)
{
    struct line_ring ring;
    struct line line;

    (void)state;
    line_ring_init(&ring, 200);
    push(&ring, 1, 0);
    push(&ring, 2, 200);
    assert_int_equal(ring.dropped_lines, 1);
    assert_int_equal(ring.dropped_bytes, 200);
    assert_true(line_ring_first(&ring, &line));
    assert_int_equal(line.when_ms, 1);
    line_ring_free(&ring);
}

/* What comes out is what went in without what was counted as dropped, in order; the bound holds. */
static void every_line_is_kept_or_counted(void **state)
{
    struct line_ring ring;
    struct random random;
    struct line line;
    int64_t pushed = 0;
    int64_t last = -1;
    uint64_t taken = 0;

    (void)state;
    random_seed(&random, 5);
    line_ring_init(&ring, 2000);
    for (size_t i = 0; i < 20000; i++) {
        if (random_chance(&random, 550)) {
            push(&ring, pushed++, (size_t)random_below(&random, 1000));
        } else if (line_ring_first(&ring, &line)) {
            assert_true(line.when_ms > last);
            last = line.when_ms;
            taken++;
            line_ring_remove(&ring);
        }
        assert_true(ring.bytes <= ring.bytes_max);
    }
    for (; line_ring_first(&ring, &line); taken++)
        line_ring_remove(&ring);
    assert_int_equal(taken + ring.dropped_lines, pushed);
    line_ring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_are_dropped_and_counted),
        cmocka_unit_test(a_line_that_never_fits_drops_only_itself),
        cmocka_unit_test(every_line_is_kept_or_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
