/* The plan for a daemon's muster is the plan for all that the records say, whatever has changed meanwhile and whatever
 * of that was taken back. */
#include "plane/ecs/service_muster.h"

#include "base/must.h"
#include "plane/ecs/service_tasks.h"
#include "plane/ecs/testing/tables.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { INSTANCES = 30, TASKS = 2 * INSTANCES, SEEDS = 15, STEPS = 300 };

static const struct table_spec *const specs[] = {&task_table, &container_instance_table, &service_table};

static struct str numbered(struct arena *arena, const char *what, uint64_t number)
{
    return arena_printf(arena, "%s-%02llu", what, (unsigned long long)number);
}

static struct str key_of(struct arena *arena, struct str id)
{
    return KEY(arena, STR("acme"), STR("here"), STR("c"), id);
}

/* ---- records ---- */

/* As another record where that one cannot become so. */
static void put_instance(struct transaction *tx, uint64_t number, const char *status, const char *role)
{
    struct ecs_attribute attribute = {.name = STR("role"), .value = str_of(role)};
    struct ecs_container_instance instance = {.status = str_of(status), .attributes = {&attribute, 1}};
    const struct container_instance_record record = {.account_id = STR("acme"),
                                                     .region = STR("here"),
                                                     .cluster_name = STR("c"),
                                                     .instance_id = numbered(tx->arena, "i", number),
                                                     .instance = &instance};
    struct str key = key_of(tx->arena, record.instance_id);
    const struct container_instance_record *before = transaction_get(tx, &container_instance_table, key);

    if (before != NULL)
        SET(&instance, version, before->instance->version + 1);
    if (transaction_put(tx, &container_instance_table, &record))
        return;
    transaction_delete(tx, &container_instance_table, key);
    must(transaction_put(tx, &container_instance_table, &record));
}

/* As tasks that come and go do (container_instance_room.c). */
static void touch_instance_of(struct transaction *tx, const struct task_record *task)
{
    const struct container_instance_record *instance = task == NULL ? NULL : container_instance_of_task(tx, task);

    if (instance != NULL)
        must(container_instance_edit_put(tx, container_instance_edit_begin(tx, instance)));
}

static void delete_task(struct transaction *tx, uint64_t number)
{
    struct str key = key_of(tx->arena, numbered(tx->arena, "task", number));

    touch_instance_of(tx, transaction_get(tx, &task_table, key));
    transaction_delete(tx, &task_table, key);
}

struct doing {
    const char *service;
    uint64_t instance, deployment;
    const char *status;
    bool wanted, proven, guarded;
    enum ecs_health_status health;
};

/* The same; one is of a service, or of none, all its life. */
static void put_task(struct transaction *tx, uint64_t number, const struct doing *doing)
{
    struct ecs_task task = {.last_status = str_of(doing->status),
                            .desired_status = doing->wanted ? STR("RUNNING") : STR("STOPPED"),
                            .task_definition_arn = STR("app:1"),
                            .started_by = numbered(tx->arena, "ecs-svc/1", doing->deployment),
                            .health_status = doing->health};
    struct task_record record = {.account_id = STR("acme"),
                                 .region = STR("here"),
                                 .cluster_name = STR("c"),
                                 .task_id = numbered(tx->arena, "task", number),
                                 .container_instance_id = numbered(tx->arena, "i", doing->instance),
                                 .task = &task};
    const struct task_record *before;

    if (doing->service != NULL)
        record.service_name = str_of(doing->service);
    SET(&record, proven, doing->proven);
    if (doing->guarded)
        SET(&record, protected_until, 2000);
    before = transaction_get(tx, &task_table, key_of(tx->arena, record.task_id));
    touch_instance_of(tx, before);
    if ((before != NULL && !str_eq(before->service_name, record.service_name)) ||
        !transaction_put(tx, &task_table, &record)) {
        transaction_delete(tx, &task_table, key_of(tx->arena, record.task_id));
        must(transaction_put(tx, &task_table, &record));
    }
    touch_instance_of(tx, &record);
}

static void put_service(struct transaction *tx, const char *name, enum ecs_scheduling_strategy strategy,
                        const char *status)
{
    struct ecs_deployment_configuration configuration = {.minimum_healthy_percent = 0};
    struct ecs_service shown = {.status = str_of(status),
                                .scheduling_strategy = strategy,
                                .launch_type = ECS_LAUNCH_TYPE_EC2,
                                .deployment_configuration = &configuration};
    const struct service_record record = {.account_id = STR("acme"),
                                          .region = STR("here"),
                                          .cluster_name = STR("c"),
                                          .service_name = str_of(name),
                                          .service = &shown};

    transaction_delete(tx, &service_table, SERVICE_KEY(tx->arena, &record));
    must(transaction_put(tx, &service_table, &record));
}

static void begin(struct transaction *tx, struct random *random)
{
    (void)random;
    put_service(tx, "d", ECS_SCHEDULING_STRATEGY_DAEMON, "ACTIVE");
    put_service(tx, "other", ECS_SCHEDULING_STRATEGY_DAEMON, "ACTIVE");
    put_service(tx, "replica", ECS_SCHEDULING_STRATEGY_REPLICA, "ACTIVE");
    for (uint64_t i = 0; i < INSTANCES; i++)
        put_instance(tx, i, "ACTIVE", "edge");
}

