/* What a daemon service costs with 100 to 5,000 container instances, on the real core: to bring a task up on each, and
 * one look at it when little has changed. Times are of whole turns: the change, the look that it causes, and what else
 * hears of it.
 *
 *     bench_daemon [INSTANCES...] */
#include "base/must.h"
#include "plane/ecs/agent.h"
#include "plane/ecs/service_tasks.h"
#include "plane/ecs/testing/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ATTRIBUTES = 60, CHANGES = 200, JOINS = 50 };

struct bench {
    struct world *world;
    struct str *instances; /* ARNs */
    size_t count;
    size_t number; /* of the change */
};

static double now_s(void)
{
    struct timespec now;

    must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print(const struct bench *bench, const char *what, double begun_s, size_t changes)
{
    printf("%6zu instances  %-34s %10.1f us\n", bench->count, what, (now_s() - begun_s) * 1e6 / (double)changes);
    (void)fflush(stdout);
}

/* ---- a cluster ---- */

static void connect(struct transaction *tx, void *context)
{
    agent_connected(
        tx, &(struct agent_hello){.instance_arn = *(struct str *)context, .version = {.agent_version = STR("1")}});
}

static struct str add_instance(struct world *world)
{
    struct ecs_resource resources[] = {{.name = STR("CPU"), .type = STR("INTEGER")},
                                       {.name = STR("MEMORY"), .type = STR("INTEGER")}};
    struct ecs_attribute attributes[ATTRIBUTES + 1] = {
        {.name = STR("ecs.availability-zone"), .value = STR("us-east-1a")}};
    struct ecs_register_container_instance_request in = {.total_resources = {resources, COUNT_OF(resources)},
                                                         .attributes = {attributes, COUNT_OF(attributes)}};
    struct ecs_register_container_instance_response out;
    struct str arn;

    SET(&resources[0], integer_value, 4096);
    SET(&resources[1], integer_value, 16384);
    for (size_t i = 1; i <= ATTRIBUTES; i++)
        attributes[i] = (struct ecs_attribute){.name = arena_printf(&world->arena, "ecs.capability.%02zu", i)};
    must(world_call(world, &ecs_register_container_instance_operation, &in, &out));
    arn = arena_str(&world->arena, out.container_instance->container_instance_arn);
    world_change(world, connect, &arn);
    return arn;
}

static void define(struct world *world)
{
    struct ecs_container_definition container = {.name = STR("app"), .image = STR("busybox")};
    enum ecs_compatibility ec2 = ECS_COMPATIBILITY_EC2;
    const struct ecs_register_task_definition_request in = {
        .family = STR("daemon"), .container_definitions = {&container, 1}, .requires_compatibilities = {&ec2, 1}};
    struct ecs_register_task_definition_response out;

    SET(&container, memory, 64);
    must(world_call(world, &ecs_register_task_definition_operation, &in, &out));
}

static void create_service(struct world *world)
{
    const struct ecs_create_service_request in = {.service_name = STR("d"),
                                                  .task_definition = STR("daemon"),
                                                  .launch_type = ECS_LAUNCH_TYPE_EC2,
                                                  .scheduling_strategy = ECS_SCHEDULING_STRATEGY_DAEMON};
    struct ecs_create_service_response out;

    must(world_call(world, &ecs_create_service_operation, &in, &out));
}

/* ---- what changes ---- */

static const struct task_record *task_number(struct transaction *tx, size_t number)
{
    struct walk walk = transaction_walk(tx, &task_table, NULL, STR(""));
    const struct task_record *task;

    do
        task = walk_next(&walk);
    while (number-- > 0);
    return task;
}

static struct str *list_tasks(struct bench *bench)
{
    struct walk walk = transaction_walk(&bench->world->view, &task_table, NULL, STR(""));
    struct str *arns = calloc(bench->count, sizeof(*arns));
    const struct task_record *task;
    size_t count = 0;

    must(arns != NULL);
    while ((task = walk_next(&walk)) != NULL)
        arns[count++] = arena_str(&bench->world->arena, task->task->task_arn);
    must(count == bench->count);
    return arns;
}

static void report_running(struct bench *bench)
{
    struct str *arns = list_tasks(bench);
    double begun_s = now_s();

    for (size_t i = 0; i < bench->count; i++) {
        const struct ecs_submit_task_state_change_request in = {.task = arns[i], .status = STR("RUNNING")};
        struct ecs_submit_task_state_change_response out;

        must(world_call(bench->world, &ecs_submit_task_state_change_operation, &in, &out));
    }
    print(bench, "to hear that a task is RUNNING", begun_s, bench->count);
    free(arns);
}

/* The first task, whichever instance that is on. */
static void change_health(struct transaction *tx, void *context)
{
    struct bench *bench = context;
    struct task_edit *edit = task_edit_begin(tx, task_number(tx, 0));

    edit->task.health_status = bench->number % 2 == 0 ? ECS_HEALTH_STATUS_HEALTHY : ECS_HEALTH_STATUS_UNKNOWN;
    must(task_edit_put(tx, edit));
}

static void change_connection(struct transaction *tx, void *context)
{
    struct bench *bench = context;
    struct str *arn = &bench->instances[bench->number / 2 % bench->count];

    if (bench->number % 2 == 0)
        container_instance_disconnected(tx, *arn);
    else
        connect(tx, arn);
}

static void measure_changes(struct bench *bench, const char *what,
                            void (*change)(struct transaction *tx, void *context))
{
    double begun_s = now_s();

    for (bench->number = 0; bench->number < CHANGES; bench->number++)
        world_change(bench->world, change, bench);
    print(bench, what, begun_s, CHANGES);
}

/* What registers, connects and gets its task. */
static void measure_joins(struct bench *bench)
{
    double begun_s = now_s();

    for (size_t i = 0; i < JOINS; i++)
        (void)add_instance(bench->world);
    print(bench, "an instance that joins", begun_s, JOINS);
}

static void update_service(struct bench *bench)
{
    struct ecs_update_service_request in = {.service = STR("d")};
    struct ecs_update_service_response out;
    double begun_s = now_s();

    SET(&in, force_new_deployment, true);
    must(world_call(bench->world, &ecs_update_service_operation, &in, &out));
    print(bench, "to stop a task of an old deployment", begun_s, bench->count + JOINS);
}

static void measure(size_t count)
{
    struct bench bench = {.world = world_new(), .instances = calloc(count, sizeof(struct str)), .count = count};
    double begun_s;

    must(bench.instances != NULL);
    define(bench.world);
    for (size_t i = 0; i < count; i++)
        bench.instances[i] = add_instance(bench.world);
    begun_s = now_s();
    create_service(bench.world);
    print(&bench, "to start a task", begun_s, count);
    report_running(&bench);
    world_wait(bench.world, SERVICE_TASK_SETTLES_MS + SECOND_MS);
    measure_changes(&bench, "a change of a task", change_health);
    measure_changes(&bench, "a change of an instance", change_connection);
    measure_joins(&bench);
    update_service(&bench);
    world_free(bench.world);
    free(bench.instances);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {100, 1000, 5000};

    for (int i = 1; i < argc; i++)
        measure(strtoul(argv[i], NULL, 10));
    for (size_t i = 0; argc == 1 && i < COUNT_OF(sizes); i++)
        measure(sizes[i]);
    return 0;
}
