#include "plane/secrets/resource_policy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define STATEMENT(effect, principal, more)                                                                             \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"" effect "\",\"Principal\":" principal                   \
    ",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\"" more "}]}"

static const struct {
    const char *text;
    bool good, is_public;
} cases[] = {
    {STATEMENT("Allow", "{\"AWS\":\"arn:aws:iam::123456789012:root\"}", ""), true, false},
    {STATEMENT("Allow", "\"*\"", ""), true, true},
    {STATEMENT("Allow", "{\"AWS\":[\"123456789012\",\"*\"]}", ""), true, true},
    {STATEMENT("Allow", "\"*\"", ",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"true\"}}"), true, false},
    {STATEMENT("Deny", "\"*\"", ""), true, false},
    {STATEMENT("Maybe", "\"*\"", ""), false, false},
    {"{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"NotAction\":\"x:y\",\"Resource\":\"*\"}}", true, false},
    {"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"x:y\",\"Resource\":\"*\"}]}", false, false},
    {"{\"Statement\":[\"x\"]}", false, false},
    {"{\"Statement\":[]}", false, false},
    {"{}", false, false},
    {"[]", false, false},
    {"not json", false, false},
    {"", false, false},
};

static void knows_a_policy_when_it_sees_one(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct policy_document *document;
        struct fail f;

        assert_int_equal(resource_policy_read(str_of(cases[i].text), &arena, &document, &f), cases[i].good);
        if (cases[i].good)
            assert_int_equal(resource_policy_is_public(document), cases[i].is_public);
        else
            assert_string_equal(f.type, "MalformedPolicyDocumentException");
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(knows_a_policy_when_it_sees_one)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
