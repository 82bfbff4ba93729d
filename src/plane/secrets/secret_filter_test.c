#include "plane/secrets/secret_filter.h"

#include "base/attributes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define KEY_IS(name) SECRETSMANAGER_FILTER_NAME_STRING_TYPE_##name

/* Of one secret: prod/db, "The main Database", tags Team=Blue and env=prod. */
static const struct {
    enum secretsmanager_filter_name_string_type key;
    const char *value;
    bool passes;
} cases[] = {
    {KEY_IS(NAME), "prod/", true},
    {KEY_IS(NAME), "Prod/", false},
    {KEY_IS(NAME), "db", false},
    {KEY_IS(NAME), "!prod/", false},
    {KEY_IS(NAME), "!dev/", true},
    {KEY_IS(DESCRIPTION), "the MAIN", true},
    {KEY_IS(DESCRIPTION), "main", false},
    {KEY_IS(TAG_KEY), "Te", true},
    {KEY_IS(TAG_KEY), "te", false},
    {KEY_IS(TAG_VALUE), "Blue", true},
    {KEY_IS(TAG_VALUE), "Red", false},
    {KEY_IS(PRIMARY_REGION), "us-", true},
    {KEY_IS(PRIMARY_REGION), "eu-", false},
    {KEY_IS(OWNING_SERVICE), "", false},
    {KEY_IS(ALL), "database main", true},
    {KEY_IS(ALL), "BLUE", true},
    {KEY_IS(ALL), "nowhere", false},
    {KEY_IS(ALL), "!nowhere", true},
};

static bool passes(const struct secretsmanager_filter *filters, size_t count)
{
    static struct secretsmanager_tag tags[] = {{STR_INIT("Team"), STR_INIT("Blue")},
                                               {STR_INIT("env"), STR_INIT("prod")}};
    const struct secretsmanager_secret_list_entry secret = {
        .name = STR("prod/db"), .description = STR("The main Database"), .tags = {tags, 2}};
    const struct secretsmanager_filters_list_type list = {(struct secretsmanager_filter *)(uintptr_t)filters, count};

    return secret_passes(&secret, STR("us-east-1"), &list);
}

static void each_key_looks_where_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str value = str_of(cases[i].value);
        const struct secretsmanager_filter filter = {cases[i].key, {&value, 1}};

        assert_int_equal(passes(&filter, 1), cases[i].passes);
    }
}

static void values_are_alternatives_filters_are_not(void **state)
{
    struct str names[] = {STR("dev/"), STR("prod/")};
    struct str red = STR("Red");
    const struct secretsmanager_filter filters[] = {{KEY_IS(NAME), {names, 2}}, {KEY_IS(TAG_VALUE), {&red, 1}}};

    (void)state;
    assert_true(passes(filters, 0));
    assert_true(passes(filters, 1));
    assert_false(passes(filters, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_key_looks_where_it_says),
                                       cmocka_unit_test(values_are_alternatives_filters_are_not)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
