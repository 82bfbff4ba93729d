#include "plane/secrets/password.h"

#include "base/random.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static void fill(void *context, void *bytes, size_t len)
{
    struct random *random = context;

    for (size_t i = 0; i < len; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)random_next(random);
}

static bool make(const struct secretsmanager_get_random_password_request *in, struct str *ret_password, struct fail *f)
{
    static struct random random = {{1, 2, 3, 4}};
    const struct password_source source = {fill, &random};

    return password_make(in, &source, &arena, ret_password, f);
}

struct counts {
    size_t lower, upper, digits, marks, spaces;
};

static struct counts count(struct str password)
{
    struct counts counts = {0};

    for (size_t i = 0; i < password.len; i++) {
        unsigned char c = (unsigned char)password.ptr[i];

        counts.lower += islower(c) != 0;
        counts.upper += isupper(c) != 0;
        counts.digits += isdigit(c) != 0;
        counts.marks += ispunct(c) != 0;
        counts.spaces += c == ' ';
    }
    return counts;
}

static void has_one_of_each_kind_by_default(void **state)
{
    const struct secretsmanager_get_random_password_request in = {.password_length = 4, .has_password_length = true};
    struct str password;
    struct fail f;

    (void)state;
    for (int i = 0; i < 200; i++) {
        struct counts counts;

        assert_true(make(&in, &password, &f));
        counts = count(password);
        assert_int_equal(password.len, 4);
        assert_true(counts.lower == 1 && counts.upper == 1 && counts.digits == 1 && counts.marks == 1);
    }
    assert_true(make(&(struct secretsmanager_get_random_password_request){.password_length = 0}, &password, &f));
    assert_int_equal(password.len, PASSWORD_LEN_DEFAULT);
}

static void leaves_out_what_is_excluded(void **state)
{
    const struct secretsmanager_get_random_password_request in = {.password_length = 4096,
                                                                  .has_password_length = true,
                                                                  .exclude_numbers = true,
                                                                  .exclude_punctuation = true,
                                                                  .exclude_lowercase = true,
                                                                  .include_space = true,
                                                                  .exclude_characters = STR("ABC")};
    struct str password;
    struct fail f;
    struct counts counts;

    (void)state;
    assert_true(make(&in, &password, &f));
    counts = count(password);
    assert_int_equal(counts.lower + counts.digits + counts.marks, 0);
    assert_true(counts.upper > 0 && counts.spaces > 0);
    assert_int_equal(counts.upper + counts.spaces, 4096);
    assert_int_equal(str_find(password, 'A'), password.len);
    assert_true(str_find(password, 'D') < password.len);
}

static void refuses_what_cannot_be(void **state)
{
    struct secretsmanager_get_random_password_request in = {.password_length = 3, .has_password_length = true};
    struct str password;
    struct fail f;

    (void)state;
    assert_false(make(&in, &password, &f));
    assert_string_equal(f.type, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION);
    SET(&in, require_each_included_type, false);
    assert_true(make(&in, &password, &f));
    in.exclude_numbers = in.exclude_punctuation = in.exclude_lowercase = in.exclude_uppercase = true;
    assert_false(make(&in, &password, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_one_of_each_kind_by_default),
        cmocka_unit_test(leaves_out_what_is_excluded),
        cmocka_unit_test(refuses_what_cannot_be),
    };
    int failed;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
