/* The lives of tasks on the real core: reports in every order, what is promised and given back, what is forgotten when.
 */
#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ecs/client_token.h"
#include "plane/ecs/testing/world.h"
#include "plane/iam/iam.h"
#include "plane/vpc/vpc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { HOST_CPU = 4096, HOST_MEMORY = 16384, TASK_CPU = 256, TASK_MEMORY = 512 };

#define assert_str(a, b)                                                                                               \
    do {                                                                                                               \
        struct str left = (a);                                                                                         \
        struct str right = (b);                                                                                        \
        if (!str_eq(left, right))                                                                                      \
            fail_msg("'%.*s' is not '%.*s'", STR_ARG(left), STR_ARG(right));                                           \
    } while (0)

static const struct host_record *host_of(struct world *world, const char *id)
{
    const struct host_record *host = transaction_get(&world->view, &host_table, str_of(id));

    must(host != NULL);
    return host;
}

static void report(struct world *world, struct str arn, enum host_task_status status)
{
    struct host_task_report row = {.task_arn = arn, .status = status};

    if (status >= HOST_TASK_STATUS_STOPPING) {
        row.stop_code = ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED;
        row.reason = STR("Essential container in task exited");
    }
    world_report(world, "h", &row);
}

/* ---- lives: what happens, and the status after each ---- */

static const struct {
    const char *what;
    const char *events, *statuses;
} lives[] = {
    {"a task that exits", "PENDING ACTIVATING RUNNING STOPPING STOPPED GONE",
     "PENDING ACTIVATING RUNNING STOPPING DEPROVISIONING STOPPED"},
    {"a task that is stopped", "ACTIVATING RUNNING stop RUNNING STOPPING STOPPED GONE",
     "ACTIVATING RUNNING STOPPING STOPPING STOPPING DEPROVISIONING STOPPED"},
    {"every report lost but the last", "GONE", "STOPPED"},
    {"reports lost in between", "RUNNING STOPPED GONE", "RUNNING DEPROVISIONING STOPPED"},
    {"reports doubled", "ACTIVATING ACTIVATING RUNNING RUNNING STOPPED STOPPED GONE GONE",
     "ACTIVATING ACTIVATING RUNNING RUNNING DEPROVISIONING DEPROVISIONING STOPPED STOPPED"},
    {"reports late", "RUNNING ACTIVATING PENDING STOPPED RUNNING STOPPING GONE STOPPED RUNNING",
     "RUNNING RUNNING RUNNING DEPROVISIONING DEPROVISIONING DEPROVISIONING STOPPED STOPPED STOPPED"},
    {"stopped before the host knew", "stop GONE", "STOPPING STOPPED"},
    {"stopped while it starts", "ACTIVATING stop RUNNING STOPPED GONE",
     "ACTIVATING STOPPING STOPPING DEPROVISIONING STOPPED"},
    {"stopped twice", "RUNNING stop stop GONE", "RUNNING STOPPING STOPPING STOPPED"},
    {"stopped when it had ended", "RUNNING GONE stop", "RUNNING STOPPED STOPPED"},
    {"its host is away for a while", "RUNNING away back RUNNING", "RUNNING RUNNING RUNNING RUNNING"},
    {"its host is lost", "RUNNING away lost", "RUNNING RUNNING STOPPED"},
    {"its host is lost before it heard", "away lost", "PENDING STOPPED"},
    {"its host is lost while it stops", "RUNNING stop away lost", "RUNNING STOPPING STOPPING STOPPED"},
    {"its host comes back too late", "RUNNING away lost back RUNNING", "RUNNING RUNNING STOPPED STOPPED STOPPED"},
    {"its host has forgotten it", "RUNNING nothing", "RUNNING STOPPED"},
    {"its host has not heard of it yet", "nothing RUNNING", "PENDING RUNNING"},
};

