#include "os/log_store.h"

#include "base/random.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

struct world {
    char directory[64];
    char path[128];
    struct log_store *store;
    struct arena arena;
};

static void open_store(struct world *world)
{
    struct fail f;
    bool set_aside;

    assert_true(log_store_open(world->path, &world->store, &set_aside, &f));
    assert_false(set_aside);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    const char *base = getenv("TMPDIR");

    (void)snprintf(world->directory, sizeof(world->directory), "%s/log_store_XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(world->directory));
    (void)snprintf(world->path, sizeof(world->path), "%s/logs.db", world->directory);
    arena_init(&world->arena, ARENA_LIMIT_DEFAULT);
    open_store(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    DIR *directory = opendir(world->directory);
    const struct dirent *entry;

    log_store_close(world->store);
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    (void)closedir(directory);
    (void)rmdir(world->directory);
    arena_free(&world->arena);
    free(world);
    return 0;
}

static struct log_group_key group_key(const char *group)
{
    return (struct log_group_key){STR("111122223333"), STR("eu-west-1"), str_of(group)};
}

static struct log_stream_key stream_key(const char *group, const char *stream)
{
    return (struct log_stream_key){group_key(group), str_of(stream)};
}

static uint64_t append(struct world *world, const char *stream, int64_t when_ms, const char *message)
{
    struct log_input event = {when_ms, str_of(message)};
    struct log_append batch = {stream_key("/app", stream), &event, 1, /* ingestion_ms= */ 5000, {NULL, 0}};
    uint64_t ordinal;
    struct fail f;

    assert_true(log_store_append(world->store, &batch, &ordinal, &f));
    return ordinal;
}

static struct log_get get_query(const char *stream)
{
    return (struct log_get){
        .stream = stream_key("/app", stream), .end_ms = INT64_MAX, .limit = 100, .bytes_max = 1 << 20};
}

static struct log_page get(struct world *world, const struct log_get *query)
{
    struct log_page page;
    struct fail f;

    assert_true(log_store_get(world->store, query, &world->arena, &page, &f));
    return page;
}

static struct log_filter filter_query(void)
{
    return (struct log_filter){
        .group = group_key("/app"), .end_ms = INT64_MAX, .limit = 100, .bytes_max = 1 << 20, .scan_max = SIZE_MAX};
}

static struct log_filter_page filter(struct world *world, const struct log_filter *query)
{
    struct log_filter_page page;
    struct fail f;

    assert_true(log_store_filter(world->store, query, &world->arena, &page, &f));
    return page;
}

/* The messages in order, each one letter: "abc". */
static void assert_messages(const struct log_event *events, size_t count, const char *expected)
{
    char seen[100] = "";

    assert_true(count < sizeof(seen));
    for (size_t i = 0; i < count; i++)
        seen[i] = events[i].message.ptr[0];
    assert_string_equal(seen, expected);
}

static void assert_page(const struct log_page *page, const char *expected)
{
    assert_messages(page->events, page->count, expected);
}

static void ordered_by_time_then_arrival(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct log_page page;

    (void)append(world, "s", 300, "d");
    (void)append(world, "s", 100, "a");
    (void)append(world, "s", 200, "b");
    (void)append(world, "s", 200, "c");
    (void)append(world, "other", 150, "x");
    query.from_head = true;
    page = get(world, &query);
    assert_page(&page, "abcd");
    assert_int_equal(page.events[0].timestamp_ms, 100);
    assert_int_equal(page.events[0].ingestion_ms, 5000);
    assert_true(str_is(page.events[0].stream, "s"));
    query.from_head = false;
    page = get(world, &query);
    assert_page(&page, "abcd");
}

static void start_is_inclusive_and_end_exclusive(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct log_page page;

    for (int i = 0; i < 5; i++)
        (void)append(world, "s", 100 + i, (const char[2]){(char)('a' + i), 0});
    query.start_ms = 101;
    query.end_ms = 103;
    page = get(world, &query);
    assert_page(&page, "bc");
}

static void forward_tokens_walk_to_the_end_and_stay(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct log_page page;

    for (int i = 0; i < 5; i++)
        (void)append(world, "s", 100, (const char[2]){(char)('a' + i), 0});
    query.from_head = true;
    query.limit = 2;
    page = get(world, &query);
    assert_page(&page, "ab");
    query.token = page.forward_token;
    page = get(world, &query);
    assert_page(&page, "cd");
    query.token = page.forward_token;
    page = get(world, &query);
    assert_page(&page, "e");
    query.token = page.forward_token;
    page = get(world, &query);
    assert_page(&page, "");
    assert_true(str_eq(page.forward_token, query.token));
    /* What arrives later is found by the token of the end, even with an equal timestamp. */
    (void)append(world, "s", 100, "f");
    page = get(world, &query);
    assert_page(&page, "f");
    query.token = page.backward_token;
    page = get(world, &query);
    assert_page(&page, "de");
}

static void backward_tokens_walk_to_the_start_and_stay(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct log_page page;

    for (int i = 0; i < 3; i++)
        (void)append(world, "s", 100 + i, (const char[2]){(char)('a' + i), 0});
    query.limit = 2;
    page = get(world, &query);
    assert_page(&page, "bc");
    query.token = page.backward_token;
    page = get(world, &query);
    assert_page(&page, "a");
    query.token = page.backward_token;
    page = get(world, &query);
    assert_page(&page, "");
    assert_true(str_eq(page.backward_token, query.token));
    query.token = page.forward_token;
    page = get(world, &query);
    assert_page(&page, "ab");
}

static void tokens_look_like_those_of_aws(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct log_page page;

    (void)append(world, "s", 1795341600000, "a");
    page = get(world, &query);
    assert_int_equal(page.forward_token.len, 2 + 56 + 2);
    assert_true(str_starts(page.forward_token, STR("f/")));
    assert_true(str_starts(page.backward_token, STR("b/")));
    assert_int_equal(log_event_id(&world->arena, &page.events[0]).len, 56);
}

static void an_empty_stream_gives_tokens_that_find_its_first_event(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct log_page page = get(world, &query);

    assert_int_equal(page.count, 0);
    query.token = page.forward_token;
    (void)append(world, "s", 100, "a");
    page = get(world, &query);
    assert_page(&page, "a");
}

static void foreign_tokens_are_refused(void **state)
{
    static const char *const tokens[] = {"",
                                         "f/",
                                         "f/1/s",
                                         "x",
                                         "n/00000000000000009223372036854775908000000000000000000001/s",
                                         "f/000000000000000092233720368547759080000000000000000x0001/s",
                                         "f/00000000000000009223372036854775908099999999999999999999/s",
                                         "b/00000000000000009223372036854775908000000000000000000001x/"};
    struct world *world = *state;
    struct log_filter filter = filter_query();
    struct log_filter_page filtered;
    struct log_page page;
    struct fail f;

    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        struct log_get query = get_query("s");

        query.token = str_of(tokens[i]);
        assert_false(log_store_get(world->store, &query, &world->arena, &page, &f));
        assert_int_equal(f.code, FAIL_INPUT);
    }
    filter.token = STR("f/00000000000000009223372036854775908000000000000000000001/s");
    assert_false(log_store_filter(world->store, &filter, &world->arena, &filtered, &f));
    assert_int_equal(f.code, FAIL_INPUT);
}

static void a_page_keeps_its_bytes_but_never_starves(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct log_page page;

    for (int i = 0; i < 3; i++)
        (void)append(world, "s", 100 + i, "x123456789");
    query.from_head = true;
    query.bytes_max = (size_t)2 * (10 + LOG_EVENT_OVERHEAD_BYTES);
    assert_int_equal(get(world, &query).count, 2);
    query.bytes_max = 1;
    page = get(world, &query);
    assert_int_equal(page.count, 1);
}

static void a_page_too_big_for_the_arena_fails(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct arena small;
    struct log_page page;
    struct fail f;

    for (int i = 0; i < 50; i++)
        (void)append(world, "s", 100 + i, "x123456789x123456789");
    arena_init(&small, 1024);
    assert_false(log_store_get(world->store, &query, &small, &page, &f));
    assert_int_equal(f.code, FAIL_LIMIT);
    arena_free(&small);
}

static void messages_are_bytes(void **state)
{
    struct world *world = *state;
    struct log_input events[] = {{100, {"a\0b", 3}}, {101, STR_INIT("")}, {102, {NULL, 0}}, {103, {"\xff\xfe", 2}}};
    struct log_append batch = {stream_key("/app", "s"), events, COUNT_OF(events), 1, {NULL, 0}};
    struct log_get query = get_query("s");
    struct log_page page;
    uint64_t ordinal;
    struct fail f;

    assert_true(log_store_append(world->store, &batch, &ordinal, &f));
    assert_int_equal(ordinal, 1);
    page = get(world, &query);
    assert_int_equal(page.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_non_null(page.events[i].message.ptr);
        assert_true(str_eq(page.events[i].message, events[i].message));
    }
}

static void extreme_times_are_kept(void **state)
{
    static const int64_t times[] = {INT64_MIN, -1, 0, INT64_MAX};
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct log_page page;
    size_t removed;
    struct fail f;

    for (size_t i = 0; i < COUNT_OF(times); i++)
        (void)append(world, "s", times[i], "x");
    query.start_ms = 0;
    query.limit = 1;
    query.from_head = true;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        page = get(world, &query);
        assert_int_equal(page.count, 1);
        assert_int_equal(page.events[0].timestamp_ms, times[i]);
        query.token = page.forward_token;
    }
    assert_true(log_store_expire(world->store, &query.stream.group, INT64_MIN, 10, &removed, &f));
    assert_int_equal(removed, 0);
    assert_true(log_store_expire(world->store, &query.stream.group, INT64_MAX, 10, &removed, &f));
    assert_int_equal(removed, 3);
}

