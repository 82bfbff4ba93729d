/* The lives of rules and deliveries on the real core, with a clock that moves: schedules that run tasks, retries, and
 * what a late rule makes up for. */
#include "plane/ecs/testing/world.h"

#include "base/must.h"
#include "plane/events/delivery.h"
#include "plane/events/rule.h"
#include "plane/iam/principal_policy.h"
#include "plane/iam/role.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ACCOUNT  "000000000000"
#define ROLE_ARN "arn:aws:iam::" ACCOUNT ":role/scheduler"
#define RULE     "tick"

/* ---- a rule whose target runs "app" ---- */

/* EventBridge may take it on; it may do everything. */
static void put_role(struct transaction *tx)
{
    struct str assume = STR("sts:AssumeRole");
    struct str everything = STR("*");
    struct policy_principal service = {POLICY_PRINCIPAL_TYPE_SERVICE, STR(EVENTS_SERVICE)};
    struct policy_statement trusts = {
        .effect = POLICY_EFFECT_ALLOW, .principals = {&service, 1}, .actions = {&assume, 1}};
    struct policy_statement allows = {
        .effect = POLICY_EFFECT_ALLOW, .actions = {&everything, 1}, .resources = {&everything, 1}};
    struct policy_document trust = {.version = STR("2012-10-17"), .statements = {&trusts, 1}};
    struct policy_document allow = {.version = STR("2012-10-17"), .statements = {&allows, 1}};
    struct iam_role role = {
        .role_name = STR("scheduler"), .role_id = STR("AROASCHEDULER"), .path = STR("/"), .arn = STR(ROLE_ARN)};
    struct role_record record = {.account_id = STR(ACCOUNT), .role = &role, .trust = &trust};
    struct inline_policy_record policy = {.principal_id = role.role_id, .name = STR("all"), .document = &allow};

    must(transaction_put(tx, &role_table, &record));
    must(transaction_put(tx, &inline_policy_table, &policy));
}

struct wish {
    struct world *world;
    struct str schedule;
    const struct events_retry_policy *retry_policy;
};

static void put_rule(struct transaction *tx, void *context)
{
    const struct wish *wish = context;
    struct str subnet = world_subnet(wish->world);
    struct events_aws_vpc_configuration vpc = {.subnets = {&subnet, 1}};
    struct events_network_configuration network = {.awsvpc_configuration = &vpc};
    struct events_ecs_parameters parameters = {.task_definition_arn =
                                                   STR("arn:aws:ecs:us-east-1:" ACCOUNT ":task-definition/app"),
                                               .launch_type = EVENTS_LAUNCH_TYPE_FARGATE,
                                               .network_configuration = &network};
    struct events_target target = {.id = STR("task"),
                                   .arn = STR("arn:aws:ecs:us-east-1:" ACCOUNT ":cluster/default"),
                                   .role_arn = STR(ROLE_ARN),
                                   .ecs_parameters = &parameters,
                                   .retry_policy = (struct events_retry_policy *)(uintptr_t)wish->retry_policy};
    struct events_rule rule = {.name = STR(RULE),
                               .arn = STR("arn:aws:events:us-east-1:" ACCOUNT ":rule/" RULE),
                               .state = EVENTS_RULE_STATE_ENABLED,
                               .schedule_expression = wish->schedule};
    struct rule_record record = {
        .account_id = STR(ACCOUNT), .region = STR("us-east-1"), .rule = &rule, .targets = {&target, 1}};

    put_role(tx);
    event_rule_begin_schedule(tx, &record);
    must(transaction_put(tx, &event_rule_table, &record));
}

static void begin(struct world *world, const char *schedule, const struct events_retry_policy *retry_policy)
{
    struct wish wish = {world, str_of(schedule), retry_policy};

    world_change(world, put_rule, &wish);
}

/* ---- what came of it ---- */

static size_t tasks(struct world *world)
{
    struct walk walk = transaction_walk(&world->view, &task_table, NULL, STR(""));
    const struct task_record *task;
    size_t count = 0;

    while ((task = walk_next(&walk)) != NULL)
        count += str_is(task->task->started_by, "events-rule/" RULE) ? 1 : 0;
    return count;
}

static size_t deliveries(struct world *world)
{
    return transaction_count(&world->view, &delivery_table);
}