static void happen(struct world *world, struct str arn, struct str event)
{
    if (str_is(event, "stop"))
        world_stop_task(world, arn);
    else if (str_is(event, "away"))
        world_host_disconnect(world, "h");
    else if (str_is(event, "back"))
        world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    else if (str_is(event, "lost"))
        world_wait(world, HOST_LOST_MS);
    else if (str_is(event, "nothing"))
        world_report_nothing(world, "h");
    else
        report(world, arn, (enum host_task_status)enum_value(&host_task_status_shape, event));
}

static void every_life_takes_its_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lives); i++) {
        struct world *world = world_new();
        struct str events = str_of(lives[i].events);
        struct str statuses = str_of(lives[i].statuses);
        struct str arn;

        world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
        arn = world_run_one(world);
        while (events.ptr != NULL) {
            struct str event = str_cut(events, ' ', &events);
            struct str status = str_cut(statuses, ' ', &statuses);

            happen(world, arn, event);
            if (!str_eq(world_task(world, arn)->task->last_status, status))
                fail_msg("%s: after %.*s it is %.*s, not %.*s", lives[i].what, STR_ARG(event),
                         STR_ARG(world_task(world, arn)->task->last_status), STR_ARG(status));
        }
        if (task_is_stopped(world_task(world, arn)))
            assert_int_equal(host_of(world, "h")->memory_promised, 0);
        world_free(world);
    }
}

static void rules_lead_forward_and_always_to_the_end(void **state)
{
    bool ends[TASK_STATUSES] = {false};

    (void)state;
    for (size_t i = 0; i < task_table.status_rule_count; i++) {
        const struct status_rule *rule = &task_table.status_rules[i];

        assert_true(rule->from < rule->to);
        assert_true(strcmp(rule->actor, "task") == 0 || strcmp(rule->actor, "host") == 0);
        ends[rule->from] |= rule->to == TASK_STOPPED && strcmp(rule->actor, "task") == 0;
    }
    for (int status = TASK_PROVISIONING; status < TASK_STOPPED; status++)
        assert_true(ends[status]); /* a lost host takes it from anywhere */
}

static void the_first_cause_of_the_end_counts(void **state)
{
    struct world *world = world_new();
    struct str exits;
    struct str stopped;

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    exits = world_run_one(world);
    report(world, exits, HOST_TASK_STATUS_STOPPED);
    world_stop_task(world, exits);
    report(world, exits, HOST_TASK_STATUS_GONE);
    assert_int_equal(world_task(world, exits)->task->stop_code, ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED);
    stopped = world_run_one(world);
    report(world, stopped, HOST_TASK_STATUS_RUNNING);
    world_stop_task(world, stopped);
    report(world, stopped, HOST_TASK_STATUS_GONE);
    assert_int_equal(world_task(world, stopped)->task->stop_code, ECS_TASK_STOP_CODE_USER_INITIATED);
    assert_str(world_task(world, stopped)->task->stopped_reason, STR("Task stopped by user"));
    world_free(world);
}

/* Also not the containers, for they are part of the same old news. */
static void a_late_report_changes_nothing(void **state)
{
    static const enum host_task_status known[] = {HOST_TASK_STATUS_RUNNING, HOST_TASK_STATUS_STOPPED,
                                                  HOST_TASK_STATUS_GONE};
    struct host_container_report container = {
        .name = STR("app"), .status = HOST_CONTAINER_STATUS_STOPPED, .health = ECS_HEALTH_STATUS_UNHEALTHY};
    struct host_task_report late = {.containers = {&container, 1}};
    struct world *world = world_new();

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        late.task_arn = world_run_one(world);
        report(world, late.task_arn, known[i]);
        for (late.status = HOST_TASK_STATUS_PENDING; late.status < known[i]; late.status++) {
            int64_t version = world_task(world, late.task_arn)->task->version;

            world_report(world, "h", &late);
            assert_int_equal(world_task(world, late.task_arn)->task->version, version);
        }
    }
    world_free(world);
}

