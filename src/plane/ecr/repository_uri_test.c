#include "plane/ecr/repository_uri.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct registry_id fallback = {STR_INIT("000000000000"), STR_INIT("us-east-1")};

static void names_follow_ecrs_grammar(void **state)
{
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        {"app", true},
        {"a1", true},
        {"team/app", true},
        {"a-b/c_d/e.f/g__h/i---j", true},
        {"0/1", true},
        {"a", false},
        {"", false},
        {"A/b", false},
        {"app/", false},
        {"/app", false},
        {"a//b", false},
        {"..", false},
        {"a/../b", false},
        {"a..b", false},
        {"a___b", false},
        {"a._b", false},
        {"-a", false},
        {"a-", false},
        {"_uploads", false},
        {"a b", false},
        {"a%2fb", false},
        {"111122223333.dkr.ecr.eu-west-1/app", false},
        {"111122223333.dkr.ecr.eu-west-1", false},
        {"111122223333.dkr.ecr.eu-west-1.amazonaws.com/app", true},
        {"11112222333.dkr.ecr.eu-west-1/app", true},
    };
    char long_name[REPOSITORY_NAME_LEN_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(repository_name_is_valid(str_of(rows[i].name)), rows[i].good);
    memset(long_name, 'a', sizeof(long_name));
    assert_true(repository_name_is_valid((struct str){long_name, REPOSITORY_NAME_LEN_MAX}));
    assert_false(repository_name_is_valid((struct str){long_name, REPOSITORY_NAME_LEN_MAX + 1}));
}

static void host_or_first_component_choose_the_registry(void **state)
{
    static const struct {
        const char *host;
        const char *path;
        const char *account; /* NULL: refused */
        const char *region;
        const char *name;
    } rows[] = {
        {"127.0.0.1:4566", "app", "000000000000", "us-east-1", "app"},
        {NULL, "team/app", "000000000000", "us-east-1", "team/app"},
        {"127.0.0.1:4566", "111122223333.dkr.ecr.eu-west-1/app", "111122223333", "eu-west-1", "app"},
        {"111122223333.dkr.ecr.eu-west-1.localhost:4566", "a/b", "111122223333", "eu-west-1", "a/b"},
        {"111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "ab", "111122223333", "us-gov-west-1", "ab"},
        {"111122223333.dkr.ecr.eu-west-1.localhost", "444455556666.dkr.ecr.eu-west-2/ab", "444455556666", "eu-west-2",
         "ab"},
        {"111122223333.dkr.ecr.eu-west-1", "app", "000000000000", "us-east-1", "app"},
        {"1.dkr.ecr.eu-west-1.localhost", "app", "000000000000", "us-east-1", "app"},
        {"127.0.0.1:4566", "111122223333.dkr.ecr.eu-west-1", NULL, NULL, NULL},
        {"127.0.0.1:4566", "111122223333.dkr.ecr.eu-west-1/../x", NULL, NULL, NULL},
        {"127.0.0.1:4566", "111122223333.dkr.ecr.eu-west-1/444455556666.dkr.ecr.eu-west-1/x", NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct repository_ref ref;
        bool good = repository_ref_parse(str_of(rows[i].host), str_of(rows[i].path), &fallback, &ref);

        assert_int_equal(good, rows[i].account != NULL);
        if (!good)
            continue;
        assert_true(str_is(ref.registry.account, rows[i].account));
        assert_true(str_is(ref.registry.region, rows[i].region));
        assert_true(str_is(ref.name, rows[i].name));
    }
}

static void a_uri_leads_back_to_its_repository(void **state)
{
    static const struct repository_ref refs[] = {
        {{STR_INIT("000000000000"), STR_INIT("us-east-1")}, STR_INIT("app")},
        {{STR_INIT("000000000000"), STR_INIT("eu-west-1")}, STR_INIT("team/app")},
        {{STR_INIT("111122223333"), STR_INIT("us-east-1")}, STR_INIT("app")},
    };
    static const char *const domains[] = {NULL, "example.org:4566"};
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t d = 0; d < COUNT_OF(domains); d++)
        for (size_t i = 0; i < COUNT_OF(refs); i++) {
            struct repository_uri_options options = {STR("127.0.0.1:4566"), fallback, str_of(domains[d])};
            struct str uri = repository_uri(&options, &refs[i], &arena);
            struct repository_ref back;
            struct str path;
            struct str host = str_cut(uri, '/', &path);

            assert_true(repository_ref_parse(host, path, &fallback, &back));
            assert_true(str_eq(back.registry.account, refs[i].registry.account));
            assert_true(str_eq(back.registry.region, refs[i].registry.region));
            assert_true(str_eq(back.name, refs[i].name));
        }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_ecrs_grammar),
        cmocka_unit_test(host_or_first_component_choose_the_registry),
        cmocka_unit_test(a_uri_leads_back_to_its_repository),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