static bool begins_with_e(void *context, struct str message)
{
    (void)context;
    return message.len > 0 && message.ptr[0] == 'e';
}

static void streams_merge_by_time(void **state)
{
    struct world *world = *state;
    struct log_filter query = filter_query();
    struct log_filter_page page;

    (void)append(world, "web/1", 100, "a");
    (void)append(world, "web/2", 90, "b");
    (void)append(world, "db/1", 100, "c");
    (void)append(world, "web/1", 300, "e1");
    (void)append(world, "web/2", 200, "e2");
    page = filter(world, &query);
    assert_messages(page.events, page.count, "bacee");
    assert_true(str_is(page.events[0].stream, "web/2"));
    assert_null(page.next_token.ptr);

    query.stream_prefix = STR("web/");
    page = filter(world, &query);
    assert_messages(page.events, page.count, "baee");
    query.streams = (const struct str[]){STR("db/1"), STR("web/2"), STR("none")};
    query.stream_count = 3;
    page = filter(world, &query);
    assert_messages(page.events, page.count, "bce");

    query = filter_query();
    query.match = begins_with_e;
    query.start_ms = 150;
    query.end_ms = 300;
    page = filter(world, &query);
    assert_messages(page.events, page.count, "e");
}

static void a_scan_is_bounded_and_goes_on(void **state)
{
    struct world *world = *state;
    struct log_filter query = filter_query();
    struct log_filter_page page;
    size_t pages = 0;
    size_t found = 0;

    for (int i = 0; i < 50; i++)
        (void)append(world, i % 2 == 0 ? "s1" : "s2", 100 + i, i == 49 ? "e" : "x");
    query.match = begins_with_e;
    query.scan_max = 7;
    do {
        page = filter(world, &query);
        found += page.count;
        query.token = page.next_token;
        pages++;
    } while (page.next_token.ptr != NULL);
    assert_int_equal(found, 1);
    assert_int_equal(pages, 8);
}