static void another_host_cannot_report_it(void **state)
{
    struct world *world = world_new();
    struct host_task_report row = {.status = HOST_TASK_STATUS_GONE};

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    row.task_arn = world_run_one(world);
    world_host_connect(world, "other", HOST_CPU, HOST_MEMORY);
    world_report(world, "other", &row);
    assert_str(world_task(world, row.task_arn)->task->last_status, STR("PENDING"));
    row.task_arn = STR("arn:aws:ecs:us-east-1:000000000000:task/default/0123456789abcdef0123456789abcdef");
    world_report(world, "h", &row);
    row.task_arn = STR("nonsense");
    world_report(world, "h", &row);
    world_free(world);
}

/* ---- containers ---- */

static void observe_app(struct world *world, struct str arn, enum host_container_status status,
                        enum ecs_health_status health, int32_t restarts)
{
    struct host_container_report container = {.name = STR("app"), .status = status, .health = health};
    const struct host_task_report row = {
        .task_arn = arn, .status = HOST_TASK_STATUS_RUNNING, .containers = {&container, 1}};

    SET(&container, restart_count, restarts);
    world_report(world, "h", &row);
}

static void containers_go_back_only_by_a_restart(void **state)
{
    static const struct {
        enum host_container_status status;
        int32_t restarts;
        const char *after;
    } steps[] = {
        {HOST_CONTAINER_STATUS_RUNNING, 0, "RUNNING"}, {HOST_CONTAINER_STATUS_PENDING, 0, "RUNNING"},
        {HOST_CONTAINER_STATUS_STOPPED, 0, "STOPPED"}, {HOST_CONTAINER_STATUS_RUNNING, 0, "STOPPED"},
        {HOST_CONTAINER_STATUS_RUNNING, 1, "RUNNING"},
    };
    struct world *world = world_new();
    struct str arn;

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    arn = world_run_one(world);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        observe_app(world, arn, steps[i].status, ECS_HEALTH_STATUS_NONE, steps[i].restarts);
        assert_str(world_task(world, arn)->task->containers.items[0].last_status, str_of(steps[i].after));
    }
    world_free(world);
}

static void health_is_that_of_checked_essential_containers(void **state)
{
    struct world *world = world_new();
    struct str arn;

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    arn = world_run_one(world);
    assert_int_equal(world_task(world, arn)->task->health_status, ECS_HEALTH_STATUS_UNKNOWN);
    for (enum ecs_health_status health = ECS_HEALTH_STATUS_HEALTHY; health <= ECS_HEALTH_STATUS_UNKNOWN; health++) {
        observe_app(world, arn, HOST_CONTAINER_STATUS_RUNNING, health, 0);
        assert_int_equal(world_task(world, arn)->task->health_status, health);
    }
    world_free(world);
}

/* ---- what is left when a task has gone ---- */

static void nothing_is_left_an_hour_after_the_end(void **state)
{
    struct world *world = world_new();
    size_t keys = transaction_count(&world->view, &access_key_table);
    int64_t stopped_ms;
    struct str arn;

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    arn = world_run_one(world);
    assert_int_equal(transaction_count(&world->view, &access_key_table), keys + 1);
    assert_int_equal(transaction_count(&world->view, &network_interface_table), 1);
    world_wait(world, 5000);
    report(world, arn, HOST_TASK_STATUS_STOPPED);
    assert_int_equal(transaction_count(&world->view, &network_interface_table), 1);
    stopped_ms = world->now_ms;
    report(world, arn, HOST_TASK_STATUS_GONE);
    assert_int_equal(world_task(world, arn)->task->stopped_at, stopped_ms);
    assert_int_equal(transaction_count(&world->view, &network_interface_table), 0);
    assert_int_equal(transaction_count(&world->view, &access_key_table), keys);
    world_wait(world, TASK_KEPT_MS - 1);
    assert_non_null(world_task(world, arn));
    world_wait(world, 1);
    assert_null(world_task(world, arn));
    world_free(world);
}

/* ---- capacity ---- */

