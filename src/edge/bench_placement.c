/* What a placement costs, from 100 to 5,000 container instances: "binpack after spread" over three zones, and others.
 *
 *     bench_placement [TASKS] */
#include "base/must.h"
#include "plane/ecs/placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CPU = 4096, MEMORY = 16384, ATTRIBUTES = 60 };

#define BY(name, of)                                                                                                   \
    {                                                                                                                  \
        .type = ECS_PLACEMENT_STRATEGY_TYPE_##name, .field = STR_INIT(of)                                              \
    }

static const struct {
    const char *name;
    struct ecs_placement_strategy strategies[2];
    size_t count;
} chains[] = {
    {"spread zone, binpack memory", {BY(SPREAD, "attribute:ecs.availability-zone"), BY(BINPACK, "memory")}, 2},
    {"spread zone, spread instance", {BY(SPREAD, "attribute:ecs.availability-zone"), BY(SPREAD, "instanceId")}, 2},
    {"random", {{.type = ECS_PLACEMENT_STRATEGY_TYPE_RANDOM}}, 1},
};

static double now_s(void)
{
    struct timespec now;

    must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct placement_candidate *make(struct arena *arena, size_t count)
{
    struct placement_candidate *candidates = arena_array(arena, struct placement_candidate, count);

    for (size_t i = 0; i < count; i++) {
        struct ecs_attributes *attributes = arena_new(arena, struct ecs_attributes);

        attributes->items = arena_array(arena, struct ecs_attribute, ATTRIBUTES + 1);
        attributes->items[attributes->count++] = (struct ecs_attribute){
            .name = STR("ecs.availability-zone"), .value = arena_printf(arena, "us-east-1%c", (int)('a' + i % 3))};
        for (size_t k = 0; k < ATTRIBUTES; k++)
            attributes->items[attributes->count++].name = arena_printf(arena, "ecs.capability.%02zu", k);
        candidates[i] = (struct placement_candidate){.arn = arena_printf(arena, "instance-%05zu", i),
                                                     .active = true,
                                                     .cpu = CPU,
                                                     .memory = MEMORY,
                                                     .facts = {.agent_connected = true, .attributes = attributes}};
    }
    return candidates;
}

static void measure(size_t instances, size_t chain, size_t tasks)
{
    const struct ecs_placement_strategies strategies = {
        (struct ecs_placement_strategy *)(uintptr_t)chains[chain].strategies, chains[chain].count};
    const struct placement_demand demand = {.cpu = 1, .memory = 1};
    struct placement_candidate *candidates;
    struct placement *placement;
    struct random random;
    struct arena arena;
    double begun;
    double built;
    double done;

    arena_init(&arena, (size_t)1 << 30);
    random_seed(&random, 1);
    candidates = make(&arena, instances);
    begun = now_s();
    placement = placement_new(&arena, &demand, &strategies, candidates, instances, &random);
    built = now_s();
    for (size_t i = 0; i < tasks; i++)
        must(placement_next(placement) != NULL);
    done = now_s();
    printf("%6zu instances  %-30s %8.2f ms to begin  %8.0f ns a task  %9.0f tasks/s, beginning included\n", instances,
           chains[chain].name, (built - begun) * 1e3, (done - built) * 1e9 / (double)tasks,
           (double)tasks / (done - begun));
    arena_free(&arena);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {100, 500, 1000, 2500, 5000};
    size_t tasks = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;

    for (size_t chain = 0; chain < COUNT_OF(chains); chain++)
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            measure(sizes[i], chain, tasks);
    return 0;
}
