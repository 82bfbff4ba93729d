#include "base/format.h"

#include "base/attributes.h"

#include <setjmp.h>

#include <cmocka.h>
#include <limits.h>
#include <string.h>

static bool pieces(char *space, size_t size, size_t *ret_len, const char *format, ...)
{
    va_list args;
    bool good;

    va_start(args, format);
    good = format_pieces(space, size, format, args, ret_len);
    va_end(args);
    return good;
}

/* Whatever is written here is what the C library writes. */
#define CHECK(...)                                                                                                     \
    do {                                                                                                               \
        char ours[128];                                                                                                \
        char theirs[128];                                                                                              \
        size_t len;                                                                                                    \
                                                                                                                       \
        assert_true(pieces(ours, sizeof(ours), &len, __VA_ARGS__));                                                    \
        assert_int_equal(len, snprintf(theirs, sizeof(theirs), __VA_ARGS__));                                          \
        assert_memory_equal(ours, theirs, len);                                                                        \
    } while (0)

static void says_what_printf_says(void **state)
{
    static const int numbers[] = {0, 7, -7, 10, 1234567, INT_MAX, INT_MIN};

    (void)state;
    CHECK("plain");
    CHECK("%s", "");
    CHECK("%.*s", 0, "unseen");
    CHECK("a%.*sb%sc", 3, "12345", "text");
    CHECK("%.*s|", 9, "ends early");
    CHECK("%.*s|", 9, "nul\0behind");
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        CHECK("<%d>", numbers[i]);
}

static void leaves_the_rest_to_printf(void **state)
{
    char space[8];
    size_t len;

    (void)state;
    assert_false(pieces(space, sizeof(space), &len, "%5d", 1));
    assert_false(pieces(space, sizeof(space), &len, "%%"));
    assert_false(pieces(space, sizeof(space), &len, "%.*s", -1, "any"));
    assert_false(pieces(space, sizeof(space), &len, "%s", "too long for it"));
    assert_false(pieces(space, sizeof(space), &len, "123456%d", 789));
    assert_true(pieces(space, sizeof(space), &len, "%.*s", 8, "just fits"));
    assert_true(pieces(space, sizeof(space), &len, "%.*s", 0, (const char *)NULL));
    assert_int_equal(len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_printf_says),
        cmocka_unit_test(leaves_the_rest_to_printf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
