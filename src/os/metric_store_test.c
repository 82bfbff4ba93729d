#include "os/metric_store.h"

#include "base/must.h"
#include "base/when.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0 (INT64_C(1700000000) / 3600 * 3600 * SECOND_MS)

struct bed {
    char directory[64], path[96];
    struct metric_store *store;
    struct arena arena;
};

static void open_store(struct bed *bed)
{
    struct fail f;
    bool set_aside;

    assert_true(metric_store_open(bed->path, &bed->store, &set_aside, &f));
    assert_false(set_aside);
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));

    must(bed != NULL);
    (void)snprintf(bed->directory, sizeof(bed->directory), "/tmp/berth-metrics-XXXXXX");
    must(mkdtemp(bed->directory) != NULL);
    (void)snprintf(bed->path, sizeof(bed->path), "%s/metrics.db", bed->directory);
    arena_init(&bed->arena, ARENA_LIMIT_DEFAULT);
    open_store(bed);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const endings[] = {"", "-wal", "-shm", ".damaged"};
    struct bed *bed = *state;
    char path[128];

    metric_store_close(bed->store);
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", bed->path, endings[i]);
        (void)unlink(path);
    }
    (void)rmdir(bed->directory);
    arena_free(&bed->arena);
    free(bed);
    return 0;
}

static const struct metric_key cpu = {STR_INIT("1"), STR_INIT("r"), STR_INIT("App"), STR_INIT("Cpu"), STR_INIT("")};

static void put(struct bed *bed, const struct metric_key *key, int64_t at_ms, double value, bool high_resolution)
{
    struct metric_value one = {value, 1};
    struct metric_sample sample = {.key = *key,
                                   .unit = STR("None"),
                                   .at_ms = at_ms,
                                   .high_resolution = high_resolution,
                                   .statistics = {1, value, value, value},
                                   .values = &one,
                                   .value_count = 1};
    struct fail f;

    assert_true(metric_store_append(bed->store, &sample, 1, at_ms, &f));
}

static struct metric_points read_points(struct bed *bed, int64_t start_ms, int64_t end_ms, int64_t period_ms)
{
    struct metric_query query = {
        .key = cpu, .start_ms = start_ms, .end_ms = end_ms, .period_ms = period_ms, .with_values = true};
    struct metric_points points;
    struct fail f;

    assert_true(metric_store_read(bed->store, &query, &bed->arena, &points, &f));
    return points;
}

static void points_of_a_period_are_added_up(void **state)
{
    struct bed *bed = *state;
    struct metric_points points;

    put(bed, &cpu, T0 + 1 * SECOND_MS, 3, false);
    put(bed, &cpu, T0 + 59 * SECOND_MS, 1, false);
    put(bed, &cpu, T0 + 61 * SECOND_MS, 3, false);
    put(bed, &cpu, T0 + 300 * SECOND_MS, 7, false);
    points = read_points(bed, T0, T0 + 600 * SECOND_MS, 300 * SECOND_MS);
    assert_int_equal(points.count, 2);
    assert_true(points.items[0].at_ms == T0);
    assert_true(points.items[0].statistics.count == 3);
    assert_true(points.items[0].statistics.sum == 7);
    assert_true(points.items[0].statistics.min == 1);
    assert_true(points.items[0].statistics.max == 3);
    assert_int_equal(points.items[0].value_count, 2);
    assert_true(points.items[0].values[1].count == 2);
    assert_true(points.items[1].at_ms == T0 + 300 * SECOND_MS);
    assert_int_equal(read_points(bed, T0, T0 + 300 * SECOND_MS, 60 * SECOND_MS).count, 2);
}

static void what_was_taken_is_there_after_a_restart(void **state)
{
    struct bed *bed = *state;

    put(bed, &cpu, T0, 3, false);
    metric_store_close(bed->store);
    open_store(bed);
    assert_int_equal(read_points(bed, T0, T0 + 60 * SECOND_MS, 60 * SECOND_MS).count, 1);
}

/* A statistic set of several values has no percentiles. */
static void values_are_known_or_not(void **state)
{
    struct bed *bed = *state;
    struct metric_sample set = {.key = cpu, .unit = STR("None"), .at_ms = T0, .statistics = {3, 6, 1, 3}};
    struct metric_points points;
    struct fail f;

    put(bed, &cpu, T0, 2, false);
    assert_true(metric_store_append(bed->store, &set, 1, T0, &f));
    put(bed, &cpu, T0 + 60 * SECOND_MS, 2, false);
    points = read_points(bed, T0, T0 + 120 * SECOND_MS, 60 * SECOND_MS);
    assert_int_equal(points.count, 2);
    assert_null(points.items[0].values);
    assert_true(points.items[0].statistics.count == 4);
    assert_non_null(points.items[1].values);
}

