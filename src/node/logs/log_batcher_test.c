#include "node/logs/log_batcher.h"

#include "base/random.h"
#include "base/when.h"
#include "node/logs/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char big[LINE_BYTES_MAX];

static int fill_big(void **state)
{
    (void)state;
    (void)memset(big, 'x', sizeof(big));
    return 0;
}

static void init(struct log_batcher *batcher)
{
    log_batcher_init(batcher, /* flush_interval_ms= */ 5000, /* events_max= */ 100000, /* now_ms= */ 0);
}

/* The next batch must have so many events. */
static struct log_batch *take(struct log_batcher *batcher, int64_t now_ms, bool force, size_t count)
{
    struct log_batch *batch = NULL;

    assert_true(log_batcher_take(batcher, now_ms, force, &batch));
    assert_int_equal(batch->count, count);
    return batch;
}

static void a_batch_goes_out_every_interval(void **state)
{
    struct log_batcher batcher;
    struct log_batch *batch;

    (void)state;
    init(&batcher);
    assert_int_equal(log_batcher_due_ms(&batcher), WHEN_NEVER);
    assert_true(log_batcher_add(&batcher, 100, STR("a")));
    assert_int_equal(log_batcher_due_ms(&batcher), 5000);
    assert_false(log_batcher_take(&batcher, 4999, false, &batch));
    log_batch_free(take(&batcher, 5000, false, 1));
    assert_true(log_batcher_add(&batcher, 5001, STR("b")));
    assert_false(log_batcher_take(&batcher, 9999, false, &batch));
    log_batch_free(take(&batcher, 9999, /* force= */ true, 1));
    assert_false(log_batcher_take(&batcher, 20000, true, &batch));
    log_batcher_free(&batcher);
}

