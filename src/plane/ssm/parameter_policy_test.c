#include "plane/ssm/parameter_policy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define EXPIRATION                                                                                                     \
    "{\"Type\":\"Expiration\",\"Version\":\"1.0\",\"Attributes\":{\"Timestamp\":\"2030-01-01T00:00:00.000Z\"}}"
#define NOTICE(type, name, amount, unit)                                                                               \
    "{\"Type\":\"" type "\",\"Version\":\"1.0\",\"Attributes\":{\"" name "\":\"" amount "\",\"Unit\":\"" unit "\"}}"

static const struct {
    const char *text;
    const char *error; /* NULL: they are good */
    size_t count;
} cases[] = {
    {"[" EXPIRATION "]", NULL, 1},
    {"[" EXPIRATION "," NOTICE("ExpirationNotification", "Before", "15", "Days") "," NOTICE("NoChangeNotification",
                                                                                            "After", "20", "Hours") "]",
     NULL, 3},
    {"[{}]", NULL, 0},
    {"[]", NULL, 0},
    {"{}", "ValidationException", 0},
    {"[", "ValidationException", 0},
    {"[1]", SSM_ERROR_INVALID_POLICY_ATTRIBUTE_EXCEPTION, 0},
    {"[{\"Type\":\"Other\",\"Version\":\"1.0\"}]", SSM_ERROR_INVALID_POLICY_TYPE_EXCEPTION, 0},
    {"[" EXPIRATION "," EXPIRATION "]", SSM_ERROR_INCOMPATIBLE_POLICY_EXCEPTION, 0},
    {"[{\"Type\":\"Expiration\",\"Version\":\"1.0\",\"Attributes\":{\"Timestamp\":\"1999-01-01T00:00:00Z\"}}]",
     SSM_ERROR_INVALID_POLICY_ATTRIBUTE_EXCEPTION, 0},
    {"[" NOTICE("NoChangeNotification", "After", "0", "Days") "]", SSM_ERROR_INVALID_POLICY_ATTRIBUTE_EXCEPTION, 0},
    {"[" NOTICE("NoChangeNotification", "After", "1", "Weeks") "]", SSM_ERROR_INVALID_POLICY_ATTRIBUTE_EXCEPTION, 0},
    {"[{},{},{},{},{},{},{},{},{},{},{}]", SSM_ERROR_POLICIES_LIMIT_EXCEEDED_EXCEPTION, 0},
};

static void policies_are_read_or_refused(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct parameter_policies policies;
        struct fail f;

        assert_int_equal(parameter_policies_parse(str_of(cases[i].text), 1000000000000, &arena, &policies, &f),
                         cases[i].error == NULL);
        if (cases[i].error == NULL)
            assert_int_equal(policies.list.count, cases[i].count);
        else
            assert_string_equal(f.type, cases[i].error);
    }
    arena_free(&arena);
}

static void expiration_has_its_time(void **state)
{
    struct parameter_policies policies;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(parameter_policies_parse(STR("[" EXPIRATION "]"), 0, &arena, &policies, &f));
    assert_true(policies.expires);
    assert_int_equal(policies.expires_at, 1893456000000);
    assert_true(str_is(policies.list.items[0].policy_type, "Expiration"));
    assert_true(str_is(policies.list.items[0].policy_text, EXPIRATION));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(policies_are_read_or_refused),
                                       cmocka_unit_test(expiration_has_its_time)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
