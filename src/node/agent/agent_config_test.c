#include "node/agent/agent_config.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const *given;

/* "NAME=value" rows, NULL at the end. */
static const char *get(const char *name)
{
    size_t len = strlen(name);

    for (const char *const *row = given; *row != NULL; row++)
        if (strncmp(*row, name, len) == 0 && (*row)[len] == '=')
            return *row + len + 1;
    return NULL;
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } rows[] = {{"30s", 30000}, {"1h30m", 5400000}, {"500ms", 500}, {"0s", 0},   {"", -1},
                {"30", -1},     {"s", -1},          {"1d", -1},     {"-1s", -1}, {"99999999999s", -1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = -1;

        assert_int_equal(duration_parse(str_of(rows[i].text), &ms), rows[i].ms >= 0);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void test_defaults_and_settings(void **state)
{
    const char *const nothing[] = {NULL};
    const char *const some[] = {"ECS_CLUSTER=web",   "ECS_BACKEND_HOST=ecs.example.com", "ECS_RESERVED_MEMORY=256",
                                "ECS_EXTERNAL=true", "ECS_CONTAINER_STOP_TIMEOUT=2m",    NULL};
    const char *const bad[] = {"ECS_RESERVED_MEMORY=much", NULL};
    struct agent_config config;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, 1 << 16);
    given = nothing;
    assert_true(agent_config_read(get, &arena, &config, &f));
    assert_true(str_is(config.cluster, "default") && config.stop_timeout_s == 30);
    given = some;
    assert_true(agent_config_read(get, &arena, &config, &f));
    assert_true(str_is(config.cluster, "web") && str_is(config.backend, "https://ecs.example.com"));
    assert_true(config.reserved_memory_mib == 256 && config.external && config.stop_timeout_s == 120);
    given = bad;
    assert_false(agent_config_read(get, &arena, &config, &f));
    assert_non_null(strstr(f.message, "ECS_RESERVED_MEMORY: 'much'"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_durations), cmocka_unit_test(test_defaults_and_settings)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