static void promises_add_up_and_end_once(void **state)
{
    struct world *world = world_new();
    struct ecs_run_task_request request = {0};
    struct ecs_run_task_response made;
    struct str arn;

    (void)state;
    /* 1024 MiB are promised four times over: eight tasks. */
    world_host_connect(world, "h", HOST_CPU, 1024);
    SET(&request, count, 10);
    assert_true(world_run_task(world, &request, &made));
    assert_int_equal(made.tasks.count, 8);
    assert_int_equal(made.failures.count, 2);
    assert_str(made.failures.items[0].reason, STR(HOST_NO_CAPACITY));
    assert_int_equal(host_of(world, "h")->memory_promised, 8 * TASK_MEMORY);
    assert_int_equal(host_of(world, "h")->cpu_promised, 8 * TASK_CPU);
    assert_int_equal(transaction_count(&world->view, &task_table), 8);
    arn = made.tasks.items[3].task_arn;
    for (int i = 0; i < 3; i++) {
        report(world, arn, HOST_TASK_STATUS_GONE);
        assert_int_equal(host_of(world, "h")->memory_promised, 7 * TASK_MEMORY);
    }
    assert_true(world_run_task(world, NULL, &made));
    assert_int_equal(made.tasks.count, 1);
    assert_true(world_run_task(world, NULL, &made));
    assert_int_equal(made.tasks.count, 0);
    world_host_disconnect(world, "h");
    world_wait(world, HOST_LOST_MS);
    assert_int_equal(host_of(world, "h")->memory_promised, 0);
    assert_int_equal(host_of(world, "h")->cpu_promised, 0);
    assert_int_equal(transaction_count(&world->view, &network_interface_table), 0);
    world_free(world);
}

static void placement_takes_the_host_with_most_memory_left(void **state)
{
    static const char *const expected[] = {"b", "a", "b", "a", "b", "a"};
    struct world *world = world_new();

    (void)state;
    world_host_connect(world, "a", HOST_CPU, 2048);
    world_host_connect(world, "b", HOST_CPU, 2048 + TASK_MEMORY / 4); /* four times that is promised */
    world_host_connect(world, "c", 1, HOST_MEMORY);                   /* no CPU to speak of */
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_str(world_task(world, world_run_one(world))->host_id, str_of(expected[i]));
    world_free(world);
}

static void tasks_wait_for_the_first_host_in_their_order(void **state)
{
    struct world *world = world_new();
    struct str arns[3];
    struct ecs_run_task_response made;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(arns); i++) {
        arns[i] = world_run_one(world);
        world_wait(world, 10);
        assert_str(world_task(world, arns[i])->task->last_status, STR("PROVISIONING"));
        assert_non_null(world_task(world, arns[i])->network_interface_id.ptr);
    }
    world_host_connect(world, "h", HOST_CPU, 2 * TASK_MEMORY / 4);
    assert_str(world_task(world, arns[0])->task->last_status, STR("PENDING"));
    assert_str(world_task(world, arns[1])->task->last_status, STR("PENDING"));
    assert_str(world_task(world, arns[2])->task->last_status, STR("PROVISIONING"));
    assert_true(world_run_task(world, NULL, &made)); /* a host is known now, and full */
    assert_int_equal(made.failures.count, 1);
    report(world, arns[0], HOST_TASK_STATUS_GONE);
    assert_str(world_task(world, arns[2])->task->last_status, STR("PENDING"));
    world_free(world);
}

static void a_task_does_not_wait_for_ever(void **state)
{
    struct world *world = world_new();
    struct str arn = world_run_one(world);

    (void)state;
    world_wait(world, TASK_PROVISIONING_MS - 1);
    assert_str(world_task(world, arn)->task->last_status, STR("PROVISIONING"));
    world_wait(world, 1);
    assert_str(world_task(world, arn)->task->last_status, STR("STOPPED"));
    assert_int_equal(world_task(world, arn)->task->stop_code, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START);
    assert_str(world_task(world, arn)->task->stopped_reason, STR(HOST_NO_CAPACITY));
    assert_int_equal(transaction_count(&world->view, &network_interface_table), 0);
    arn = world_run_one(world);
    world_stop_task(world, arn);
    assert_str(world_task(world, arn)->task->last_status, STR("STOPPED"));
    world_free(world);
}

