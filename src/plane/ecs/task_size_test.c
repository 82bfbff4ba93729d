#include "plane/ecs/task_size.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct size_case {
    const char *text;
    int32_t number; /* 0: refused */
};

static const struct size_case cpu_cases[] = {
    {"256", 256},
    {" 512 ", 512},
    {"0.25 vCPU", 256},
    {".25 vCPU", 256},
    {".5vcpu", 512},
    {"1 vCPU", 1024},
    {"1VCPU", 1024},
    {"16 vCPU", 16384},
    {"2.000 vCPU", 2048},
    {"192 vcpu", 196608},
    {"0.125 vCPU", 128},
    {"", 0},
    {"vCPU", 0},
    {" vCPU", 0},
    {"0", 0},
    {"-1", 0},
    {"+1", 0},
    {"1.5", 0},
    {"0.1 vCPU", 0},
    {"1 GB", 0},
    {"1.2.3 vCPU", 0},
    {". vCPU", 0},
    {"1e3", 0},
    {"0x10", 0},
    {"99999999999", 0},
    {"2147483648", 0},
    {"9999999 vCPU", 0},
    {"1.12345678 vCPU", 0},
};

static const struct size_case memory_cases[] = {
    {"512", 512},      {"0.5 GB", 512}, {".5GB", 512}, {"1GB", 1024}, {"1 gb", 1024}, {"30 GB", 30720},
    {"120GB", 122880}, {"1 MB", 0},     {"GB", 0},     {"1 GiB", 0},  {"half", 0},    {"0.3 GB", 0},
};

static void check(const struct size_case *cases, size_t count, bool parse(struct str, int32_t *))
{
    for (size_t i = 0; i < count; i++) {
        int32_t number = 0;
        bool good = parse(str_of(cases[i].text), &number);

        if (good != (cases[i].number != 0) || number != cases[i].number)
            fail_msg("\"%s\" gave %d", cases[i].text, number);
    }
}

static void every_spelling_is_understood(void **state)
{
    (void)state;
    check(cpu_cases, COUNT_OF(cpu_cases), task_cpu_parse);
    check(memory_cases, COUNT_OF(memory_cases), task_memory_parse);
}

/* ECS developer guide, "Task size". */
static void fargate_has_the_documented_sizes(void **state)
{
    static const struct {
        int32_t cpu_units;
        int32_t sizes; /* how many of all whole and half GB up to 130 GB */
    } counts[] = {{128, 0}, {256, 3}, {512, 4}, {1024, 7}, {2048, 13}, {4096, 23}, {8192, 12}, {16384, 12}, {32768, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        int32_t sizes = 0;

        for (int32_t memory_mib = 512; memory_mib <= 130 * 1024; memory_mib += 512)
            sizes += fargate_size_exists(counts[i].cpu_units, memory_mib);
        assert_int_equal(sizes, counts[i].sizes);
    }
    assert_true(fargate_size_exists(256, 512));
    assert_true(fargate_size_exists(256, 2048));
    assert_false(fargate_size_exists(256, 1536));
    assert_false(fargate_size_exists(512, 512));
    assert_true(fargate_size_exists(16384, 122880));
    assert_false(fargate_size_exists(8192, 17408));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_is_understood),
        cmocka_unit_test(fargate_has_the_documented_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