/* -- A model: random streams and pages against a sorted array. */

enum { MODEL_EVENTS = 400, MODEL_STREAMS = 5 };

struct model {
    struct {
        int64_t when_ms;
        size_t stream;
        uint64_t ordinal;
    } events[MODEL_EVENTS];
    size_t count;
};

static const char *const model_names[MODEL_STREAMS] = {"a", "b", "c", "d", "e"};

static void model_fill(struct world *world, struct model *model, struct random *random)
{
    model->count = 0;
    while (model->count < MODEL_EVENTS) {
        struct log_input inputs[8];
        size_t stream = (size_t)random_below(random, MODEL_STREAMS);
        size_t count = 1 + (size_t)random_below(random, COUNT_OF(inputs));
        struct log_append batch = {stream_key("/app", model_names[stream]), inputs, count, 1, {NULL, 0}};
        uint64_t ordinal;
        struct fail f;

        if (count > MODEL_EVENTS - model->count)
            batch.count = count = MODEL_EVENTS - model->count;
        for (size_t i = 0; i < count; i++)
            inputs[i] = (struct log_input){1000 + (int64_t)random_below(random, 60), STR("m")};
        assert_true(log_store_append(world->store, &batch, &ordinal, &f));
        for (size_t i = 0; i < count; i++) {
            size_t at = model->count++;

            for (; at > 0 && model->events[at - 1].when_ms > inputs[i].timestamp_ms; at--)
                model->events[at] = model->events[at - 1];
            model->events[at].when_ms = inputs[i].timestamp_ms;
            model->events[at].stream = stream;
            model->events[at].ordinal = ordinal + i;
        }
    }
}

