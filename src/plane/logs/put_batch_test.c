#include "plane/logs/put_batch.h"

#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW INT64_C(1795341600000)

enum { EVENTS_MAX = 6 };

static struct logs_input_log_events batch(struct logs_input_log_event *items, const int64_t *ages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        items[i] = (struct logs_input_log_event){.timestamp = NOW - ages[i], .message = STR("x")};
    return (struct logs_input_log_events){items, count};
}

static void whole_batches_are_refused(void **state)
{
    static const struct {
        int64_t ages[EVENTS_MAX];
        size_t count;
        const char *why; /* NULL: it is taken */
    } rows[] = {
        {{0}, 1, NULL},
        {{5, 5, 4}, 3, NULL},
        {{4, 5}, 2, "Log events in a single PutLogEvents request must be in chronological order."},
        {{DAY_MS, 0}, 2, NULL},
        {{DAY_MS + 1, 0},
         2,
         "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct logs_input_log_event items[EVENTS_MAX];
        struct logs_input_log_events events = batch(items, rows[i].ages, rows[i].count);
        struct fail f = {.message = ""};

        assert_int_equal(put_batch_check(&events, &f), rows[i].why == NULL);
        assert_string_equal(f.message, rows[i].why == NULL ? "" : rows[i].why);
    }
}

static void a_batch_has_a_mebibyte(void **state)
{
    char *text = calloc(1, PUT_BATCH_BYTES_MAX);
    struct logs_input_log_event items[2] = {{.message = {text, PUT_BATCH_BYTES_MAX - 26 - 26 - 1}},
                                            {.message = {text, 1}}};
    struct logs_input_log_events events = {items, 2};
    struct fail f;

    (void)state;
    assert_true(put_batch_check(&events, &f));
    items[1].message.len = 2;
    assert_false(put_batch_check(&events, &f));
    assert_string_equal(f.message, "Upload too large: 1048577 bytes exceeds limit of 1048576");
    free(text);
}

static void single_events_are_left_out(void **state)
{
    static const struct {
        int64_t ages[EVENTS_MAX];
        size_t count;
        int64_t retention_ms;          /* 0: for ever */
        int too_old, expired, too_new; /* -1: absent */
        size_t first, end;
    } rows[] = {
        {{3, 2, 1}, 3, 0, -1, -1, -1, 0, 3},
        {{14 * DAY_MS + 1, 14 * DAY_MS}, 2, 0, 1, -1, -1, 1, 2},
        {{-2 * HOUR_MS, -2 * HOUR_MS - 1}, 2, 0, -1, -1, 1, 0, 1},
        {{DAY_MS + 1, DAY_MS}, 2, DAY_MS, -1, 1, -1, 1, 2},
        {{15 * DAY_MS, 14 * DAY_MS, DAY_MS}, 3, 3 * DAY_MS, 1, 2, -1, 2, 3},
        {{15 * DAY_MS, 14 * DAY_MS}, 2, 30 * DAY_MS, 1, -1, -1, 1, 2},
        {{15 * DAY_MS, 15 * DAY_MS}, 2, 0, 2, -1, -1, 2, 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct logs_input_log_event items[EVENTS_MAX];
        struct logs_input_log_events events = batch(items, rows[i].ages, rows[i].count);
        struct put_cut cut = put_batch_cut(&events, NOW, rows[i].retention_ms == 0 ? 0 : NOW - rows[i].retention_ms);
        const struct logs_rejected_log_events_info *info = &cut.rejected;

        assert_int_equal(cut.first, rows[i].first);
        assert_int_equal(cut.end, rows[i].end);
        assert_int_equal(cut.any_rejected, rows[i].first > 0 || rows[i].end < rows[i].count);
        assert_int_equal(info->has_too_old_log_event_end_index ? info->too_old_log_event_end_index : -1,
                         rows[i].too_old);
        assert_int_equal(info->has_expired_log_event_end_index ? info->expired_log_event_end_index : -1,
                         rows[i].expired);
        assert_int_equal(info->has_too_new_log_event_start_index ? info->too_new_log_event_start_index : -1,
                         rows[i].too_new);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_batches_are_refused),
        cmocka_unit_test(a_batch_has_a_mebibyte),
        cmocka_unit_test(single_events_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