static void every_minute_of_an_hour_a_task_runs(void **state)
{
    struct world *world = world_new_with(&events_domain);

    (void)state;
    world_host_connect(world, "h", 64 * 1024, 256 * 1024);
    begin(world, "cron(* * * * ? *)", NULL);
    world_wait(world, HOUR_MS);
    assert_int_equal(tasks(world), 60);
    assert_int_equal(deliveries(world), 0);
    world_free(world);
}

static void a_rate_counts_from_its_beginning(void **state)
{
    struct world *world = world_new_with(&events_domain);

    (void)state;
    world_host_connect(world, "h", 64 * 1024, 256 * 1024);
    begin(world, "rate(10 minutes)", NULL);
    world_wait(world, 10 * MINUTE_MS - 1);
    assert_int_equal(tasks(world), 0);
    world_wait(world, 1);
    assert_int_equal(tasks(world), 1);
    world_wait(world, 30 * MINUTE_MS);
    assert_int_equal(tasks(world), 4);
    world_free(world);
}

/* The clock jumps, as it does for a server that was down. */
static void what_was_missed_is_made_up_for_once(void **state)
{
    struct world *world = world_new_with(&events_domain);

    (void)state;
    world_host_connect(world, "h", 64 * 1024, 256 * 1024);
    begin(world, "rate(1 minute)", NULL);
    world->now_ms += 30 * MINUTE_MS + 1;
    world_wait(world, 1);
    assert_int_equal(tasks(world), 1);
    world_wait(world, MINUTE_MS);
    assert_int_equal(tasks(world), 2);
    world_free(world);
}

/* By somebody, or by a restart without the --clock-rate of before. */
static void a_clock_that_goes_back_stops_no_rate(void **state)
{
    struct world *world = world_new_with(&events_domain);

    (void)state;
    world_host_connect(world, "h", 64 * 1024, 256 * 1024);
    begin(world, "rate(1 minute)", NULL);
    world_wait(world, MINUTE_MS);
    assert_int_equal(tasks(world), 1);
    world->now_ms -= 10 * MINUTE_MS;
    core_clock_set_back(world->core);
    world_wait(world, 3 * MINUTE_MS + SECOND_MS);
    assert_int_equal(tasks(world), 4);
    world_free(world);
}

/* Without a host that has room RunTask fails: it is tried again until there is one. */
static void no_room_is_tried_again(void **state)
{
    struct world *world = world_new_with(&events_domain);

    (void)state;
    world_host_connect(world, "small", 1, 1);
    begin(world, "rate(1 day)", NULL);
    world_wait(world, DAY_MS + MINUTE_MS);
    assert_int_equal(tasks(world), 0);
    assert_int_equal(deliveries(world), 1);
    world_host_connect(world, "large", 64 * 1024, 256 * 1024);
    world_wait(world, 15 * MINUTE_MS);
    assert_int_equal(tasks(world), 1);
    assert_int_equal(deliveries(world), 0);
    world_free(world);
}

static void retries_end(void **state)
{
    struct world *world = world_new_with(&events_domain);
    struct events_retry_policy often = {.maximum_retry_attempts = 3, .has_maximum_retry_attempts = true};

    (void)state;
    world_host_connect(world, "small", 1, 1);
    begin(world, "rate(1 day)", &often);
    world_wait(world, DAY_MS);
    assert_int_equal(deliveries(world), 1);
    world_wait(world, 10 * MINUTE_MS);
    assert_int_equal(deliveries(world), 0);
    assert_int_equal(tasks(world), 0);
    world_free(world);
}

/* ---- events of tasks ---- */

static void every_change_of_a_turn_is_told(void **state)
{
    struct world *world = world_new_with(&events_domain);
    struct host_task_report gone = {.status = HOST_TASK_STATUS_GONE};
    unsigned before;

    (void)state;
    world_host_connect(world, "h", 4096, 16384);
    gone.task_arn = world_run_one(world);
    before = world->events;
    world_report(world, "h", &gone); /* DEPROVISIONING and STOPPED in one transaction */
    assert_int_equal(world->events, before + 2);
    world_report(world, "h", &gone);
    assert_int_equal(world->events, before + 2);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_minute_of_an_hour_a_task_runs),
        cmocka_unit_test(a_rate_counts_from_its_beginning),
        cmocka_unit_test(what_was_missed_is_made_up_for_once),
        cmocka_unit_test(a_clock_that_goes_back_stops_no_rate),
        cmocka_unit_test(no_room_is_tried_again),
        cmocka_unit_test(retries_end),
        cmocka_unit_test(every_change_of_a_turn_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