/* The index of the next model event of the stream (MODEL_STREAMS: any) in [start, end), from `at` on. */
static size_t model_next(const struct model *model, size_t at, size_t stream, int64_t start_ms, int64_t end_ms)
{
    while (at < model->count && ((stream != MODEL_STREAMS && model->events[at].stream != stream) ||
                                 model->events[at].when_ms < start_ms || model->events[at].when_ms >= end_ms))
        at++;
    return at;
}

static void pages_agree_with_the_model(void **state)
{
    struct world *world = *state;
    struct random random;
    struct model *model = calloc(1, sizeof(*model));

    random_seed(&random, 7);
    model_fill(world, model, &random);
    for (size_t round = 0; round < 60; round++) {
        int64_t start_ms = 990 + (int64_t)random_below(&random, 70);
        int64_t end_ms = start_ms + (int64_t)random_below(&random, 70);
        size_t stream = (size_t)random_below(&random, MODEL_STREAMS);
        struct log_get query = get_query(model_names[stream]);
        size_t at = 0;

        query.start_ms = start_ms;
        query.end_ms = end_ms;
        query.from_head = true;
        for (;;) {
            struct log_page page;

            query.limit = 1 + (size_t)random_below(&random, 20);
            page = get(world, &query);
            if (page.count == 0)
                break;
            for (size_t i = 0; i < page.count; i++) {
                at = model_next(model, at, stream, start_ms, end_ms);
                assert_true(at < model->count);
                assert_int_equal(page.events[i].ordinal, model->events[at++].ordinal);
            }
            query.token = page.forward_token;
        }
        assert_int_equal(model_next(model, at, stream, start_ms, end_ms), model->count);
        arena_reset(&world->arena);
    }
    free(model);
}

static void merges_agree_with_the_model(void **state)
{
    struct world *world = *state;
    struct random random;
    struct model *model = calloc(1, sizeof(*model));

    random_seed(&random, 8);
    model_fill(world, model, &random);
    for (size_t round = 0; round < 60; round++) {
        struct log_filter query = filter_query();
        struct log_filter_page page;
        size_t at = 0;

        query.start_ms = 990 + (int64_t)random_below(&random, 70);
        query.end_ms = query.start_ms + (int64_t)random_below(&random, 70);
        do {
            query.limit = 1 + (size_t)random_below(&random, 30);
            query.scan_max = 1 + (size_t)random_below(&random, 30);
            page = filter(world, &query);
            for (size_t i = 0; i < page.count; i++) {
                at = model_next(model, at, MODEL_STREAMS, query.start_ms, query.end_ms);
                assert_true(at < model->count);
                assert_int_equal(page.events[i].ordinal, model->events[at].ordinal);
                assert_true(str_is(page.events[i].stream, model_names[model->events[at++].stream]));
            }
            query.token = page.next_token;
        } while (page.next_token.ptr != NULL);
        assert_int_equal(model_next(model, at, MODEL_STREAMS, query.start_ms, query.end_ms), model->count);
        arena_reset(&world->arena);
    }
    free(model);
}

