/* What a placement costs, from 100 to 5,000 container instances: "binpack after spread" over three zones, and others.
 * First the tree alone, then requests of 1, 10 and 1,000 tasks on the real core: finding the place, and putting down
 * what the task takes of its instance.
 *
 *     bench_placement [TASKS]
 *
 * The last line is of requests for ten tasks with 5,000 instances, place and take together. */
#include "base/must.h"
#include "plane/ecs/agent.h"
#include "plane/ecs/task_instances.h"
#include "plane/ecs/testing/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CPU = 4096, MEMORY = 16384, ATTRIBUTES = 60 };
enum { TARGET = 50000 }; /* placements a second that we want of one core */

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
                                                     .zone = attributes->items[0].value,
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
    placement = placement_new(&arena, &demand, &strategies, candidates, instances, instances, &random);
    built = now_s();
    for (size_t i = 0; i < tasks; i++)
        must(placement_next(placement) != NULL);
    done = now_s();
    printf("%6zu instances  %-30s %8.2f ms to begin  %8.0f ns a task  %9.0f tasks/s, beginning included\n", instances,
           chains[chain].name, (built - begun) * 1e3, (done - built) * 1e9 / (double)tasks,
           (double)tasks / (done - begun));
    arena_free(&arena);
}

/* ---- requests ---- */

static void connect(struct transaction *tx, void *context)
{
    const struct str *arn = context;

    agent_connected(tx, &(struct agent_hello){.instance_arn = *arn, .version = {.agent_version = STR("1")}});
}

static void add_instance(struct world *world, size_t number)
{
    struct ecs_resource resources[] = {{.name = STR("CPU"), .type = STR("INTEGER")},
                                       {.name = STR("MEMORY"), .type = STR("INTEGER")}};
    struct ecs_attribute attributes[ATTRIBUTES + 1];
    struct ecs_register_container_instance_request in = {.total_resources = {resources, COUNT_OF(resources)},
                                                         .attributes = {attributes, COUNT_OF(attributes)}};
    struct ecs_register_container_instance_response out;

    SET(&resources[0], integer_value, 1 << 20);
    SET(&resources[1], integer_value, 1 << 20);
    attributes[0] =
        (struct ecs_attribute){.name = STR("ecs.availability-zone"),
                               .value = arena_printf(&world->arena, "us-east-1%c", (int)('a' + number % 3))};
    for (size_t i = 1; i <= ATTRIBUTES; i++)
        attributes[i] = (struct ecs_attribute){.name = arena_printf(&world->arena, "ecs.capability.%02zu", i)};
    must(world_call(world, &ecs_register_container_instance_operation, &in, &out));
    world_change(world, connect, &out.container_instance->container_instance_arn);
}

struct request {
    const struct ecs_task_definition *definition;
    size_t tasks;
    double placed_s, took_s;
};

static void place(struct transaction *tx, const struct task_wish *wish, struct request *request)
{
    struct ecs_task task = {.group = wish->group};
    struct task_record record = {.account_id = wish->cluster->account_id,
                                 .region = wish->cluster->region,
                                 .cluster_name = wish->cluster->cluster->cluster_name,
                                 .task = &task};
    struct ecs_failure failure;
    double begun = now_s();
    const struct container_instance_record *instance = task_instances_place(tx, wish, &failure);
    double placed = now_s();

    must(instance != NULL);
    record.container_instance_id = instance->instance_id;
    SET(&record, cpu_units, wish->cpu_units);
    SET(&record, memory_mib, wish->memory_mib);
    container_instance_take(tx, &record);
    request->placed_s += placed - begun;
    request->took_s += now_s() - placed;
}

static void run_request(struct transaction *tx, void *context)
{
    static const struct ecs_placement_constraints none;
    const struct ecs_placement_strategies strategies = {
        (struct ecs_placement_strategy *)(uintptr_t)chains[0].strategies, chains[0].count};
    struct request *request = context;
    struct walk clusters = transaction_walk(tx, &cluster_table, NULL, STR(""));
    struct task_wish wish = {.arena = tx->arena,
                             .cluster = walk_next(&clusters),
                             .definition = request->definition,
                             .group = STR("family:bench")};
    struct fail f;

    must(task_instances_check(tx, &wish, ECS_LAUNCH_TYPE_EC2, &none, &strategies, &wish.launch.instances, &f));
    task_override_none(tx->arena, &wish);
    task_instances_size(&wish);
    for (size_t i = 0; i < request->tasks; i++)
        place(tx, &wish, request);
}

static const struct ecs_task_definition *define(struct world *world)
{
    struct ecs_container_definition container = {.name = STR("app"), .image = STR("busybox")};
    enum ecs_compatibility ec2 = ECS_COMPATIBILITY_EC2;
    const struct ecs_register_task_definition_request in = {
        .family = STR("bench"), .container_definitions = {&container, 1}, .requires_compatibilities = {&ec2, 1}};
    static struct ecs_register_task_definition_response out;
    struct ecs_task_definition *copy = arena_new(&world->arena, struct ecs_task_definition);

    SET(&container, cpu, 1);
    SET(&container, memory, 4);
    must(world_call(world, &ecs_register_task_definition_operation, &in, &out));
    value_copy(&ecs_task_definition_shape, copy, out.task_definition, &world->arena);
    return copy;
}

/* Placements a second of requests for ten tasks, a usual batch. */
static double measure_requests(size_t instances, size_t tasks_in_all)
{
    static const size_t sizes[] = {1, 10, 1000};
    struct world *world = world_new();
    struct request request = {.definition = define(world)};
    double of_ten = 0;

    for (size_t i = 0; i < instances; i++)
        add_instance(world, i);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t requests = tasks_in_all / sizes[i];
        double per_second;
        double tasks;

        request = (struct request){.definition = request.definition, .tasks = sizes[i]};
        for (size_t k = 0; k < requests; k++)
            world_change(world, run_request, &request);
        tasks = (double)(requests * sizes[i]);
        per_second = tasks / (request.placed_s + request.took_s);
        of_ten = sizes[i] == 10 ? per_second : of_ten;
        printf("%6zu instances  requests of %4zu  %8.0f ns to place  %8.0f ns to take  %9.0f placements/s\n", instances,
               sizes[i], request.placed_s * 1e9 / tasks, request.took_s * 1e9 / tasks, per_second);
    }
    world_free(world);
    return of_ten;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {100, 500, 1000, 2500, 5000};
    size_t tasks = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;

    for (size_t chain = 0; chain < COUNT_OF(chains); chain++)
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            measure(sizes[i], chain, tasks);
    (void)measure_requests(100, tasks / 5);
    printf("ratio to %d placements a second: %.2f\n", TARGET, measure_requests(5000, tasks / 5) / TARGET);
    return 0;
}
