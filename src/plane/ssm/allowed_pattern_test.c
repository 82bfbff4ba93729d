#include "plane/ssm/allowed_pattern.h"

#include "base/attributes.h"
#include "model/gen/ssm.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *pattern, *value;
    const char *error; /* NULL: it fits */
} cases[] = {
    {"^\\d+$", "123", NULL},
    {"\\d+", "123", NULL},
    {"\\d+", "x123", SSM_ERROR_PARAMETER_PATTERN_MISMATCH_EXCEPTION},
    {"a|ab", "ab", NULL},
    {"(", "x", SSM_ERROR_INVALID_ALLOWED_PATTERN_EXCEPTION},
    {"[", "x", SSM_ERROR_INVALID_ALLOWED_PATTERN_EXCEPTION},
    {"x", "\xff", SSM_ERROR_PARAMETER_PATTERN_MISMATCH_EXCEPTION},
    /* takes 2^n steps without a limit */
    {"(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", SSM_ERROR_PARAMETER_PATTERN_MISMATCH_EXCEPTION},
};

static void the_whole_value_fits_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fail f;
        bool fits = allowed_pattern_check(str_of(cases[i].pattern), str_of(cases[i].value), &f);

        assert_int_equal(fits, cases[i].error == NULL);
        if (!fits)
            assert_string_equal(f.type, cases[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_whole_value_fits_or_not)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