static void a_host_that_is_away_is_waited_for(void **state)
{
    struct world *world = world_new();
    struct ecs_run_task_response made;
    struct str arn;

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    world_host_disconnect(world, "h");
    arn = world_run_one(world);
    assert_str(world_task(world, arn)->task->last_status, STR("PROVISIONING"));
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    assert_str(world_task(world, arn)->task->last_status, STR("PENDING"));
    world_host_disconnect(world, "h");
    world_wait(world, HOST_LOST_MS);
    assert_true(world_run_task(world, NULL, &made));
    assert_int_equal(made.failures.count, 1);
    world_free(world);
}

/* ---- addresses ---- */

static void shrink_subnet(struct transaction *tx, void *context)
{
    struct walk walk = transaction_walk(tx, &subnet_table, NULL, STR(""));
    const struct subnet_record *before = walk_next(&walk);
    struct ec2_subnet subnet = *before->subnet;
    struct subnet_record record = *before;

    (void)context;
    subnet.cidr_block = STR("172.31.0.0/28"); /* eleven addresses */
    record.subnet = &subnet;
    must(transaction_put(tx, &subnet_table, &record));
}

static void a_task_without_an_address_fails_to_start(void **state)
{
    struct world *world = world_new();
    const struct task_record *task;
    struct str arn;

    (void)state;
    world_change(world, shrink_subnet, NULL);
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    for (int i = 0; i < 11; i++)
        assert_str(world_task(world, world_run_one(world))->task->last_status, STR("PENDING"));
    arn = world_run_one(world);
    task = world_task(world, arn);
    assert_str(task->task->last_status, STR("STOPPED"));
    assert_int_equal(task->task->stop_code, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START);
    assert_str(task->task->stopped_reason,
               arena_printf(&world->arena,
                            "Unexpected EC2 error while attempting to Create Network Interface with public IP "
                            "assignment disabled in subnet '%.*s': InsufficientFreeAddressesInSubnet",
                            STR_ARG(world_subnet(world))));
    assert_int_equal(host_of(world, "h")->memory_promised, 11 * TASK_MEMORY);
    world_free(world);
}

/* ---- calls ---- */

static void an_error_leaves_nothing(void **state)
{
    struct world *world = world_new();
    struct str subnets[] = {world_subnet(world), STR("subnet-0")};
    struct ecs_aws_vpc_configuration awsvpc = {.subnets = {subnets, 2}};
    struct ecs_network_configuration network = {.awsvpc_configuration = &awsvpc};
    struct ecs_run_task_request request = {.network_configuration = &network, .client_token = STR("t")};
    size_t keys = transaction_count(&world->view, &access_key_table);
    struct ecs_run_task_response made;

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    assert_false(world_run_task(world, &request, &made));
    assert_string_equal(world->fail.type, ECS_ERROR_INVALID_PARAMETER_EXCEPTION);
    assert_int_equal(transaction_count(&world->view, &task_table), 0);
    assert_int_equal(transaction_count(&world->view, &network_interface_table), 0);
    assert_int_equal(transaction_count(&world->view, &access_key_table), keys);
    assert_int_equal(transaction_count(&world->view, &client_token_table), 0);
    assert_int_equal(host_of(world, "h")->memory_promised, 0);
    world_free(world);
}