/* ---- what changes ---- */

/* Mostly alone on its instance; sometimes on one that there is not. */
static void change_task(struct transaction *tx, struct random *random)
{
    static const char *const services[] = {"d", "d", "d", "d", "d", "d", "other", "replica", NULL};
    static const char *const statuses[] = {"PENDING", "RUNNING", "RUNNING", "RUNNING", "DEPROVISIONING", "STOPPED"};
    static const enum ecs_health_status healths[] = {ECS_HEALTH_STATUS_UNKNOWN, ECS_HEALTH_STATUS_HEALTHY,
                                                     ECS_HEALTH_STATUS_UNHEALTHY};
    uint64_t number = random_below(random, random_chance(random, 800) ? INSTANCES : TASKS);
    struct doing doing = {.service = services[random_below(random, COUNT_OF(services))],
                          .instance =
                              random_chance(random, 900) ? number % INSTANCES : random_below(random, INSTANCES + 1),
                          .deployment = random_below(random, 2),
                          .status = statuses[random_below(random, COUNT_OF(statuses))],
                          .proven = random_chance(random, 700),
                          .guarded = random_chance(random, 200),
                          .health = healths[random_below(random, COUNT_OF(healths))]};

    doing.wanted = *doing.status != 'D' && *doing.status != 'S' && random_chance(random, 800);
    put_task(tx, number, &doing);
}

static void change_instance(struct transaction *tx, struct random *random)
{
    static const char *const statuses[] = {"ACTIVE", "ACTIVE", "DRAINING", "INACTIVE"};
    uint64_t number = random_below(random, INSTANCES);

    if (random_chance(random, 100))
        transaction_delete(tx, &container_instance_table, key_of(tx->arena, numbered(tx->arena, "i", number)));
    if (random_chance(random, 900))
        put_instance(tx, number, statuses[random_below(random, COUNT_OF(statuses))],
                     random_chance(random, 800) ? "edge" : "core");
}

/* One healthy task of a deployment on each instance, or of none: nothing else. */
static void put_all(struct transaction *tx, struct random *random)
{
    const struct doing doing = {.service = "d",
                                .deployment = random_below(random, 2),
                                .status = "RUNNING",
                                .wanted = true,
                                .proven = random_chance(random, 800),
                                .health = ECS_HEALTH_STATUS_HEALTHY};
    bool has_tasks = random_chance(random, 700);

    for (uint64_t i = 0; i < TASKS; i++)
        delete_task(tx, i);
    for (uint64_t i = 0; i < INSTANCES; i++) {
        struct doing there = doing;

        there.instance = i;
        put_instance(tx, i, "ACTIVE", "edge");
        if (has_tasks)
            put_task(tx, i, &there);
    }
}

static void change_one(struct transaction *tx, struct random *random)
{
    static const char *const statuses[] = {"ACTIVE", "DRAINING"};
    uint64_t what = random_below(random, 100);

    if (what < 2)
        put_all(tx, random);
    else if (what < 5)
        put_service(tx, "d", ECS_SCHEDULING_STRATEGY_DAEMON, statuses[random_below(random, COUNT_OF(statuses))]);
    else if (what < 25)
        change_instance(tx, random);
    else if (what < 35)
        delete_task(tx, random_below(random, TASKS));
    else
        change_task(tx, random);
}

/* ---- the wish ---- */

static struct {
    uint64_t seed;
    bool constrained; /* to instances of a role */
    uint64_t deployment;
} asked;

/* How often the plan was so. */
static struct {
    size_t done, stuck, full_of_starts, full_of_stops;
    size_t left_out; /* and the scene of less than all healthy tasks */
} seen;

static const struct service_record service = {.account_id = STR_INIT("acme"),
                                              .region = STR_INIT("here"),
                                              .cluster_name = STR_INIT("c"),
                                              .service_name = STR_INIT("d")};

static struct task_wish wish_of(struct arena *arena, bool constrained)
{
    static struct ecs_cluster shown = {.cluster_name = STR_INIT("c")};
    static const struct cluster_record cluster = {
        .account_id = STR_INIT("acme"), .region = STR_INIT("here"), .cluster = &shown};
    static const struct ecs_task_definition definition = {.task_definition_arn = STR_INIT("app:1")};
    static struct str expression = STR_INIT("attribute:role == edge");
    struct task_instances *instances = arena_new(arena, struct task_instances);
    const struct cluster_query **members = arena_array(arena, const struct cluster_query *, 1);
    struct fail f;

    must(cluster_query_parse(expression, arena, members, &f));
    *instances = (struct task_instances){
        .type = ECS_LAUNCH_TYPE_EC2,
        .expressions = &expression,
        .demand = {.attributes = &definition.requires_attributes, .members = members, .member_count = constrained}};
    return (struct task_wish){
        .cluster = &cluster, .definition = &definition, .group = STR("service:d"), .launch = {.instances = instances}};
}

