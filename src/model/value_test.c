/* Unit tests of copy, block, equal, dump and the store encoding, over random values of every structure of every API. */
#include "base/must.h"
#include "model/gen/ecs.h"
#include "model/interpret.h"
#include "model/model_test.h"
#include "model/services.h"
#include "model/value_random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { DEPTH = 4, ROUNDS = 3, MUTATIONS = 3000 };

static struct random dice;

static void *filled(const struct shape *structure, struct arena *arena)
{
    void *value = arena_alloc(arena, structure->size);

    value_fill(structure, value, &dice, DEPTH, arena);
    return value;
}

static void *decoded(const struct shape *structure, struct str bytes, struct arena *arena)
{
    void *value = arena_alloc(arena, structure->size);
    struct fail f;

    if (!value_decode(structure, bytes, value, arena, &f))
        fail_msg("%s: %s", shape_name(structure), f.message);
    return value;
}

static void encode_decode(const struct shape *structure, const void *value, struct arena *arena)
{
    auto_buf first = {0};
    auto_buf second = {0};
    void *back;

    value_encode(structure, value, &first);
    assert_false(first.overflowed);
    back = decoded(structure, buf_str(&first), arena);
    assert_true(value_equal(structure, value, back));
    value_encode(structure, back, &second);
    assert_true(str_eq(buf_str(&first), buf_str(&second)));
}

/* The block must not point back into what it was copied from: that is gone when they are compared. */
static void block_and_copy(const struct shape *structure, const void *value, struct arena *arena)
{
    struct arena own;
    void *copy = arena_alloc(arena, structure->size);
    void *block;
    size_t size;

    arena_init(&own, ARENA_LIMIT_DEFAULT);
    block = value_block(structure, value, &size);
    assert_true(size >= structure->size);
    value_copy(structure, copy, block, &own);
    assert_true(value_equal(structure, value, block));
    free(block);
    assert_true(value_equal(structure, copy, value));
    arena_free(&own);
}

static void round_trip(const struct shape *structure)
{
    struct arena arena;
    auto_buf text = {0};
    void *value;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    value = filled(structure, &arena);
    encode_decode(structure, value, &arena);
    block_and_copy(structure, value, &arena);
    value_dump(structure, value, &text);
    assert_true(text.len >= 2);
    arena_free(&arena);
}

static void every_structure_survives_copies_and_the_store(void **state)
{
    size_t structures = 0;

    (void)state;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        for (size_t j = 0; j < services[i]->shape_count; j++) {
            if (service_shapes(services[i])[j].kind != SHAPE_STRUCTURE)
                continue;
            structures++;
            for (size_t round = 0; round < ROUNDS; round++)
                round_trip(&service_shapes(services[i])[j]);
        }
    }
    assert_true(structures > 4000);
    for (size_t round = 0; round < 200; round++) {
        round_trip(&model_test_everything_shape);
        round_trip(&model_test_task_record_shape);
    }
}

/* Every strict prefix lacks its end. */
static void torn_bytes_are_refused(void **state)
{
    struct arena arena;
    auto_buf bytes = {0};
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    value_encode(&model_test_everything_shape, filled(&model_test_everything_shape, &arena), &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        struct model_test_everything value = {0};

        assert_false(value_decode(&model_test_everything_shape, str_to(buf_str(&bytes), len), &value, &arena, &f));
        assert_int_equal(f.code, FAIL_INPUT);
    }
    buf_add_char(&bytes, 0);
    {
        struct model_test_everything value = {0};

        assert_false(value_decode(&model_test_everything_shape, buf_str(&bytes), &value, &arena, &f));
        assert_string_equal(f.message, "a stored Everything is followed by 1 bytes too many");
    }
    arena_free(&arena);
}

/* Nothing to assert but that the sanitizers stay silent, and that what is accepted is a proper value. */
static void mangled_bytes_never_crash(void **state)
{
    struct arena arena;
    auto_buf bytes = {0};
    size_t accepted = 0;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    value_encode(&model_test_everything_shape, filled(&model_test_everything_shape, &arena), &bytes);
    for (size_t i = 0; i < MUTATIONS; i++) {
        struct model_test_everything value = {0};
        size_t at = random_below(&dice, bytes.len);
        char was = bytes.ptr[at];
        struct fail f;

        bytes.ptr[at] = (char)random_next(&dice);
        if (value_decode(&model_test_everything_shape, buf_str(&bytes), &value, &arena, &f)) {
            encode_decode(&model_test_everything_shape, &value, &arena);
            accepted++;
        }
        bytes.ptr[at] = was;
        arena_reset(&arena);
    }
    assert_true(accepted > 0);
    arena_free(&arena);
}