static void age_all(struct bed *bed, int64_t now_ms)
{
    bool more = true;
    struct fail f;

    while (more)
        assert_true(metric_store_age(bed->store, now_ms, &more, &f));
}

static void points_age(void **state)
{
    struct bed *bed = *state;

    put(bed, &cpu, T0 + 1 * SECOND_MS, 1, true);
    put(bed, &cpu, T0 + 2 * SECOND_MS, 3, true);
    assert_int_equal(read_points(bed, T0, T0 + HOUR_MS, SECOND_MS).count, 2);
    age_all(bed, T0 + 4 * HOUR_MS);
    assert_int_equal(read_points(bed, T0, T0 + HOUR_MS, SECOND_MS).count, 0);
    assert_int_equal(read_points(bed, T0, T0 + HOUR_MS, MINUTE_MS).count, 1);
    assert_int_equal(read_points(bed, T0, T0 + HOUR_MS, MINUTE_MS).items[0].value_count, 2);
    age_all(bed, T0 + 16 * DAY_MS);
    assert_int_equal(read_points(bed, T0, T0 + HOUR_MS, MINUTE_MS).count, 0);
    assert_int_equal(read_points(bed, T0, T0 + HOUR_MS, 5 * MINUTE_MS).count, 1);
    assert_null(read_points(bed, T0, T0 + HOUR_MS, 5 * MINUTE_MS).items[0].values);
    age_all(bed, T0 + 64 * DAY_MS);
    assert_true(read_points(bed, T0, T0 + HOUR_MS, HOUR_MS).items[0].statistics.sum == 4);
    age_all(bed, T0 + 457 * DAY_MS);
    assert_int_equal(read_points(bed, T0, T0 + HOUR_MS, HOUR_MS).count, 0);
}

static void metrics_are_listed_in_pages(void **state)
{
    struct bed *bed = *state;
    struct metric_listing listing = {
        .account = STR("1"), .region = STR("r"), .namespace = STR("App"), .limit = 2, .active_since_ms = T0};
    struct metric_key key = cpu;
    struct metric_list list;
    struct fail f;

    for (int i = 0; i < 3; i++) {
        key.dimensions = arena_printf(&bed->arena, "Host\x1f%d\x1f", i);
        put(bed, &key, T0, 1, false);
    }
    key.namespace = STR("Other");
    put(bed, &key, T0, 1, false);
    key.account = STR("2");
    put(bed, &key, T0, 1, false);
    assert_true(metric_store_list(bed->store, &listing, &bed->arena, &list, &f));
    assert_int_equal(list.count, 2);
    assert_true(list.more);
    listing.after = list.items[1].number;
    assert_true(metric_store_list(bed->store, &listing, &bed->arena, &list, &f));
    assert_int_equal(list.count, 1);
    assert_false(list.more);
    assert_true(str_is(list.items[0].key.dimensions, "Host\x1f"
                                                     "2\x1f"));
    listing = (struct metric_listing){.account = STR("1"), .region = STR("r"), .limit = 9, .active_since_ms = T0 + 1};
    assert_true(metric_store_list(bed->store, &listing, &bed->arena, &list, &f));
    assert_int_equal(list.count, 0);
}

static void *write_hundred(void *context)
{
    for (int i = 0; i < 100; i++)
        put(context, &cpu, T0, 1, false);
    return NULL;
}

static void writers_come_together(void **state)
{
    struct bed *bed = *state;
    pthread_t threads[4];

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        must(pthread_create(&threads[i], NULL, write_hundred, bed) == 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        must(pthread_join(threads[i], NULL) == 0);
    assert_true(read_points(bed, T0, T0 + MINUTE_MS, MINUTE_MS).items[0].statistics.count == 400);
}

static void a_damaged_file_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct fail f;
    bool set_aside;
    FILE *file;

    metric_store_close(bed->store);
    file = fopen(bed->path, "w");
    must(file != NULL);
    for (int i = 0; i < 1000; i++)
        (void)fputs("this is no database\n", file);
    (void)fclose(file);
    assert_true(metric_store_open(bed->path, &bed->store, &set_aside, &f));
    assert_true(set_aside);
    put(bed, &cpu, T0, 1, false);
}

static void reset_forgets_everything(void **state)
{
    struct bed *bed = *state;
    struct fail f;

    put(bed, &cpu, T0, 1, false);
    assert_true(metric_store_reset(bed->store, &f));
    assert_int_equal(read_points(bed, T0, T0 + MINUTE_MS, MINUTE_MS).count, 0);
    put(bed, &cpu, T0, 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(points_of_a_period_are_added_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_taken_is_there_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_known_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(points_age, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metrics_are_listed_in_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writers_come_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_set_aside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reset_forgets_everything, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
