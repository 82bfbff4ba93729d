#include "plane/secrets/value_from.h"

#include "base/attributes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECRET "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/db-AbCdEf"

static const struct {
    const char *text;
    enum value_from_kind kind;
    const char *account, *name, *json_key, *stage, *id;
} good[] = {
    {SECRET, VALUE_FROM_SECRET, "123456789012", SECRET, "", "", ""},
    {SECRET ":user::", VALUE_FROM_SECRET, "123456789012", SECRET, "user", "", ""},
    {SECRET "::AWSPREVIOUS:", VALUE_FROM_SECRET, "123456789012", SECRET, "", "AWSPREVIOUS", ""},
    {SECRET ":::9d4cb84b-ad69-40c0-a0ab-cead36b967e8", VALUE_FROM_SECRET, "123456789012", SECRET, "", "",
     "9d4cb84b-ad69-40c0-a0ab-cead36b967e8"},
    {SECRET ":user:AWSCURRENT:id", VALUE_FROM_SECRET, "123456789012", SECRET, "user", "AWSCURRENT", "id"},
    {"arn:aws:ssm:eu-west-1:123456789012:parameter/a/b", VALUE_FROM_PARAMETER, "123456789012",
     "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b", "", "", ""},
    {"plain", VALUE_FROM_PARAMETER, "", "plain", "", "", ""},
    {"/a/b/c", VALUE_FROM_PARAMETER, "", "/a/b/c", "", "", ""},
};

static const char *const bad[] = {
    "",
    "arn:",
    "arn:aws:secretsmanager",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:",
    "arn:aws:secretsmanager:us-east-1:1234:secret:x",
    "arn:aws:secretsmanager::123456789012:secret:x",
    SECRET ":user",
    SECRET ":user:",
    SECRET ":user:stage:id:more",
    "arn:aws:ssm:us-east-1:123456789012:parameter/",
    "arn:aws:ssm:us-east-1:123456789012:document/x",
    "arn:aws:s3:us-east-1:123456789012:bucket",
};

static void reads_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct value_from from;
        struct fail f;

        assert_true(value_from_parse(str_of(good[i].text), &from, &f));
        assert_int_equal(from.kind, good[i].kind);
        assert_true(str_is(from.account, good[i].account));
        assert_true(str_is(from.name, good[i].name));
        assert_true(str_is(from.json_key, good[i].json_key));
        assert_true(str_is(from.version_stage, good[i].stage));
        assert_true(str_is(from.version_id, good[i].id));
    }
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct value_from from;
        struct fail f;

        assert_false(value_from_parse(str_of(bad[i]), &from, &f));
        assert_int_equal(f.code, FAIL_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_every_form), cmocka_unit_test(refuses_what_is_none)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
