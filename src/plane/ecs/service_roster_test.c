/* The roster of services says what the task table says, after every change, whatever is taken back; and who is given
 * up first. */
#include "plane/ecs/service_roster.h"

#include "base/must.h"
#include "core/core.h"
#include "plane/ecs/container_instance.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TASKS = 40, INSTANCES = 4, SERVICES = 2, DEPLOYMENTS = 2, STEPS = 3000 };

static const struct table_spec *const tables[] = {&task_table, &container_instance_table};
static const struct domain_spec domain = {.name = "ecs", .tables = tables, .table_count = COUNT_OF(tables)};
static const struct domain_spec *const domains[] = {&domain};

/* ---- records ---- */

static struct str numbered(struct arena *arena, const char *what, uint64_t number)
{
    return arena_printf(arena, "%s-%llu", what, (unsigned long long)number);
}

/* Anything that a task may be. */
static void put_task(struct transaction *tx, uint64_t number, struct random *random)
{
    static const char *const statuses[] = {"PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"};
    static const enum ecs_health_status healths[] = {ECS_HEALTH_STATUS_UNKNOWN, ECS_HEALTH_STATUS_HEALTHY,
                                                     ECS_HEALTH_STATUS_UNHEALTHY};
    size_t status = random_below(random, COUNT_OF(statuses));
    bool wanted = status < 3 && random_chance(random, 700);
    struct ecs_task task = {.last_status = str_of(statuses[status]),
                            .desired_status = wanted ? STR("RUNNING") : STR("STOPPED"),
                            .task_definition_arn = STR("app:1"),
                            .started_by = numbered(tx->arena, "ecs-svc/1", random_below(random, DEPLOYMENTS)),
                            .availability_zone = numbered(tx->arena, "zone", random_below(random, 3)),
                            .health_status = healths[random_below(random, COUNT_OF(healths))]};
    struct task_record record = {.account_id = STR("acme"),
                                 .region = STR("here"),
                                 .cluster_name = STR("c"),
                                 .task_id = numbered(tx->arena, "task", number),
                                 .service_name = numbered(tx->arena, "s", random_below(random, SERVICES)),
                                 .container_instance_id = numbered(tx->arena, "i", random_below(random, INSTANCES)),
                                 .task = &task};

    SET(&record, proven, random_chance(random, 500));
    SET(&record, judged, status == 4 && random_chance(random, 500));
    SET(&record, running_at, (int64_t)random_below(random, 100));
    if (random_chance(random, 200))
        SET(&record, protected_until, (int64_t)random_below(random, 100));
    transaction_delete(tx, &task_table, KEY(tx->arena, STR("acme"), STR("here"), STR("c"), record.task_id));
    must(transaction_put(tx, &task_table, &record));
}

static void put_instance(struct transaction *tx, uint64_t number, bool draining)
{
    struct ecs_container_instance instance = {.status = draining ? STR("DRAINING") : STR("ACTIVE")};
    const struct container_instance_record record = {.account_id = STR("acme"),
                                                     .region = STR("here"),
                                                     .cluster_name = STR("c"),
                                                     .instance_id = numbered(tx->arena, "i", number),
                                                     .instance = &instance};

    must(transaction_put(tx, &container_instance_table, &record));
}

static void change_something(struct transaction *tx, struct random *random)
{
    uint64_t number = random_below(random, TASKS);

    switch (random_below(random, 8)) {
    case 0:
        put_instance(tx, random_below(random, INSTANCES), random_chance(random, 500));
        return;
    case 1:
        transaction_delete(
            tx, &container_instance_table,
            KEY(tx->arena, STR("acme"), STR("here"), STR("c"), numbered(tx->arena, "i", random_below(random, 4))));
        return;
    case 2:
    case 3:
        transaction_delete(tx, &task_table,
                           KEY(tx->arena, STR("acme"), STR("here"), STR("c"), numbered(tx->arena, "task", number)));
        return;
    default:
        put_task(tx, number, random);
    }
}

/* ---- a core of these tables alone ---- */

struct bench {
    struct settings settings;
    struct engine *engine;
    struct core *core;
    struct arena arena;
    struct transaction view;
    struct random random;
};

struct change_job {
    struct job job;
    struct bench *bench;
    bool commits;
    void (*change)(struct transaction *tx, struct random *random);
};

static bool run(struct job *job, struct transaction *tx)
{
    struct change_job *change = list_item(&job->link, struct change_job, job.link);

    change->change(tx, &change->bench->random);
    return change->commits;
}

