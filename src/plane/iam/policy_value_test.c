#include "plane/iam/policy_private.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void numbers_are_compared_without_rounding(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned order;
    } rows[] = {
        {"1", "1", POLICY_EQUAL},
        {"1", "2", POLICY_LESS},
        {"2", "1", POLICY_GREATER},
        {"10", "9", POLICY_GREATER},
        {"-1", "1", POLICY_LESS},
        {"-2", "-1", POLICY_LESS},
        {"-0", "0", POLICY_EQUAL},
        {"0.1", "0.10", POLICY_EQUAL},
        {"0.1", "0.11", POLICY_LESS},
        {"0.2", "0.11", POLICY_GREATER},
        {".5", "0.5", POLICY_EQUAL},
        {"5.", "5", POLICY_EQUAL},
        {"+5", "5", POLICY_EQUAL},
        {" 5 ", "5", POLICY_EQUAL},
        {"007", "7", POLICY_EQUAL},
        {"9007199254740993", "9007199254740992", POLICY_GREATER},
        {"", "1", 0},
        {"1", "", 0},
        {"-", "1", 0},
        {".", "0", 0},
        {"1e3", "1000", 0},
        {"0x1", "1", 0},
        {"1.2.3", "1", 0},
        {"--1", "1", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(policy_compare_numbers(str_of(rows[i].a), str_of(rows[i].b)), rows[i].order);
}

static void dates_have_the_forms_of_w3c(void **state)
{
    static const struct {
        const char *text, *same; /* NULL: no date */
    } rows[] = {
        {"2026-11", "2026-11-01T00:00:00Z"},
        {"2026-11-28", "2026-11-28T00:00:00Z"},
        {"2026-11-28T14Z", "2026-11-28T14:00:00Z"},
        {"2026-11-28T14:05Z", "2026-11-28T14:05:00Z"},
        {"2026-11-28T14:05", "2026-11-28T14:05:00Z"},
        {"2026-11-28T14:05:06", "2026-11-28T14:05:06Z"},
        {"2026-11-28T14:05+02:00", "2026-11-28T12:05:00Z"},
        {"2026-11-28T14:05:06.5-01:00", "2026-11-28T15:05:06.500Z"},
        {"0", "1970-01-01T00:00:00Z"},
        {"2026", "1970-01-01T00:33:46Z"},
        {"", NULL},
        {"tomorrow", NULL},
        {"2026-13", NULL},
        {"2026-02-30", NULL},
        {"2026-11-28T25:00Z", NULL},
        {"2026-11-28Z", NULL},
        {"-1", NULL},
        {"99999999999999999999", NULL},
        {"2026-11-28T14:05:06Z and more than any date has of text", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(policy_compare_dates(str_of(rows[i].text), str_of(rows[i].same == NULL ? "0" : rows[i].same)),
                         rows[i].same == NULL ? 0 : POLICY_EQUAL);
}

static void base64_is_read_to_the_last_byte(void **state)
{
    (void)state;
    assert_true(policy_base64_is(STR(""), STR("")));
    assert_true(policy_base64_is(STR("YQ=="), STR("a")));
    assert_true(policy_base64_is(STR("YWI="), STR("ab")));
    assert_true(policy_base64_is(STR("YWJj"), STR("abc")));
    assert_true(policy_base64_is(STR("/+8="), STR("\xff\xef")));
    assert_false(policy_base64_is(STR("YQ"), STR("a")));
    assert_false(policy_base64_is(STR("YWJj"), STR("abd")));
    assert_false(policy_base64_is(STR("YWJj"), STR("ab")));
    assert_false(policy_base64_is(STR("YW!j"), STR("abc")));
    assert_false(policy_base64_is(STR("===="), STR("abc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_compared_without_rounding),
        cmocka_unit_test(dates_have_the_forms_of_w3c),
        cmocka_unit_test(base64_is_read_to_the_last_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
