#include "plane/iam/jwt.h"

#include "plane/iam/jwt_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_claims(void **state)
{
    struct arena arena;
    struct fail f;
    struct jwt jwt;

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_true(jwt_read(STR(RSA_TOKEN), &arena, &jwt, &f));
    assert_true(str_is(jwt.algorithm, "RS256"));
    assert_true(str_is(jwt.key_id, "r1"));
    assert_true(str_is(jwt.issuer, "https://id.example.com"));
    assert_true(str_is(jwt.subject, "system:serviceaccount:default:app"));
    assert_int_equal(jwt.audience_count, 2);
    assert_true(str_is(jwt.audiences[0], "sts.amazonaws.com"));
    assert_int_equal(jwt.expires_s, 2000000000);
    assert_int_equal(jwt.not_before_s, 1700000000);
    arena_free(&arena);
}

static const struct {
    const char *token;
    enum fail_code code; /* FAIL_NONE: good */
} cases[] = {
    {RSA_TOKEN, FAIL_NONE},        {EC_TOKEN, FAIL_NONE},    {NAMELESS_TOKEN, FAIL_NONE},
    {OTHER_TOKEN, FAIL_NOT_FOUND}, {NONE_TOKEN, FAIL_INPUT},
};

static void test_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        struct fail f = {0};
        struct jwt jwt;

        arena_init(&arena, 1 << 20);
        assert_true(jwt_read(str_of(cases[i].token), &arena, &jwt, &f));
        assert_int_equal(jwt_verify(&jwt, STR(KEYS), &arena, &f), cases[i].code == FAIL_NONE);
        assert_int_equal(f.code, cases[i].code);
        arena_free(&arena);
    }
}

/* Every single changed byte breaks a token. */
static void check_tampering(const char *token)
{
    size_t len = strlen(token);
    char changed[4096];

    assert_true(len < sizeof(changed));
    for (size_t i = 0; i < len; i += 7) {
        struct arena arena;
        struct fail f;
        struct jwt jwt;

        arena_init(&arena, 1 << 20);
        memcpy(changed, token, len + 1);
        changed[i] = changed[i] == 'A' ? 'Q' : 'A';
        assert_false(jwt_read((struct str){changed, len}, &arena, &jwt, &f) && jwt_verify(&jwt, STR(KEYS), &arena, &f));
        arena_free(&arena);
    }
}

static void test_tampering(void **state)
{
    (void)state;
    check_tampering(RSA_TOKEN);
    check_tampering(EC_TOKEN);
}

static void test_no_tokens(void **state)
{
    static const char *const bad[] = {"", ".", "..", "...", "a.b", "e30.e30.", "e30.e30.e30", "!.!.!", "W10.W10.W10"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct arena arena;
        struct fail f;
        struct jwt jwt;

        arena_init(&arena, 1 << 20);
        assert_false(jwt_read(str_of(bad[i]), &arena, &jwt, &f));
        assert_int_equal(f.code, FAIL_INPUT);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_tampering),
        cmocka_unit_test(test_no_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