static void events_are_sorted_by_time_then_by_arrival(void **state)
{
    struct log_batcher batcher;
    struct log_batch *batch;

    (void)state;
    init(&batcher);
    assert_true(log_batcher_add(&batcher, 300, STR("d")));
    assert_true(log_batcher_add(&batcher, 100, STR("a")));
    assert_true(log_batcher_add(&batcher, 200, STR("b")));
    assert_true(log_batcher_add(&batcher, 200, STR("c")));
    batch = take(&batcher, 0, true, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(batch->events[i].text.ptr[0], "abcd"[i]);
    assert_int_equal(batch->first_ms, 100);
    assert_int_equal(batch->last_ms, 300);
    log_batch_free(batch);
    log_batcher_free(&batcher);
}

static void ten_thousand_events_fill_a_batch(void **state)
{
    struct log_batcher batcher;

    (void)state;
    init(&batcher);
    for (size_t i = 0; i < LOG_BATCH_EVENTS_MAX; i++)
        assert_true(log_batcher_add(&batcher, 1, STR("x")));
    assert_int_equal(log_batcher_due_ms(&batcher), 5000);
    assert_true(log_batcher_add(&batcher, 1, STR("x")));
    assert_int_equal(log_batcher_due_ms(&batcher), 0);
    log_batch_free(take(&batcher, 0, false, LOG_BATCH_EVENTS_MAX));
    log_batch_free(take(&batcher, 0, true, 1));
    log_batcher_free(&batcher);
}

static void a_mebibyte_fills_a_batch(void **state)
{
    struct log_batcher batcher;
    struct log_batch *batch;

    (void)state;
    init(&batcher);
    for (size_t i = 0; i < 4; i++)
        assert_true(log_batcher_add(&batcher, 1, (struct str){big, LOG_BATCH_MESSAGE_BYTES_MAX}));
    assert_true(log_batcher_add(&batcher, 1, STR("x")));
    batch = take(&batcher, 0, false, 4);
    assert_int_equal(batch->bytes, LOG_BATCH_BYTES_MAX);
    log_batch_free(batch);
    log_batch_free(take(&batcher, 0, true, 1));
    log_batcher_free(&batcher);
}

static void a_batch_spans_a_day(void **state)
{
    static const int64_t times[] = {DAY_MS, 2 * DAY_MS, 2 * DAY_MS + 1, INT64_MIN, INT64_MAX};
    static const size_t counts[] = {2, 1, 1, 1};
    struct log_batcher batcher;

    (void)state;
    init(&batcher);
    for (size_t i = 0; i < COUNT_OF(times); i++)
        assert_true(log_batcher_add(&batcher, times[i], STR("x")));
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        log_batch_free(take(&batcher, 0, true, counts[i]));
    log_batcher_free(&batcher);
}

static void a_big_message_is_cut_between_characters(void **state)
{
    struct log_batcher batcher;
    struct log_batch *batch;
    char *text = malloc(LINE_BYTES_MAX);

    (void)state;
    assert_non_null(text);
    /* Three bytes each, so that the limit falls within a character. */
    for (size_t i = 0; i < LINE_BYTES_MAX; i++)
        text[i] = "\xe2\x82\xac"[i % 3];
    init(&batcher);
    assert_true(log_batcher_add(&batcher, 1, (struct str){text, LINE_BYTES_MAX / 3 * 3}));
    batch = take(&batcher, 0, true, 2);
    assert_int_equal(batch->events[0].text.len, LOG_BATCH_MESSAGE_BYTES_MAX / 3 * 3);
    assert_int_equal(batch->events[0].text.len + batch->events[1].text.len, LINE_BYTES_MAX / 3 * 3);
    log_batch_free(batch);
    log_batcher_free(&batcher);
    free(text);
}

static void messages_become_valid_and_empty_ones_vanish(void **state)
{
    struct log_batcher batcher;
    struct log_batch *batch;

    (void)state;
    init(&batcher);
    assert_true(log_batcher_add(&batcher, 1, STR("")));
    assert_false(log_batcher_take(&batcher, 0, true, &batch));
    assert_true(log_batcher_add(&batcher, 1, STR("a\xff")));
    batch = take(&batcher, 0, true, 1);
    assert_true(str_is(batch->events[0].text, "a\xef\xbf\xbd"));
    log_batch_free(batch);
    log_batcher_free(&batcher);
}

static void a_full_batcher_takes_nothing(void **state)
{
    struct log_batcher batcher;
    struct log_batch *batch;
    size_t added = 0;

    (void)state;
    log_batcher_init(&batcher, 5000, /* events_max= */ 3, 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(log_batcher_add(&batcher, 1, STR("x")));
    assert_false(log_batcher_add(&batcher, 1, STR("x")));
    log_batch_free(take(&batcher, 0, true, 3));
    assert_true(log_batcher_add(&batcher, 1, STR("x")));
    log_batcher_free(&batcher);

    init(&batcher);
    while (log_batcher_add(&batcher, 1, (struct str){big, sizeof(big)}))
        added++;
    assert_int_equal(added, 16);
    assert_true(log_batcher_take(&batcher, 0, false, &batch));
    log_batch_free(batch);
    assert_true(log_batcher_add(&batcher, 1, STR("x")));
    log_batcher_free(&batcher);
}

/* -- Whatever goes in: nothing is lost, and each batch keeps the limits and its order. */

static void check_batch(const struct log_batch *batch, struct buf *out)
{
    size_t bytes = 0;

    assert_true(batch->count > 0 && batch->count <= LOG_BATCH_EVENTS_MAX);
    assert_true(batch->bytes <= LOG_BATCH_BYTES_MAX);
    assert_true(batch->last_ms - batch->first_ms <= DAY_MS);
    assert_int_equal(batch->events[0].when_ms, batch->first_ms);
    assert_int_equal(batch->events[batch->count - 1].when_ms, batch->last_ms);
    for (size_t i = 0; i < batch->count; i++) {
        const struct line *event = &batch->events[i];

        assert_true(event->text.len > 0 && event->text.len <= LOG_BATCH_MESSAGE_BYTES_MAX);
        assert_int_equal(utf8_cut(event->text, event->text.len), event->text.len);
        assert_true(i == 0 || batch->events[i - 1].when_ms <= event->when_ms);
        bytes += event->text.len + LOG_BATCH_OVERHEAD_BYTES;
        buf_add(out, event->text);
    }
    assert_int_equal(bytes, batch->bytes);
}

static void take_all(struct log_batcher *batcher, int64_t now_ms, bool force, struct buf *out)
{
    struct log_batch *batch;

    while (log_batcher_take(batcher, now_ms, force, &batch)) {
        check_batch(batch, out);
        log_batch_free(batch);
    }
}

/* Bytes that tell messages apart wherever they are cut. */
static struct str random_message(struct random *random, char *room)
{
    size_t len = (size_t)random_below(random, random_chance(random, 30) ? LINE_BYTES_MAX + 1 : 300);
    uint64_t word = random_next(random);

    for (size_t i = 0; i < len; i++)
        room[i] = (char)(' ' + (word >> (i % 8 * 8)) % 95);
    return (struct str){room, len};
}

/* Times only grow, now and then by days: then what comes out is what went in, byte for byte. */
static void nothing_is_lost_and_order_is_kept(void **state)
{
    struct log_batcher batcher;
    struct random random;
    auto_buf in = {.limit = (size_t)1 << 30};
    auto_buf out = {.limit = (size_t)1 << 30};
    char *room = malloc(LINE_BYTES_MAX);
    int64_t now_ms = 0;

    (void)state;
    assert_non_null(room);
    random_seed(&random, 21);
    init(&batcher);
    for (size_t i = 0; i < 2500; i++) {
        struct str text = random_message(&random, room);

        buf_add(&in, text);
        while (!log_batcher_add(&batcher, now_ms, text))
            take_all(&batcher, now_ms, false, &out);
        now_ms += (int64_t)random_below(&random, random_chance(&random, 10) ? 3 * DAY_MS : 100);
        if (random_chance(&random, 100))
            take_all(&batcher, now_ms, random_chance(&random, 100), &out);
    }
    take_all(&batcher, now_ms, true, &out);
    assert_false(in.overflowed);
    assert_true(str_eq(buf_str(&in), buf_str(&out)));
    assert_int_equal(batcher.events + batcher.bytes + batcher.lost_events, 0);
    log_batcher_free(&batcher);
    free(room);
}

/* Times jump to and fro: the limits hold all the same, and no byte is lost. */
static void limits_hold_whatever_the_times(void **state)
{
    struct log_batcher batcher;
    struct random random;
    auto_buf out = {.limit = (size_t)1 << 30};
    char *room = malloc(LINE_BYTES_MAX);
    size_t bytes = 0;

    (void)state;
    assert_non_null(room);
    random_seed(&random, 22);
    init(&batcher);
    for (size_t i = 0; i < 2500; i++) {
        struct str text = random_message(&random, room);
        int64_t when_ms = (int64_t)random_below(&random, random_chance(&random, 50) ? 3 * DAY_MS : 1000);

        bytes += text.len;
        while (!log_batcher_add(&batcher, when_ms, text))
            take_all(&batcher, 0, false, &out);
    }
    take_all(&batcher, 0, true, &out);
    assert_int_equal(out.len, bytes);
    log_batcher_free(&batcher);
    free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_goes_out_every_interval),
        cmocka_unit_test(events_are_sorted_by_time_then_by_arrival),
        cmocka_unit_test(ten_thousand_events_fill_a_batch),
        cmocka_unit_test(a_mebibyte_fills_a_batch),
        cmocka_unit_test(a_batch_spans_a_day),
        cmocka_unit_test(a_big_message_is_cut_between_characters),
        cmocka_unit_test(messages_become_valid_and_empty_ones_vanish),
        cmocka_unit_test(a_full_batcher_takes_nothing),
        cmocka_unit_test(nothing_is_lost_and_order_is_kept),
        cmocka_unit_test(limits_hold_whatever_the_times),
    };

    return cmocka_run_group_tests(tests, fill_big, NULL);
}