/* -- Statistics and forgetting. */

static struct log_stats stats_of(struct world *world, const char *stream)
{
    struct log_stream_key key = stream_key("/app", stream);
    struct log_stats stats;
    struct fail f;

    assert_true(log_store_stream_stats(world->store, &key, &stats, &f));
    return stats;
}

static void statistics_follow_appends(void **state)
{
    struct world *world = *state;
    struct log_group_key group = group_key("/app");
    struct log_stats stats = stats_of(world, "s");
    uint64_t bytes;
    struct fail f;

    assert_false(stats.has_events);
    assert_int_equal(stats.last_ingestion_ms, 0);
    (void)append(world, "s", 200, "abc");
    (void)append(world, "s", 100, "d");
    (void)append(world, "t", 100, "");
    stats = stats_of(world, "s");
    assert_true(stats.has_events);
    assert_int_equal(stats.first_event_ms, 100);
    assert_int_equal(stats.last_event_ms, 200);
    assert_int_equal(stats.last_ingestion_ms, 5000);
    assert_int_equal(stats.stored_bytes, 4 + 2 * LOG_EVENT_OVERHEAD_BYTES);
    assert_true(log_store_group_bytes(world->store, &group, &bytes, &f));
    assert_int_equal(bytes, 4 + 3 * LOG_EVENT_OVERHEAD_BYTES);
}

static void a_deleted_stream_begins_anew(void **state)
{
    struct world *world = *state;
    struct log_stream_key key = stream_key("/app", "s");
    struct log_get query = get_query("s");
    struct log_page page;
    size_t removed;
    struct fail f;

    (void)append(world, "s", 100, "a");
    (void)append(world, "s", 101, "b");
    (void)append(world, "t", 100, "t");
    assert_true(log_store_delete_stream(world->store, &key, &f));
    assert_true(log_store_delete_stream(world->store, &key, &f));
    assert_int_equal(get(world, &query).count, 0);
    (void)append(world, "s", 100, "c");
    page = get(world, &query);
    assert_page(&page, "c");
    assert_true(log_store_reclaim(world->store, 1, &removed, &f));
    assert_int_equal(removed, 1);
    assert_true(log_store_reclaim(world->store, 100, &removed, &f));
    assert_int_equal(removed, 1);
    assert_true(log_store_reclaim(world->store, 100, &removed, &f));
    assert_int_equal(removed, 0);
    page = get(world, &query);
    assert_page(&page, "c");
    query = get_query("t");
    assert_int_equal(get(world, &query).count, 1);
}

static void a_deleted_group_leaves_others(void **state)
{
    struct world *world = *state;
    struct log_input event = {100, STR_INIT("other")};
    struct log_append batch = {stream_key("/other", "s"), &event, 1, 1, {NULL, 0}};
    struct log_group_key app = group_key("/app");
    struct log_filter query = filter_query();
    uint64_t ordinal;
    struct fail f;

    (void)append(world, "s", 100, "a");
    (void)append(world, "t", 100, "b");
    assert_true(log_store_append(world->store, &batch, &ordinal, &f));
    assert_true(log_store_delete_group(world->store, &app, &f));
    assert_int_equal(filter(world, &query).count, 0);
    query.group = group_key("/other");
    assert_int_equal(filter(world, &query).count, 1);
    query.group.region = STR("us-east-1");
    assert_int_equal(filter(world, &query).count, 0);
    query.group = group_key("/other");
    query.group.account = STR("999999999999");
    assert_int_equal(filter(world, &query).count, 0);
}