static void a_client_token_is_good_for_a_day(void **state)
{
    struct world *world = world_new();
    struct ecs_run_task_request request = {.client_token = STR("once")};
    struct ecs_run_task_response first;
    struct ecs_run_task_response again;

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    assert_true(world_run_task(world, &request, &first));
    assert_true(world_run_task(world, &request, &again));
    assert_str(again.tasks.items[0].task_arn, first.tasks.items[0].task_arn);
    assert_str(again.tasks.items[0].last_status, STR("PENDING")); /* as it is now */
    SET(&request, count, 2);
    assert_false(world_run_task(world, &request, &again));
    assert_string_equal(world->fail.type, ECS_ERROR_CONFLICT_EXCEPTION);
    request.has_count = false;
    request.count = 0;

    report(world, first.tasks.items[0].task_arn, HOST_TASK_STATUS_GONE);
    world_wait(world, TASK_KEPT_MS);
    assert_true(world_run_task(world, &request, &again));
    assert_int_equal(again.tasks.count, 0);
    assert_str(again.failures.items[0].arn, first.tasks.items[0].task_arn);
    assert_str(again.failures.items[0].reason, STR("MISSING"));
    world_wait(world, CLIENT_TOKEN_KEPT_MS - TASK_KEPT_MS);
    assert_int_equal(transaction_count(&world->view, &client_token_table), 0);
    assert_true(world_run_task(world, &request, &again));
    assert_int_equal(again.tasks.count, 1);
    world_free(world);
}

static void a_call_that_made_nothing_may_be_tried_again(void **state)
{
    struct world *world = world_new();
    struct ecs_run_task_request request = {.client_token = STR("again")};
    struct ecs_run_task_response made;

    (void)state;
    world_host_connect(world, "h", HOST_CPU, 64);
    assert_true(world_run_task(world, &request, &made));
    assert_int_equal(made.failures.count, 1);
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    assert_true(world_run_task(world, &request, &made));
    assert_int_equal(made.tasks.count, 1);
    world_free(world);
}

static void keep_tokens(struct transaction *tx, void *context)
{
    struct client_token_record record = {
        .account_id = STR("000000000000"), .region = STR("us-east-1"), .operation = STR("RunTask")};

    (void)context;
    SET(&record, created_at, tx->now_ms);
    for (int i = 0; i < CLIENT_TOKENS_MAX; i++) {
        record.token = arena_printf(tx->arena, "t%d", i);
        must(transaction_put(tx, &client_token_table, &record));
    }
}

static void more_tokens_than_are_kept_push_out_the_oldest(void **state)
{
    struct world *world = world_new();
    struct ecs_run_task_request request = {.client_token = STR("new")};
    struct ecs_run_task_response made;

    (void)state;
    world_change(world, keep_tokens, NULL);
    world_wait(world, 1);
    for (int i = 0; i < 2; i++) {
        assert_true(world_run_task(world, &request, &made));
        assert_int_equal(transaction_count(&world->view, &client_token_table), CLIENT_TOKENS_MAX);
    }
    assert_null(transaction_get(&world->view, &client_token_table,
                                KEY(&world->arena, STR("000000000000"), STR("us-east-1"), STR("RunTask"), STR("t0"))));
    world_free(world);
}

static void a_host_is_told_when_its_assignment_changes(void **state)
{
    struct world *world = world_new();
    unsigned told;
    struct str arn;

    (void)state;
    world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    arn = world_run_one(world);
    told = world->assignments;
    report(world, arn, HOST_TASK_STATUS_ACTIVATING);
    report(world, arn, HOST_TASK_STATUS_RUNNING);
    assert_int_equal(world->assignments, told); /* it said so itself */
    world_stop_task(world, arn);
    assert_int_equal(world->assignments, told + 1);
    world_wait(world, 20000); /* it does not react: it is told again and again */
    assert_true(world->assignments >= told + 4);
    world_free(world);
}

/* ---- any order of anything ---- */

struct watched {
    struct world *world;
    struct str arns[4];
    enum task_status status[4];
    int64_t version[4];
    bool stopping[4];
};

