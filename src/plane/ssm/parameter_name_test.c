#include "plane/ssm/parameter_name.h"

#include "model/gen/ssm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define VALIDATION "ValidationException"

static const struct {
    const char *name;
    const char *error; /* NULL: it is one */
} names[] = {
    {"a", NULL},
    {"/a", NULL},
    {"/a/b.c/d-e_f", NULL},
    {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15", NULL},
    {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", SSM_ERROR_HIERARCHY_LEVEL_LIMIT_EXCEEDED_EXCEPTION},
    {"a/b", VALIDATION},
    {"/a//b", VALIDATION},
    {"/a/", VALIDATION},
    {"/", VALIDATION},
    {"with space", VALIDATION},
    {"colon:1", VALIDATION},
    {"aws-x", VALIDATION},
    {"SSMx", VALIDATION},
    {"/ssm/x", VALIDATION},
    {"/Aws/service/x", "AccessDeniedException"},
    {"/x/aws", NULL},
};

static void names_follow_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct fail f;

        assert_int_equal(parameter_name_check(str_of(names[i].name), &f), names[i].error == NULL);
        if (names[i].error != NULL)
            assert_string_equal(f.type, names[i].error);
    }
}

static const struct {
    const char *text, *region, *name, *selector;
    int64_t version;
} refs[] = {
    {"a", "", "a", "", 0},
    {"/a/b:3", "", "/a/b", ":3", 3},
    {"a:prod", "", "a", ":prod", 0},
    {"arn:aws:ssm:us-east-1:123456789012:parameter/a/b", "us-east-1", "a/b", "", 0},
    {"arn:aws:ssm:us-east-1:123456789012:parameter/a:7", "us-east-1", "a", ":7", 7},
    {"a:0", "", "a", ":0", 0},
};

static const char *const no_refs[] = {
    "",
    ":3",
    "a:",
    "a:b:c",
    "arn:aws:ssm:us-east-1",
    "arn:aws:ssm:us-east-1:1:document/x",
    "arn:aws:s3:us-east-1:1:parameter/x",
};

static void references_are_read(void **state)
{
    struct parameter_ref ref;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(refs); i++) {
        assert_true(parameter_ref_parse(str_of(refs[i].text), &ref));
        assert_true(str_is(ref.region, refs[i].region));
        assert_true(str_is(ref.name, refs[i].name));
        assert_true(str_is(ref.selector, refs[i].selector));
        assert_int_equal(ref.version, refs[i].version);
    }
    for (size_t i = 0; i < COUNT_OF(no_refs); i++)
        assert_false(parameter_ref_parse(str_of(no_refs[i]), &ref));
}

static void labels_follow_the_rules(void **state)
{
    (void)state;
    assert_true(parameter_label_is_valid(STR("Prod-1.0_x")));
    assert_false(parameter_label_is_valid(STR("1prod")));
    assert_false(parameter_label_is_valid(STR("awsprod")));
    assert_false(parameter_label_is_valid(STR("SSM")));
    assert_false(parameter_label_is_valid(STR("a b")));
    assert_false(parameter_label_is_valid(STR("")));
}

static void arns_have_one_slash(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(str_is(parameter_arn(&arena, STR("1"), STR("r"), STR("a")), "arn:aws:ssm:r:1:parameter/a"));
    assert_true(str_is(parameter_arn(&arena, STR("1"), STR("r"), STR("/a/b")), "arn:aws:ssm:r:1:parameter/a/b"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_rules),
        cmocka_unit_test(references_are_read),
        cmocka_unit_test(labels_follow_the_rules),
        cmocka_unit_test(arns_have_one_slash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
