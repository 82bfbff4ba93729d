#include "node/image/challenge.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void challenges_are_read(void **state)
{
    static const struct {
        const char *text;
        enum challenge_scheme scheme;
        const char *realm, *service, *scope;
    } rows[] = {
        {"", CHALLENGE_NONE, NULL, NULL, NULL},
        {"Basic realm=\"r\"", CHALLENGE_BASIC, "r", NULL, NULL},
        {"basic", CHALLENGE_BASIC, NULL, NULL, NULL},
        {"Bearer realm=\"https://a/t?x=1,2\",service=\"s\",scope=\"repository:a/b:pull\"", CHALLENGE_BEARER,
         "https://a/t?x=1,2", "s", "repository:a/b:pull"},
        {"BEARER  service = s , realm = \"h\\\"q\\\\\"", CHALLENGE_BEARER, "h\"q\\", "s", NULL},
        {"Basic realm=\"b\", Bearer realm=\"t\"", CHALLENGE_BEARER, "t", NULL, NULL},
        {"Bearer realm=\"t\", Basic realm=\"b\"", CHALLENGE_BEARER, "t", NULL, NULL},
        {"Basic realm=\"b\"\nBearer realm=\"t\"\n", CHALLENGE_BEARER, "t", NULL, NULL},
        {"Bearer service=\"no realm\"\nBasic realm=\"b\"", CHALLENGE_BASIC, "b", NULL, NULL},
        {"Negotiate, NTLM TlRMTVNT==", CHALLENGE_NONE, NULL, NULL, NULL},
        {"Bearer realm=\"cut off", CHALLENGE_BEARER, "cut off", NULL, NULL},
        {"=\"\" ,,, ;Bearer", CHALLENGE_NONE, NULL, NULL, NULL},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct challenge challenge = challenge_parse(&arena, str_of(rows[i].text));

        if (challenge.scheme != rows[i].scheme || !str_eq(challenge.realm, str_of(rows[i].realm)) ||
            !str_eq(challenge.service, str_of(rows[i].service)) || !str_eq(challenge.scope, str_of(rows[i].scope)))
            fail_msg("%s", rows[i].text);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(challenges_are_read)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