/* Statuses and versions go forward, a wish to stop stays. */
static void watch(void *context, const struct change *change)
{
    struct watched *watched = context;
    const struct task_record *task = change->after;

    if (change->table != &task_table || task == NULL)
        return;
    for (size_t i = 0; i < COUNT_OF(watched->arns); i++) {
        if (!str_eq(watched->arns[i], task->task->task_arn))
            continue;
        assert_true(task_status(task) >= watched->status[i]);
        assert_true(task->task->version > watched->version[i]);
        assert_false(watched->stopping[i] && task_wants_to_run(task));
        watched->status[i] = task_status(task);
        watched->version[i] = task->task->version;
        watched->stopping[i] = !task_wants_to_run(task);
    }
}

static void check_sums(struct world *world)
{
    struct walk walk = transaction_walk(&world->view, &task_table, NULL, STR(""));
    const struct task_record *task;
    int64_t memory = 0;
    size_t interfaces = 0;

    while ((task = walk_next(&walk)) != NULL) {
        bool holds = !task_is_stopped(task);

        memory += holds && task->host_id.ptr != NULL ? task->memory_mib : 0;
        interfaces += holds ? 1 : 0;
    }
    assert_int_equal(host_of(world, "h")->memory_promised, memory);
    assert_int_equal(transaction_count(&world->view, &network_interface_table), interfaces);
}

static void happen_at_random(struct world *world, struct random *random, struct watched *watched)
{
    struct str arn = watched->arns[random_below(random, COUNT_OF(watched->arns))];
    uint64_t what = random_below(random, 20);

    if (what < 14)
        report(world, arn, (enum host_task_status)(1 + random_below(random, HOST_TASK_STATUS_GONE)));
    else if (what == 14)
        world_stop_task(world, arn);
    else if (what == 15)
        world_host_disconnect(world, "h");
    else if (what == 16)
        world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
    else if (what == 17)
        world_report_nothing(world, "h");
    else
        world_wait(world, (int64_t)random_below(random, HOST_LOST_MS));
}

static void no_order_of_events_breaks_a_rule(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world *world = world_new();
        struct watched watched = {.world = world};
        struct random random;

        random_seed(&random, seed);
        world_host_connect(world, "h", HOST_CPU, HOST_MEMORY);
        for (size_t i = 0; i < COUNT_OF(watched.arns); i++)
            watched.arns[i] = world_run_one(world);
        world->changed = watch;
        world->changed_context = &watched;
        for (int i = 0; i < 40; i++) {
            happen_at_random(world, &random, &watched);
            check_sums(world);
        }
        world_host_disconnect(world, "h");
        world_wait(world, HOST_LOST_MS + TASK_KEPT_MS);
        assert_int_equal(transaction_count(&world->view, &task_table), 0);
        check_sums(world);
        world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_life_takes_its_steps),
        cmocka_unit_test(rules_lead_forward_and_always_to_the_end),
        cmocka_unit_test(the_first_cause_of_the_end_counts),
        cmocka_unit_test(a_late_report_changes_nothing),
        cmocka_unit_test(another_host_cannot_report_it),
        cmocka_unit_test(containers_go_back_only_by_a_restart),
        cmocka_unit_test(health_is_that_of_checked_essential_containers),
        cmocka_unit_test(nothing_is_left_an_hour_after_the_end),
        cmocka_unit_test(promises_add_up_and_end_once),
        cmocka_unit_test(placement_takes_the_host_with_most_memory_left),
        cmocka_unit_test(tasks_wait_for_the_first_host_in_their_order),
        cmocka_unit_test(a_task_does_not_wait_for_ever),
        cmocka_unit_test(a_host_that_is_away_is_waited_for),
        cmocka_unit_test(a_task_without_an_address_fails_to_start),
        cmocka_unit_test(an_error_leaves_nothing),
        cmocka_unit_test(a_client_token_is_good_for_a_day),
        cmocka_unit_test(a_call_that_made_nothing_may_be_tried_again),
        cmocka_unit_test(more_tokens_than_are_kept_push_out_the_oldest),
        cmocka_unit_test(a_host_is_told_when_its_assignment_changes),
        cmocka_unit_test(no_order_of_events_breaks_a_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