static void too_deep_and_too_large_records_are_refused(void **state)
{
    enum { LEVELS = 200 };
    struct model_test_tree levels[LEVELS] = {0};
    struct arena arena;
    auto_buf bytes = {0};
    struct model_test_tree tree = {0};
    struct fail f;

    (void)state;
    arena_init(&arena, 4096);
    for (size_t i = 0; i + 1 < LEVELS; i++)
        levels[i].left = &levels[i + 1];
    value_encode(&model_test_tree_shape, &levels[0], &bytes);
    assert_false(value_decode(&model_test_tree_shape, buf_str(&bytes), &tree, &arena, &f));
    assert_int_equal(f.code, FAIL_LIMIT);
    arena_free(&arena);
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_false(value_decode(&model_test_tree_shape, buf_str(&bytes), &tree, &arena, &f));
    assert_string_equal(f.message, "a stored Tree is nested too deep");
    arena_free(&arena);
}

static void releases_that_differ_read_each_other(void **state)
{
    struct arena arena;
    auto_buf bytes = {0};
    enum model_test_new_mode modes[] = {MODEL_TEST_NEW_MODE_MESH, MODEL_TEST_NEW_MODE_AWSVPC};
    struct model_test_new_record new = {.kept = STR("k"), .mode = MODEL_TEST_NEW_MODE_AWSVPC};
    struct model_test_old_record *old;
    struct model_test_new_record *again;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    new.added = filled(&model_test_everything_shape, &arena);
    new.modes.items = modes;
    new.modes.count = COUNT_OF(modes);
    value_encode(&model_test_new_record_shape, &new, &bytes);
    old = decoded(&model_test_old_record_shape, buf_str(&bytes), &arena);
    assert_true(str_is(old->kept, "k"));
    assert_int_equal(old->mode, MODEL_TEST_MODE_AWSVPC);
    assert_int_equal(old->modes.count, 1); /* "mesh" is not known there */
    assert_int_equal(old->modes.items[0], MODEL_TEST_MODE_AWSVPC);

    buf_clear(&bytes);
    old->mode = MODEL_TEST_MODE_HOST;
    value_encode(&model_test_old_record_shape, old, &bytes);
    again = decoded(&model_test_new_record_shape, buf_str(&bytes), &arena);
    assert_int_equal(again->mode, 0);
    assert_null(again->added);
    assert_int_equal(again->modes.count, 1);
    arena_free(&arena);
}

static void a_member_of_another_type_is_refused(void **state)
{
    struct model_test_old_record old = {.kept = STR("text")};
    struct model_test_retyped_record retyped = {0};
    struct arena arena;
    auto_buf bytes = {0};
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    value_encode(&model_test_old_record_shape, &old, &bytes);
    assert_false(value_decode(&model_test_retyped_record_shape, buf_str(&bytes), &retyped, &arena, &f));
    assert_int_equal(f.code, FAIL_INPUT);
    arena_free(&arena);
}

static void absent_and_empty_differ_everywhere(void **state)
{
    struct model_test_everything absent = {0};
    struct model_test_everything present = {.cluster_name = STR("")};
    struct model_test_everything *back;
    struct arena arena;
    auto_buf bytes = {0};
    size_t size;
    struct model_test_everything *block;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_false(value_equal(&model_test_everything_shape, &absent, &present));
    present.names.items = arena_alloc(&arena, 0);
    block = value_block(&model_test_everything_shape, &present, &size);
    assert_non_null(block->cluster_name.ptr);
    assert_non_null(block->names.items);
    assert_null(block->name_map.items);
    value_encode(&model_test_everything_shape, block, &bytes);
    back = decoded(&model_test_everything_shape, buf_str(&bytes), &arena);
    assert_true(value_equal(&model_test_everything_shape, back, &present));
    free(block);
    arena_free(&arena);
}