static void done(struct job *job, bool durable)
{
    (void)job;
    (void)durable;
}

static void release(void *context, const char *kind, struct str target, struct str bytes)
{
    (void)context;
    (void)kind;
    (void)target;
    (void)bytes;
}

static void no_secret(void *bytes, size_t len)
{
    memset(bytes, 7, len);
}

static void change(struct bench *bench, void (*what)(struct transaction *tx, struct random *random), bool commits,
                   bool durable)
{
    struct change_job job = {{.actor = "api", .cause = STR("test"), .run = run, .done = done}, bench, commits, what};
    struct turn *turn;

    arena_reset(&bench->arena);
    core_submit(bench->core, &job.job);
    turn = core_turn(bench->core, 1000);
    assert_non_null(turn);
    (void)core_settle(bench->core, turn, durable);
}

static void bench_begin(struct bench *bench)
{
    struct core_options options = {
        .domains = domains, .domain_count = 1, .settings = &bench->settings, .secret = no_secret, .release = release};
    struct fail f;

    *bench = (struct bench){.settings = {.default_account = STR("acme"), .default_region = STR("here")}};
    options.engine = bench->engine = engine_memory_new();
    must(core_open(&options, 1000, &bench->core, &f));
    arena_init(&bench->arena, ARENA_LIMIT_DEFAULT);
    random_seed(&bench->random, 1);
    bench->view = core_view(bench->core, &bench->arena, 1000);
}

static void bench_end(struct bench *bench)
{
    core_close(bench->core);
    bench->engine->kind->close(bench->engine);
    arena_free(&bench->arena);
}

/* ---- what it says ---- */

static const struct service_record service = {.account_id = STR_INIT("acme"),
                                              .region = STR_INIT("here"),
                                              .cluster_name = STR_INIT("c"),
                                              .service_name = STR_INIT("s-0")};

/* The number of tasks by a plain walk. */
static size_t recount(const struct bench *bench)
{
    struct walk walk = service_tasks_walk(&bench->view, &service);
    const struct task_record *task;
    size_t count = 0;

    while ((task = walk_next(&walk)) != NULL)
        count += !task_is_stopped(task);
    return count;
}

static size_t count(const struct bench *bench)
{
    struct roster_cells cells = roster_cells_of(&bench->view, &service);
    size_t count = 0;

    for (size_t i = 0; i < cells.count; i++)
        count += cells.items[i]->count;
    return count;
}

static void it_says_what_the_table_says(void **state)
{
    struct bench bench;

    (void)state;
    bench_begin(&bench);
    for (int i = 0; i < STEPS; i++) {
        change(&bench, change_something, random_chance(&bench.random, 800), random_chance(&bench.random, 800));
        assert_true(roster_is_right(&bench.view));
        assert_int_equal(count(&bench), recount(&bench));
    }
    bench_end(&bench);
}

/* ---- who goes first ---- */

static void put_healthy(struct transaction *tx, const char *id, const char *instance)
{
    struct ecs_task task = {.last_status = STR("RUNNING"),
                            .desired_status = STR("RUNNING"),
                            .task_definition_arn = STR("app:1"),
                            .started_by = STR("ecs-svc/1"),
                            .availability_zone = STR("a")};
    struct task_record record = {.account_id = STR("acme"),
                                 .region = STR("here"),
                                 .cluster_name = STR("c"),
                                 .task_id = str_of(id),
                                 .service_name = STR("s-0"),
                                 .container_instance_id = str_of(instance),
                                 .task = &task};

    SET(&record, proven, true);
    must(transaction_put(tx, &task_table, &record));
}

static void three_on_two(struct transaction *tx, struct random *random)
{
    (void)random;
    put_healthy(tx, "1", "i-0");
    put_healthy(tx, "2", "i-1");
    put_healthy(tx, "3", "i-1");
}

static void first_goes(struct transaction *tx, struct random *random)
{
    const struct task_record *first = roster_cell_first(roster_cells_of(tx, &service).items[0]);

    (void)random;
    assert_true(str_is(first->container_instance_id, "i-1"));
    transaction_delete(tx, &task_table, KEY(tx->arena, STR("acme"), STR("here"), STR("c"), first->task_id));
}

static void the_fullest_instance_gives_first(void **state)
{
    struct bench bench;

    (void)state;
    bench_begin(&bench);
    change(&bench, three_on_two, true, true);
    change(&bench, first_goes, true, true);
    assert_int_equal(roster_cells_of(&bench.view, &service).items[0]->count, 2);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_the_table_says),
        cmocka_unit_test(the_fullest_instance_gives_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
