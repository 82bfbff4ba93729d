#include "plane/ssm/parameter_filter.h"

#include "base/attributes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *name, *path;
    bool directly, anywhere;
} below[] = {
    {"/a/b", "/a", true, true},    {"/a/b", "/a/", true, true}, {"/a/b/c", "/a", false, true},
    {"/ab/c", "/a", false, false}, {"/a", "/a", false, false},  {"/a", "/", true, true},
    {"/a/b", "/", false, true},    {"plain", "/", true, true},  {"plain", "/p", false, false},
};

static void paths_have_levels(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(below); i++) {
        struct str name = str_of(below[i].name);
        struct str path = str_of(below[i].path);

        assert_int_equal(parameter_is_below(name, path, /* recursive= */ false), below[i].directly);
        assert_int_equal(parameter_is_below(name, path, /* recursive= */ true), below[i].anywhere);
    }
}

/* Of /app/db, a SecureString in version 2 with label "prod", tag team=blue. */
static const struct {
    const char *key, *option, *value; /* value NULL: none */
    enum parameter_lister lister;
    const char *error; /* NULL: a good filter */
    bool passes;
} cases[] = {
    {"Name", NULL, "/app/db", LISTER_DESCRIBE, NULL, true},
    {"Name", "BeginsWith", "/app", LISTER_DESCRIBE, NULL, true},
    {"Name", "Contains", "p/d", LISTER_DESCRIBE, NULL, true},
    {"Name", "Equals", "/app", LISTER_DESCRIBE, NULL, false},
    {"Name", "OneLevel", "/app", LISTER_DESCRIBE, SSM_ERROR_INVALID_FILTER_OPTION, false},
    {"Path", NULL, "/app", LISTER_DESCRIBE, NULL, true},
    {"Path", NULL, "/", LISTER_DESCRIBE, NULL, false},
    {"Path", "Recursive", "/", LISTER_DESCRIBE, NULL, true},
    {"Path", "Recursive", "app", LISTER_DESCRIBE, SSM_ERROR_INVALID_FILTER_VALUE, false},
    {"Type", NULL, "SecureString", LISTER_BY_PATH, NULL, true},
    {"Type", NULL, "String", LISTER_BY_PATH, NULL, false},
    {"KeyId", NULL, "alias/aws/ssm", LISTER_DESCRIBE, NULL, true},
    {"Tier", NULL, "Advanced", LISTER_DESCRIBE, NULL, false},
    {"DataType", NULL, "text", LISTER_DESCRIBE, NULL, true},
    {"tag:team", NULL, "blue", LISTER_DESCRIBE, NULL, true},
    {"tag:team", NULL, NULL, LISTER_DESCRIBE, NULL, true},
    {"tag:other", NULL, NULL, LISTER_DESCRIBE, NULL, false},
    {"Label", NULL, "prod", LISTER_BY_PATH, NULL, true},
    {"Label", "BeginsWith", "pr", LISTER_BY_PATH, SSM_ERROR_INVALID_FILTER_OPTION, false},
    {"Label", NULL, "prod", LISTER_DESCRIBE, SSM_ERROR_INVALID_FILTER_KEY, false},
    {"Name", NULL, "x", LISTER_BY_PATH, SSM_ERROR_INVALID_FILTER_KEY, false},
    {"Name", NULL, NULL, LISTER_DESCRIBE, SSM_ERROR_INVALID_FILTER_VALUE, false},
};

static void filters_are_checked_and_decide(void **state)
{
    static struct str label = STR_INIT("prod");
    static struct ssm_tag tag = {STR_INIT("team"), STR_INIT("blue")};
    const struct ssm_parameter_history version = {.name = STR("/app/db"),
                                                  .type = SSM_PARAMETER_TYPE_SECURE_STRING,
                                                  .key_id = STR("alias/aws/ssm"),
                                                  .tier = SSM_PARAMETER_TIER_STANDARD,
                                                  .data_type = STR("text"),
                                                  .labels = {&label, 1}};
    const struct ssm_tag_list tags = {&tag, 1};
    const struct parameter_facts facts = {&version, &tags};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str value = str_of(cases[i].value);
        struct ssm_parameter_string_filter filter = {
            str_of(cases[i].key), str_of(cases[i].option), {&value, cases[i].value == NULL ? 0 : 1}};
        const struct ssm_parameter_string_filter_list filters = {&filter, 1};
        struct fail f;

        assert_int_equal(parameter_filters_check(&filters, cases[i].lister, &f), cases[i].error == NULL);
        if (cases[i].error != NULL)
            assert_string_equal(f.type, cases[i].error);
        else
            assert_int_equal(parameter_passes(&facts, &filters), cases[i].passes);
    }
}

static void a_key_stands_once(void **state)
{
    struct str value = STR("x");
    struct ssm_parameter_string_filter twice[] = {{STR("Name"), {NULL, 0}, {&value, 1}},
                                                  {STR("Name"), {NULL, 0}, {&value, 1}}};
    const struct ssm_parameter_string_filter_list filters = {twice, 2};
    struct fail f;

    (void)state;
    assert_false(parameter_filters_check(&filters, LISTER_DESCRIBE, &f));
    assert_string_equal(f.type, SSM_ERROR_INVALID_FILTER_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_have_levels),
        cmocka_unit_test(filters_are_checked_and_decide),
        cmocka_unit_test(a_key_stands_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
