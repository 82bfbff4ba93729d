/* The roster of services says what the task table says, after every change, whatever is taken back; and who is given
 * up first. */
#include "plane/ecs/service_roster.h"

#include "base/must.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/testing/tables.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TASKS = 40, INSTANCES = 4, SERVICES = 2, DEPLOYMENTS = 2, STEPS = 3000 };

static const struct table_spec *const specs[] = {&task_table, &container_instance_table};

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

/* ---- what it says ---- */

static const struct service_record service = {.account_id = STR_INIT("acme"),
                                              .region = STR_INIT("here"),
                                              .cluster_name = STR_INIT("c"),
                                              .service_name = STR_INIT("s-0")};

/* The number of tasks by a plain walk. */
static size_t recount(const struct tables *tables)
{
    struct walk walk = service_tasks_walk(&tables->view, &service);
    const struct task_record *task;
    size_t count = 0;

    while ((task = walk_next(&walk)) != NULL)
        count += !task_is_stopped(task);
    return count;
}

static size_t count(const struct tables *tables)
{
    struct roster_cells cells = roster_cells_of(&tables->view, &service);
    size_t count = 0;

    for (size_t i = 0; i < cells.count; i++)
        count += cells.items[i]->count;
    return count;
}

static void it_says_what_the_table_says(void **state)
{
    struct tables tables;

    (void)state;
    tables_begin(&tables, specs, COUNT_OF(specs), /* seed= */ 1);
    for (int i = 0; i < STEPS; i++) {
        tables_change(&tables, change_something, random_chance(&tables.random, 800),
                      random_chance(&tables.random, 800));
        assert_true(roster_is_right(&tables.view));
        assert_int_equal(count(&tables), recount(&tables));
    }
    tables_end(&tables);
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
    struct tables tables;

    (void)state;
    tables_begin(&tables, specs, COUNT_OF(specs), /* seed= */ 1);
    tables_change(&tables, three_on_two, true, true);
    tables_change(&tables, first_goes, true, true);
    assert_int_equal(roster_cells_of(&tables.view, &service).items[0]->count, 2);
    tables_end(&tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_the_table_says),
        cmocka_unit_test(the_fullest_instance_gives_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
