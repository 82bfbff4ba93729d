#include "sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static const char *seeds_path; /* seeds.txt */

static void run(const struct sim_options *options)
{
    struct sim_result result;
    struct fail f;

    if (!sim_run(options, &result, &f))
        fail_msg("berth sim --seed %llu --hosts %u --tasks %u --instances %u --services %u --service-tasks %u: %s",
                 (unsigned long long)options->seed, options->hosts, options->tasks, options->instances,
                 options->services, options->service_tasks, f.message);
}

static void old_failures_stay_mended(void **state)
{
    FILE *file = fopen(seeds_path, "r");
    char line[200];
    size_t count = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        struct sim_options options = {.faults = true};
        char *at = line;

        if (line[0] == '#')
            continue;
        options.seed = strtoull(at, &at, 10);
        options.hosts = (unsigned)strtoul(at, &at, 10);
        options.tasks = (unsigned)strtoul(at, &at, 10);
        options.instances = (unsigned)strtoul(at, &at, 10);
        options.services = (unsigned)strtoul(at, &at, 10);
        options.service_tasks = (unsigned)strtoul(at, &at, 10);
        assert_true(options.hosts > 0);
        run(&options);
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
        unsigned hosts, tasks, instances, services, service_tasks, count;
    } sizes[] = {
        {1, 20, 0, 0, 0, 12}, {1, 300, 0, 0, 0, 3},  {2, 60, 0, 0, 0, 12},    {2, 800, 0, 0, 0, 1},
        {5, 200, 0, 0, 0, 6}, {40, 400, 0, 0, 0, 4}, {200, 1000, 0, 0, 0, 1}, {1, 10, 1, 2, 12, 4},
        {2, 20, 4, 3, 20, 6}, {1, 40, 2, 4, 150, 1}, {2, 20, 12, 11, 80, 2},
    };
    uint64_t seed = 0;

    (void)state;
    assert_int_equal(getrandom(&seed, sizeof(uint32_t), 0), sizeof(uint32_t));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (unsigned n = 0; n < sizes[i].count; n++)
            run(&(struct sim_options){.seed = seed++,
                                      .hosts = sizes[i].hosts,
                                      .tasks = sizes[i].tasks,
                                      .instances = sizes[i].instances,
                                      .services = sizes[i].services,
                                      .service_tasks = sizes[i].service_tasks,
                                      .faults = true});
}

static void the_same_seed_gives_the_same_world(void **state)
{
    struct sim_options options = {
        .seed = 42, .hosts = 5, .tasks = 100, .instances = 3, .services = 2, .service_tasks = 10, .faults = true};
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

static bool is_of_instances(unsigned mutant)
{
    return (mutant >= MUTANT_AGENT_RUNS_FOREVER && mutant <= MUTANT_PAYLOADS_LOST) || mutant == MUTANT_ROOM_LEAKS;
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

            if (is_of_instances(mutant)) {
                options.instances = 3;
                options.services = 2;
                options.service_tasks = 12;
            }
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