static bool maps_of_ones_equal(struct model_test_name_map_entry *a, size_t a_count, struct model_test_name_map_entry *b,
                               size_t b_count)
{
    struct model_test_everything left = {.name_map = {a, a_count}};
    struct model_test_everything right = {.name_map = {b, b_count}};

    return value_equal(&model_test_everything_shape, &left, &right);
}

static void maps_are_equal_in_any_order(void **state)
{
    struct model_test_name_map_entry ab[] = {{STR("a"), STR("1")}, {STR("b"), STR("2")}};
    struct model_test_name_map_entry ba[] = {{STR("b"), STR("2")}, {STR("a"), STR("1")}};
    struct model_test_name_map_entry ax[] = {{STR("b"), STR("1")}, {STR("a"), STR("2")}};
    struct model_test_name_map_entry ac[] = {{STR("c"), STR("2")}, {STR("a"), STR("1")}};

    (void)state;
    assert_true(maps_of_ones_equal(ab, 2, ba, 2));
    assert_false(maps_of_ones_equal(ab, 2, ax, 2));
    assert_false(maps_of_ones_equal(ab, 2, ac, 2));
    assert_false(maps_of_ones_equal(ab, 2, ba, 1));
    assert_false(maps_of_ones_equal(ab, 1, ac, 1));
}

static void dump_shows_everything_but_secrets(void **state)
{
    struct str names[] = {STR("a"), STR("b")};
    struct model_test_mode_map_entry modes[] = {{MODEL_TEST_MODE_HOST, -1}};
    struct model_test_tree left = {.name = STR("l")};
    struct model_test_tree tree = {.left = &left};
    struct model_test_everything value = {
        .cluster_name = STR("a\"b\n"),
        .secret = STR("hidden"),
        .network_mode = MODEL_TEST_MODE_NONE_,
        .names = {names, 2},
        .mode_map = {modes, 1},
        .tree = &tree,
        .bytes = STR("xyz"),
        .document = STR("{\"any\":1}"),
    };
    auto_buf out = {0};

    (void)state;
    SET(&value, count, 7);
    SET(&value, share, 0.5);
    SET(&value, flag, false);
    SET(&value, time, 1000);
    value_dump(&model_test_everything_shape, &value, &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr,
                        "{\"ClusterName\": \"a\\\"b\\u000a\", \"secret\": \"***\", \"count\": 7, \"share\": 0.5, "
                        "\"flag\": false, \"time\": \"1970-01-01T00:00:01Z\", \"bytes\": \"<3 bytes>\", "
                        "\"networkMode\": \"none\", \"names\": [\"a\", \"b\"], \"modeMap\": {\"host\": -1}, "
                        "\"document\": {\"any\":1}, \"tree\": {\"left\": {\"name\": \"l\"}}}");
}

/* The bytes are a format on disk: they must not change from one release to the next. */
static void the_encoding_is_what_it_was(void **state)
{
    static const char expected[] = "\x01"
                                   "\x59\x47\x61\xe8\x04\x02hi"
                                   "\x12\xe0\x6e\xec\x04\x04host"
                                   "\0\0\0\0";
    struct model_test_old_record record = {.kept = STR("hi"), .mode = MODEL_TEST_MODE_HOST};
    auto_buf bytes = {0};

    (void)state;
    value_encode(&model_test_old_record_shape, &record, &bytes);
    assert_int_equal(bytes.len, sizeof(expected) - 1);
    assert_memory_equal(bytes.ptr, expected, bytes.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_structure_survives_copies_and_the_store),
        cmocka_unit_test(torn_bytes_are_refused),
        cmocka_unit_test(mangled_bytes_never_crash),
        cmocka_unit_test(too_deep_and_too_large_records_are_refused),
        cmocka_unit_test(releases_that_differ_read_each_other),
        cmocka_unit_test(a_member_of_another_type_is_refused),
        cmocka_unit_test(absent_and_empty_differ_everywhere),
        cmocka_unit_test(maps_are_equal_in_any_order),
        cmocka_unit_test(dump_shows_everything_but_secrets),
        cmocka_unit_test(the_encoding_is_what_it_was),
    };

    random_seed(&dice, 7);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
