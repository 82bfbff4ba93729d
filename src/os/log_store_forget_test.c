/* What the log store forgets, what it does not take twice, and how much one filter looks at. */
#include "os/log_store.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    char dir[64], path[96];
    struct log_store *store;
    struct arena arena;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    bool set_aside;
    struct fail f;

    (void)snprintf(world->dir, sizeof(world->dir), "/tmp/berth-log-store-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    (void)snprintf(world->path, sizeof(world->path), "%s/logs.db", world->dir);
    arena_init(&world->arena, ARENA_LIMIT_DEFAULT);
    assert_true(log_store_open(world->path, &world->store, &set_aside, &f));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    DIR *dir = opendir(world->dir);
    const struct dirent *entry;

    log_store_close(world->store);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    (void)closedir(dir);
    (void)rmdir(world->dir);
    arena_free(&world->arena);
    free(world);
    return 0;
}

static struct log_stream_key key(const char *group, const char *stream)
{
    return (struct log_stream_key){{STR("000000000000"), STR("us-east-1"), str_of(group)}, str_of(stream)};
}

static void append(struct world *world, const char *stream, const char *message, const char *request)
{
    struct log_input event = {.timestamp_ms = 1000, .message = str_of(message)};
    struct log_append batch = {
        .stream = key("g", stream), .events = &event, .count = 1, .ingestion_ms = 2000, .request = str_of(request)};
    uint64_t ordinal;
    struct fail f;

    assert_true(log_store_append(world->store, &batch, &ordinal, &f));
}

/* The stream's messages, joined by commas. */
static const char *messages(struct world *world, const char *stream)
{
    struct log_get query = {
        .stream = key("g", stream), .end_ms = INT64_MAX, .limit = 100, .bytes_max = 1 << 20, .from_head = true};
    struct str all = STR("");
    struct log_page page;
    struct fail f;

    assert_true(log_store_get(world->store, &query, &world->arena, &page, &f));
    for (size_t i = 0; i < page.count; i++)
        all =
            arena_printf(&world->arena, "%.*s%s%.*s", STR_ARG(all), i == 0 ? "" : ",", STR_ARG(page.events[i].message));
    return arena_cstr(&world->arena, all);
}

static void a_repeated_request_is_taken_once(void **state)
{
    struct world *world = *state;

    append(world, "s", "a", "one");
    append(world, "s", "a", "one");
    append(world, "t", "a", "one"); /* another stream's */
    assert_string_equal(messages(world, "s"), "a");
    assert_string_equal(messages(world, "t"), "a");
    append(world, "s", "b", "two");
    append(world, "s", "c", "one"); /* no longer the last: a new request */
    append(world, "s", "d", NULL);
    append(world, "s", "d", NULL);
    assert_string_equal(messages(world, "s"), "a,b,c,d,d");
}

static void a_repeated_request_is_known_after_a_restart(void **state)
{
    struct world *world = *state;
    bool set_aside;
    struct fail f;

    append(world, "s", "a", "one");
    log_store_close(world->store);
    assert_true(log_store_open(world->path, &world->store, &set_aside, &f));
    append(world, "s", "a", "one");
    assert_string_equal(messages(world, "s"), "a");
}

static bool is_kept(void *context, const struct log_stream_key *stream)
{
    (void)context;
    return str_is(stream->stream, "kept") && str_is(stream->group.group, "g");
}

static void streams_that_nobody_knows_go(void **state)
{
    struct world *world = *state;
    size_t removed;
    struct fail f;

    append(world, "kept", "a", NULL);
    append(world, "orphan", "b", NULL);
    assert_true(log_store_keep_only(world->store, is_kept, NULL, &removed, &f));
    assert_int_equal(removed, 1);
    assert_string_equal(messages(world, "kept"), "a");
    assert_string_equal(messages(world, "orphan"), "");
    assert_true(log_store_reclaim(world->store, 100, &removed, &f));
    assert_int_equal(removed, 1);
    assert_true(log_store_keep_only(world->store, is_kept, NULL, &removed, &f));
    assert_int_equal(removed, 0);
}

static void a_groups_streams_are_listed(void **state)
{
    struct world *world = *state;
    struct log_group_key group = key("g", "").group;
    const struct log_stream_stats *streams;
    size_t count;
    struct fail f;

    assert_true(log_store_group_streams(world->store, &group, &world->arena, &streams, &count, &f));
    assert_int_equal(count, 0);
    append(world, "s", "abc", NULL);
    append(world, "t", "x", NULL);
    assert_true(log_store_group_streams(world->store, &group, &world->arena, &streams, &count, &f));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_true(streams[i].stats.has_events);
        assert_int_equal(streams[i].stats.last_event_ms, 1000);
        assert_int_equal(streams[i].stats.last_ingestion_ms, 2000);
        assert_int_equal(streams[i].stats.stored_bytes,
                         (str_is(streams[i].stream, "s") ? 3 : 1) + LOG_EVENT_OVERHEAD_BYTES);
    }
}

static bool matches_nothing(void *context, struct str message)
{
    (void)message;
    (*(size_t *)context)++;
    return false;
}

static void a_filter_looks_at_so_many_bytes(void **state)
{
    struct world *world = *state;
    size_t looked = 0;
    struct log_filter query = {.group = key("g", "").group,
                               .end_ms = INT64_MAX,
                               .limit = 100,
                               .bytes_max = 1 << 20,
                               .scan_max = 100,
                               .scan_bytes_max = 25,
                               .match = matches_nothing,
                               .context = &looked};
    struct log_filter_page page;
    size_t pages = 0;
    struct fail f;

    for (size_t i = 0; i < 7; i++)
        append(world, "s", "ten bytes.", NULL);
    do {
        assert_true(log_store_filter(world->store, &query, &world->arena, &page, &f));
        assert_int_equal(page.count, 0);
        query.token = page.next_token;
        pages++;
    } while (page.next_token.ptr != NULL);
    assert_int_equal(looked, 7);
    assert_int_equal(pages, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_repeated_request_is_taken_once), TEST(a_repeated_request_is_known_after_a_restart),
        TEST(streams_that_nobody_knows_go),     TEST(a_groups_streams_are_listed),
        TEST(a_filter_looks_at_so_many_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
