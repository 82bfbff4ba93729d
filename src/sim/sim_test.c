#include "sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static const char *seeds_path; /* seeds.txt */

static void run(uint64_t seed, unsigned hosts, unsigned tasks)
{
    struct sim_options options = {.seed = seed, .hosts = hosts, .tasks = tasks, .faults = true};
    struct sim_result result;
    struct fail f;

    if (!sim_run(&options, &result, &f))
        fail_msg("berth sim --seed %llu --hosts %u --tasks %u: %s", (unsigned long long)seed, hosts, tasks, f.message);
}

static void old_failures_stay_mended(void **state)
{
    FILE *file = fopen(seeds_path, "r");
    char line[200];
    size_t count = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned long long numbers[3];
        char *at = line;

        if (line[0] == '#')
            continue;
        for (size_t i = 0; i < 3; i++)
            numbers[i] = strtoull(at, &at, 10);
        assert_true(numbers[1] > 0 && numbers[2] > 0);
        run(numbers[0], (unsigned)numbers[1], (unsigned)numbers[2]);
        count++;
    }
    (void)fclose(file);
    assert_true(count > 0);
}

/* New worlds each time: what breaks one says how to replay it. Tiny and overloaded ones first: most faults show there.
 */
static void new_worlds_with_faults_keep_every_rule(void **state)
{
    static const struct {
        unsigned hosts, tasks, count;
    } sizes[] = {{1, 20, 12}, {1, 300, 3}, {2, 60, 12}, {2, 800, 1}, {5, 200, 6}, {40, 400, 4}, {200, 1000, 1}};
    uint64_t seed = 0;

    (void)state;
    assert_int_equal(getrandom(&seed, sizeof(uint32_t), 0), sizeof(uint32_t));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (unsigned n = 0; n < sizes[i].count; n++)
            run(seed++, sizes[i].hosts, sizes[i].tasks);
}

static void the_same_seed_gives_the_same_world(void **state)
{
    struct sim_options options = {.seed = 42, .hosts = 5, .tasks = 100, .faults = true};
    struct sim_result first;
    struct sim_result second;
    struct fail f;

    (void)state;
    assert_true(sim_run(&options, &first, &f));
    assert_true(sim_run(&options, &second, &f));
    assert_int_equal(first.messages, second.messages);
    assert_int_equal(first.virtual_ms, second.virtual_ms);
    assert_int_equal(first.turns, second.turns);
    assert_int_equal(first.changes_hash, second.changes_hash);
}

/* A broken rule must be noticed: by some seed, soon. */
static void mutants_are_caught(void **state)
{
    (void)state;
    for (unsigned mutant = MUTANT_NONE + 1; mutant < MUTANTS; mutant++) {
        bool caught = false;

        for (uint64_t seed = 1; seed <= 40 && !caught; seed++) {
            struct sim_options options = {.seed = seed, .hosts = 3, .tasks = 60, .faults = true, .mutant = mutant};
            struct sim_result result;
            struct fail f;

            caught = !sim_run(&options, &result, &f);
        }
        if (!caught)
            fail_msg("mutant %u lives", mutant);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_failures_stay_mended),
        cmocka_unit_test(new_worlds_with_faults_keep_every_rule),
        cmocka_unit_test(the_same_seed_gives_the_same_world),
        cmocka_unit_test(mutants_are_caught),
    };

    if (argc != 2)
        return 2;
    seeds_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
