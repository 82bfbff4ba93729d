/* What is written is read, and what is damaged is told. */
#include "node/task/container_memory.h"

#include "os/files.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static char directory[] = "/tmp/berth-memory-XXXXXX";

static int make(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int clear(void **state)
{
    struct fail f;

    (void)state;
    return path_remove(directory, &f) ? 0 : -1;
}

static void what_is_written_is_read(void **state)
{
    static const struct container_memory memories[] = {
        {0, ECS_HEALTH_STATUS_UNKNOWN, 0}, {7, ECS_HEALTH_STATUS_HEALTHY, 2}, {1, ECS_HEALTH_STATUS_UNHEALTHY, 10}};
    struct container_memory read;
    struct fail f;

    (void)state;
    assert_false(container_memory_read(directory, 3, &read, &f));
    assert_int_equal(f.code, FAIL_NOT_FOUND);
    for (size_t i = 0; i < COUNT_OF(memories); i++) {
        assert_true(container_memory_write(directory, 3, &memories[i], &f));
        assert_true(container_memory_read(directory, 3, &read, &f));
        assert_int_equal(read.restart_count, memories[i].restart_count);
        assert_int_equal(read.health, memories[i].health);
        assert_int_equal(read.health_failures, memories[i].health_failures);
    }
}

static void what_is_damaged_is_told(void **state)
{
    static const char *const lines[] = {"", "1", "1 HEALTHY", "1 WELL 0", "-1 HEALTHY 0", "1 HEALTHY 9999999999", "x"};
    char path[64];
    struct container_memory read;
    struct fail f;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/0.memory", directory);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        assert_true(file_replace(path, str_of(lines[i]), 0600, &f));
        assert_false(container_memory_read(directory, 0, &read, &f));
        assert_int_equal(f.code, FAIL_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read),
                                       cmocka_unit_test(what_is_damaged_is_told)};

    return cmocka_run_group_tests(tests, make, clear);
}