/* ---- comparing ---- */

static struct str text_of(const struct daemon_scene *scene, const struct plan *plan, struct arena *arena)
{
    struct str text = arena_printf(arena, "of %zu:", scene->instances);

    for (size_t i = 0; i < plan->start_count; i++)
        text = arena_printf(arena, "%.*s +%.*s", STR_ARG(text), STR_ARG(scene->places[plan->starts[i]]->instance_id));
    for (size_t i = 0; i < plan->stop_count; i++)
        text = arena_printf(arena, "%.*s -%.*s", STR_ARG(text), STR_ARG(scene->records[plan->stops[i]]->task_id));
    return arena_printf(arena, "%.*s%s%s", STR_ARG(text), plan->is_done ? " done" : "", plan->is_stuck ? " stuck" : "");
}

static void count(const struct daemon_scene *scene, const struct plan *plan)
{
    seen.done += plan->is_done && scene->instances > 0;
    seen.stuck += plan->is_stuck;
    seen.full_of_starts += plan->start_count == PLAN_STARTS_MAX;
    seen.full_of_stops += plan->stop_count == PLAN_STOPS_MAX;
    seen.left_out += scene->healthy_beside > 0;
}

static void compare(struct transaction *tx)
{
    struct task_wish wish = wish_of(tx->arena, asked.constrained);
    const struct daemon_view view = {&service, &wish, numbered(tx->arena, "1", asked.deployment)};
    struct daemon_scene whole;
    struct daemon_scene mustered;

    daemon_scene_walk(tx, &view, &whole);
    daemon_scene_muster(tx, &view, &mustered);
    for (int32_t minimum = 0; minimum <= (int32_t)whole.instances + 2; minimum += 3)
        for (int may_start = 0; may_start < 2; may_start++) {
            struct plan a;
            struct plan b;

            daemon_scene_plan(&whole, minimum, may_start == 1, tx->arena, &a);
            daemon_scene_plan(&mustered, minimum, may_start == 1, tx->arena, &b);
            count(&mustered, &b);
            if (!str_eq(text_of(&whole, &a, tx->arena), text_of(&mustered, &b, tx->arena)))
                fail_msg("seed %llu, minimum %d, may start %d: \"%.*s\" and not \"%.*s\"",
                         (unsigned long long)asked.seed, minimum, may_start, STR_ARG(text_of(&mustered, &b, tx->arena)),
                         STR_ARG(text_of(&whole, &a, tx->arena)));
        }
}

/* Looks come in a transaction, in whose midst they may be. */
static void change_something(struct transaction *tx, struct random *random)
{
    for (uint64_t count = 1 + random_below(random, 4); count > 0; count--) {
        change_one(tx, random);
        if (random_chance(random, 100))
            compare(tx);
    }
}

static void live(void)
{
    static const char *const actors[] = {"api", "host", "task"};
    struct tables tables;
    struct random *random = &tables.random;

    tables_begin(&tables, specs, COUNT_OF(specs), asked.seed);
    tables_change(&tables, begin, true, true);
    asked.deployment = 0;
    asked.constrained = true;
    for (int step = 0; step < STEPS; step++) {
        tables.actor = actors[random_below(random, COUNT_OF(actors))];
        tables_change(&tables, change_something, random_chance(random, 850), random_chance(random, 850));
        if (random_chance(random, 30))
            asked.deployment ^= 1;
        if (random_chance(random, 30))
            asked.constrained = !asked.constrained;
        if (random_chance(random, 500))
            compare(&tables.view);
    }
    tables_end(&tables);
}

static void the_plan_is_the_one_for_all_there_is(void **state)
{
    (void)state;
    for (asked.seed = 1; asked.seed <= SEEDS; asked.seed++)
        live();
    assert_true(seen.done > 0);
    assert_true(seen.stuck > 0);
    assert_true(seen.full_of_starts > 0);
    assert_true(seen.full_of_stops > 0);
    assert_true(seen.left_out > 0);
}

/* ---- the end of a service ---- */

static void drain_service(struct transaction *tx, struct random *random)
{
    (void)random;
    put_service(tx, "d", ECS_SCHEDULING_STRATEGY_DAEMON, "DRAINING");
}

static void delete_service(struct transaction *tx, struct random *random)
{
    (void)random;
    transaction_delete(tx, &service_table, SERVICE_KEY(tx->arena, &service));
}

static void a_service_that_ends_is_forgotten(void **state)
{
    static void (*const ends[])(struct transaction * tx, struct random * random) = {drain_service, delete_service};
    struct tables tables;

    (void)state;
    tables_begin(&tables, specs, COUNT_OF(specs), /* seed= */ 1);
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        tables_change(&tables, begin, true, true);
        compare(&tables.view);
        assert_int_equal(musters_count(&tables.view), 1);
        tables_change(&tables, ends[i], true, true);
        assert_int_equal(musters_count(&tables.view), 0);
    }
    tables_end(&tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_is_the_one_for_all_there_is),
        cmocka_unit_test(a_service_that_ends_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
