#include "plane/logs/decimal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct decimal read_number(const char *text)
{
    struct decimal number;

    if (!decimal_read(str_of(text), &number))
        fail_msg("'%s' is a number", text);
    return number;
}

/* Each row is in ascending order of value; equal signs within a row stand for the same value. */
static const char *const ascending[][4] = {
    {"-1e400"},
    {"-10", "-1e1", "-10.0", "-0010"},
    {"-9.99999999999999999999999"},
    {"-0.001", "-1e-3", "-.001"},
    {"0", "-0", "+0.000", "0e99999999999999999999"},
    {"1e-400"},
    {"0.05", "5e-2", ".05"},
    {"0.1", "100e-3"},
    {"1", "1.", "+1", "0.1e1"},
    {"12.34", "1234e-2", "0.001234E+4"},
    {"100", "1e2", "1e+2", "00100.00"},
    {"123456789012345678901234567890"},
    {"123456789012345678901234567891"},
    {"1e99999999999999999999"},
};

static void numbers_compare_by_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ascending); i++)
        for (size_t j = 0; j < COUNT_OF(ascending); j++)
            for (size_t k = 0; k < 16; k++) {
                const char *left = ascending[i][k / 4];
                const char *right = ascending[j][k % 4];
                struct decimal a;
                struct decimal b;
                int order;

                if (left == NULL || right == NULL)
                    continue;
                a = read_number(left);
                b = read_number(right);
                order = decimal_compare(&a, &b);
                if ((order > 0) - (order < 0) != (i > j) - (i < j))
                    fail_msg("%s against %s gave %d", left, right, order);
            }
}

static void other_text_is_no_number(void **state)
{
    static const char *const rows[] = {"",   "+",   "-",   ".",  "e1",  "1e",    "1e+", "1.2.3", " 1",
                                       "1 ", "0x1", "--1", "1a", "inf", "1e1.5", "1,5", "nan"};
    struct decimal number;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (decimal_read(str_of(rows[i]), &number))
            fail_msg("'%s' is no number", rows[i]);
    assert_false(decimal_read((struct str){"1\0", 2}, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_compare_by_value),
                                       cmocka_unit_test(other_text_is_no_number)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