static void retention_removes_old_events_in_slices(void **state)
{
    struct world *world = *state;
    struct log_group_key group = group_key("/app");
    struct log_filter query = filter_query();
    struct log_stats stats;
    size_t removed;
    struct fail f;

    for (int i = 0; i < 10; i++) {
        (void)append(world, "s", 100 + i, "abcd");
        (void)append(world, "t", 100 + i, "abcd");
    }
    (void)append(world, "u", 100, "gone");
    assert_true(log_store_expire(world->store, &group, 105, 8, &removed, &f));
    assert_int_equal(removed, 8);
    assert_true(log_store_expire(world->store, &group, 105, 8, &removed, &f));
    assert_int_equal(removed, 3);
    assert_int_equal(filter(world, &query).count, 10);
    stats = stats_of(world, "s");
    assert_int_equal(stats.first_event_ms, 105);
    assert_int_equal(stats.stored_bytes, 5 * (4 + LOG_EVENT_OVERHEAD_BYTES));
    stats = stats_of(world, "u");
    assert_false(stats.has_events);
    assert_int_equal(stats.stored_bytes, 0);
    assert_int_equal(stats.last_ingestion_ms, 5000);
}

/* -- Files. */

static void events_survive_a_reopening(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    uint64_t before = append(world, "s", 100, "a");
    struct log_page page;
    struct stat st;

    log_store_close(world->store);
    open_store(world);
    assert_int_equal(stat(world->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(append(world, "s", 100, "b") > before);
    page = get(world, &query);
    assert_page(&page, "ab");
}

static void a_damaged_file_is_set_aside(void **state)
{
    struct world *world = *state;
    char aside[160];
    FILE *file;
    struct fail f;
    bool set_aside;

    log_store_close(world->store);
    file = fopen(world->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        (void)fprintf(file, "not a database\n");
    (void)fclose(file);
    assert_true(log_store_open(world->path, &world->store, &set_aside, &f));
    assert_true(set_aside);
    (void)append(world, "s", 100, "a");
    (void)snprintf(aside, sizeof(aside), "%s.damaged", world->path);
    assert_int_equal(access(aside, F_OK), 0);
}

static void a_missing_directory_is_a_failure(void **state)
{
    struct world *world = *state;
    struct log_store *store;
    char path[160];
    bool set_aside;
    struct fail f;

    (void)snprintf(path, sizeof(path), "%s/none/logs.db", world->directory);
    assert_false(log_store_open(path, &store, &set_aside, &f));
    assert_int_equal(f.code, FAIL_SYSTEM);
    assert_non_null(strstr(f.message, path));
}

/* The file may not grow: an append fails whole, and works again when there is room. */
static void a_full_disk_fails_the_batch_only(void **state)
{
    struct world *world = *state;
    struct log_input events[200];
    struct log_append batch = {stream_key("/app", "s"), events, COUNT_OF(events), 1, {NULL, 0}};
    struct log_get query = get_query("s");
    struct rlimit before;
    struct rlimit small;
    char text[4000];
    uint64_t ordinal = 0;
    bool good;
    struct fail f;

    (void)memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < COUNT_OF(events); i++)
        events[i] = (struct log_input){100, {text, sizeof(text)}};
    (void)append(world, "s", 100, "a");
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 200000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    good = log_store_append(world->store, &batch, &ordinal, &f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(good);
    assert_int_equal(f.code, FAIL_SYSTEM);
    assert_int_equal(get(world, &query).count, 1);
    assert_true(log_store_append(world->store, &batch, &ordinal, &f));
    assert_int_equal(ordinal, 2);
    query.limit = 1000;
    assert_int_equal(get(world, &query).count, 201);
}

static void reset_drops_everything(void **state)
{
    struct world *world = *state;
    struct log_get query = get_query("s");
    struct fail f;

    (void)append(world, "s", 100, "a");
    assert_true(log_store_reset(world->store, &f));
    assert_int_equal(get(world, &query).count, 0);
    (void)append(world, "s", 100, "b");
    assert_int_equal(get(world, &query).count, 1);
}

/* -- Threads. */

enum { THREADS = 6, THREAD_BATCHES = 40, THREAD_EVENTS = 5 };

struct writer {
    pthread_t thread;
    struct log_store *store;
    size_t number;
    bool good;
};

static void *write_batches(void *context)
{
    struct writer *writer = context;
    struct log_input events[THREAD_EVENTS];
    char stream[8];
    uint64_t last = 0;
    struct fail f;

    (void)snprintf(stream, sizeof(stream), "w%zu", writer->number);
    writer->good = true;
    for (size_t i = 0; i < THREAD_BATCHES; i++) {
        struct log_append batch = {stream_key("/app", stream), events, THREAD_EVENTS, 1, {NULL, 0}};
        uint64_t ordinal = 0;

        for (size_t j = 0; j < THREAD_EVENTS; j++)
            events[j] = (struct log_input){(int64_t)(1000 + i), STR("x")};
        writer->good = writer->good && log_store_append(writer->store, &batch, &ordinal, &f) && ordinal > last;
        last = ordinal;
    }
    return NULL;
}

static void *read_pages(void *context)
{
    struct writer *reader = context;
    struct log_filter query = filter_query();
    struct arena arena;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    query.limit = 10000;
    reader->good = true;
    for (size_t i = 0; i < THREAD_BATCHES; i++) {
        struct log_filter_page page = {0};
        struct fail f;

        reader->good = reader->good && log_store_filter(reader->store, &query, &arena, &page, &f) &&
                       page.count % THREAD_EVENTS == 0; /* batches are seen whole or not at all */
        arena_reset(&arena);
    }
    arena_free(&arena);
    return NULL;
}

static void run_threads(struct world *world, struct writer *writers)
{
    for (size_t i = 0; i < (size_t)2 * THREADS; i++) {
        writers[i] = (struct writer){.store = world->store, .number = i};
        assert_int_equal(
            pthread_create(&writers[i].thread, NULL, i < THREADS ? write_batches : read_pages, &writers[i]), 0);
    }
}

static void join_threads(struct writer *writers)
{
    for (size_t i = 0; i < (size_t)2 * THREADS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_true(writers[i].good || i < THREADS);
    }
}

static void many_threads_lose_nothing(void **state)
{
    struct world *world = *state;
    struct log_filter query = filter_query();
    struct writer writers[2 * THREADS];

    run_threads(world, writers);
    join_threads(writers);
    for (size_t i = 0; i < THREADS; i++)
        assert_true(writers[i].good);
    query.limit = 10000;
    assert_int_equal(filter(world, &query).count, THREADS * THREAD_BATCHES * THREAD_EVENTS);
}

/* Writers may see ordinals begin again; nothing else may go wrong. */
static void reset_may_come_at_any_time(void **state)
{
    struct world *world = *state;
    struct log_filter query = filter_query();
    struct writer writers[2 * THREADS];
    struct fail f;

    run_threads(world, writers);
    for (size_t i = 0; i < 3; i++)
        assert_true(log_store_reset(world->store, &f));
    join_threads(writers);
    query.limit = 10000;
    assert_int_equal(filter(world, &query).count % THREAD_EVENTS, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(ordered_by_time_then_arrival),
        TEST(start_is_inclusive_and_end_exclusive),
        TEST(forward_tokens_walk_to_the_end_and_stay),
        TEST(backward_tokens_walk_to_the_start_and_stay),
        TEST(tokens_look_like_those_of_aws),
        TEST(an_empty_stream_gives_tokens_that_find_its_first_event),
        TEST(foreign_tokens_are_refused),
        TEST(a_page_keeps_its_bytes_but_never_starves),
        TEST(a_page_too_big_for_the_arena_fails),
        TEST(messages_are_bytes),
        TEST(extreme_times_are_kept),
        TEST(streams_merge_by_time),
        TEST(a_scan_is_bounded_and_goes_on),
        TEST(pages_agree_with_the_model),
        TEST(merges_agree_with_the_model),
        TEST(statistics_follow_appends),
        TEST(a_deleted_stream_begins_anew),
        TEST(a_deleted_group_leaves_others),
        TEST(retention_removes_old_events_in_slices),
        TEST(events_survive_a_reopening),
        TEST(a_damaged_file_is_set_aside),
        TEST(a_missing_directory_is_a_failure),
        TEST(a_full_disk_fails_the_batch_only),
        TEST(reset_drops_everything),
        TEST(many_threads_lose_nothing),
        TEST(reset_may_come_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
