#include "base/arena.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1x", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = 0;

        assert_int_equal(str_to_int64(str_of(rows[i].text), &value), rows[i].good);
        assert_int_equal(value, rows[i].value);
    }
}

static void characters_are_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(str_characters(STR("")), 0);
    assert_int_equal(str_characters(STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa2")), 4);
}

static void cut_tells_nothing_from_empty(void **state)
{
    struct str rest;

    (void)state;
    assert_true(str_is(str_cut(STR("a/b/c"), '/', &rest), "a"));
    assert_true(str_is(rest, "b/c"));
    assert_true(str_is(str_cut(STR("a/"), '/', &rest), "a"));
    assert_non_null(rest.ptr);
    assert_true(str_is(str_cut(STR("a"), '/', &rest), "a"));
    assert_null(rest.ptr);
}

static void an_arena_refuses_past_its_limit(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 1000);
    assert_non_null(arena_try(&arena, 900));
    assert_null(arena_try(&arena, 200));
    assert_null(arena_try(&arena, SIZE_MAX));
    arena_reset(&arena);
    assert_non_null(arena_try(&arena, 900));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(characters_are_not_bytes),
        cmocka_unit_test(cut_tells_nothing_from_empty),
        cmocka_unit_test(an_arena_refuses_past_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
