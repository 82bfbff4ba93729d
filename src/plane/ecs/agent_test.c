/* Tasks on container instances over time: agents that go away, come back, and instances that end. */
#include "plane/ecs/agent.h"

#include "base/must.h"
#include "plane/ecs/testing/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct world *world;
static struct str instance_arn;

/* ---- making ---- */

static struct str register_instance(void)
{
    struct ecs_resource resources[] = {
        {.name = STR("CPU"), .type = STR("INTEGER")},
        {.name = STR("MEMORY"), .type = STR("INTEGER")},
    };
    struct ecs_attribute attributes[] = {{.name = STR("ecs.capability.task-eni")},
                                         {.name = STR("com.amazonaws.ecs.capability.docker-remote-api.1.18")},
                                         {.name = STR("ecs.instance-type"), .value = STR("t3.medium")}};
    const struct ecs_register_container_instance_request in = {.total_resources = {resources, COUNT_OF(resources)},
                                                               .attributes = {attributes, COUNT_OF(attributes)}};
    struct ecs_register_container_instance_response out;

    SET(&resources[0], integer_value, 1024);
    SET(&resources[1], integer_value, 1024);
    must(world_call(world, &ecs_register_container_instance_operation, &in, &out));
    return arena_str(&world->arena, out.container_instance->container_instance_arn);
}

static void define(void)
{
    struct ecs_container_definition container = {.name = STR("app"), .image = STR("a")};
    enum ecs_compatibility ec2 = ECS_COMPATIBILITY_EC2;
    const struct ecs_register_task_definition_request in = {
        .family = STR("web"), .container_definitions = {&container, 1}, .requires_compatibilities = {&ec2, 1}};
    struct ecs_register_task_definition_response out;

    SET(&container, cpu, 256);
    SET(&container, memory, 256);
    must(world_call(world, &ecs_register_task_definition_operation, &in, &out));
}

static void connect_change(struct transaction *tx, void *context)
{
    (void)context;
    agent_connected(tx,
                    &(struct agent_hello){
                        .instance_arn = instance_arn,
                        .version = {.agent_version = STR("1"), .agent_hash = STR("h"), .docker_version = STR("20")}});
}

static void disconnect_change(struct transaction *tx, void *context)
{
    (void)context;
    container_instance_disconnected(tx, instance_arn);
}

static int set_up(void **state)
{
    (void)state;
    world = world_new();
    instance_arn = register_instance();
    define();
    world_change(world, connect_change, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_free(world);
    return 0;
}

static struct str run_one(void)
{
    const struct ecs_run_task_request in = {.task_definition = STR("web"), .launch_type = ECS_LAUNCH_TYPE_EC2};
    struct ecs_run_task_response out;

    must(world_call(world, &ecs_run_task_operation, &in, &out));
    must(out.tasks.count == 1);
    return arena_str(&world->arena, out.tasks.items[0].task_arn);
}

static void report(struct str task, const char *status)
{
    const struct ecs_submit_task_state_change_request in = {.task = task, .status = str_of(status)};
    struct ecs_submit_task_state_change_response out;

    must(world_call(world, &ecs_submit_task_state_change_operation, &in, &out));
}

struct acknowledging {
    struct str message_id;
};

static void ack_change(struct transaction *tx, void *context)
{
    struct agent_ack_request ack = {.message_id = ((struct acknowledging *)context)->message_id};

    agent_heard(tx, instance_arn, &(struct agent_from_agent){.ack = &ack});
}

static void acknowledge(const char *task_id, const char *wish)
{
    struct acknowledging acknowledging = {arena_printf(&world->arena, "%s.%s", task_id, wish)};

    world_change(world, ack_change, &acknowledging);
}

static const struct container_instance_record *instance(void)
{
    return container_instance_of_arn(&world->view, instance_arn);
}

static const char *id_of(struct str task)
{
    return arena_cstr(&world->arena, ecs_name(task));
}

/* ---- tests ---- */

static void a_task_is_told_again_until_it_is_acknowledged(void **state)
{
    struct str task = run_one();
    unsigned told = world->assignments;

    (void)state;
    world_wait(world, AGENT_RESEND_MS + 1);
    assert_int_equal(world->assignments, told + 1);
    acknowledge(id_of(task), "RUNNING");
    told = world->assignments;
    world_wait(world, 10 * AGENT_RESEND_MS);
    assert_int_equal(world->assignments, told);
    acknowledge("nonsense", "RUNNING");
    acknowledge(id_of(task), "");
    world_stop_task(world, task);
    assert_int_equal(world->assignments, told + 1);
    acknowledge(id_of(task), "RUNNING"); /* late: it says nothing about the stop */
    world_wait(world, AGENT_RESEND_MS + 1);
    assert_true(world->assignments > told + 1);
}

static void an_agent_that_comes_back_in_time_keeps_its_tasks(void **state)
{
    struct str task = run_one();

    (void)state;
    report(task, "RUNNING");
    world_change(world, disconnect_change, NULL);
    world_wait(world, AGENT_LOST_MS - MINUTE_MS);
    assert_int_equal(task_status(world_task(world, task)), TASK_RUNNING);
    world_change(world, connect_change, NULL);
    world_wait(world, 2 * AGENT_LOST_MS);
    assert_int_equal(task_status(world_task(world, task)), TASK_RUNNING);
}

static void an_agent_that_stays_away_loses_them_for_good(void **state)
{
    struct str task = run_one();

    (void)state;
    report(task, "RUNNING");
    assert_int_equal(instance()->cpu_left, 768);
    world_change(world, disconnect_change, NULL);
    world_wait(world, AGENT_LOST_MS + 1);
    assert_int_equal(task_status(world_task(world, task)), TASK_STOPPED);
    assert_int_equal(world_task(world, task)->task->stop_code, ECS_TASK_STOP_CODE_TERMINATION_NOTICE);
    assert_int_equal(instance()->cpu_left, 1024);
    assert_int_equal(instance()->memory_left, 1024);
    assert_int_equal(instance()->groups.count, 0);
    world_change(world, connect_change, NULL);
    report(task, "RUNNING"); /* what it still runs is not the task any more */
    assert_int_equal(task_status(world_task(world, task)), TASK_STOPPED);
}

static struct str run_awsvpc(void)
{
    struct str subnet = world_subnet(world);
    struct ecs_aws_vpc_configuration vpc = {.subnets = {&subnet, 1}};
    struct ecs_network_configuration network = {.awsvpc_configuration = &vpc};
    struct ecs_container_definition container = {.name = STR("app"), .image = STR("a")};
    const struct ecs_register_task_definition_request definition = {
        .family = STR("own"), .network_mode = ECS_NETWORK_MODE_AWSVPC, .container_definitions = {&container, 1}};
    const struct ecs_run_task_request in = {
        .task_definition = STR("own"), .launch_type = ECS_LAUNCH_TYPE_EC2, .network_configuration = &network};
    struct ecs_register_task_definition_response defined;
    struct ecs_run_task_response out;

    SET(&container, memory, 16);
    must(world_call(world, &ecs_register_task_definition_operation, &definition, &defined));
    must(world_call(world, &ecs_run_task_operation, &in, &out));
    must(out.tasks.count == 1);
    return arena_str(&world->arena, out.tasks.items[0].task_arn);
}

static void attached(struct str task)
{
    struct ecs_attachment_state_change change = {
        .attachment_arn = world_task(world, task)->task->attachments.items[0].id, .status = STR("ATTACHED")};
    const struct ecs_submit_task_state_change_request in = {.task = task, .attachments = {&change, 1}};
    struct ecs_submit_task_state_change_response out;

    must(world_call(world, &ecs_submit_task_state_change_operation, &in, &out));
}

/* The agent never finds it: neither the interface nor the task waits for ever. */
static void an_interface_that_is_never_found_ends_its_task(void **state)
{
    struct str task = run_awsvpc();
    unsigned told = world->assignments;

    (void)state;
    assert_int_equal(instance()->enis_left, 1);
    world_wait(world, TASK_ATTACHING_MS - 1);
    assert_true(world->assignments >= told + TASK_ATTACHING_MS / AGENT_RESEND_MS - 1);
    assert_int_equal(task_status(world_task(world, task)), TASK_PROVISIONING);
    world_wait(world, 1);
    assert_int_equal(task_status(world_task(world, task)), TASK_STOPPED);
    assert_int_equal(world_task(world, task)->task->stop_code, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START);
    assert_true(str_is(world_task(world, task)->task->stopped_reason,
                       "Timeout waiting for network interface provisioning to complete."));
    assert_int_equal(instance()->enis_left, 2);
    attached(task); /* late */
    assert_int_equal(task_status(world_task(world, task)), TASK_STOPPED);
}

static void an_interface_that_is_found_waits_for_nothing(void **state)
{
    struct str task = run_awsvpc();

    (void)state;
    world_wait(world, TASK_ATTACHING_MS - 1);
    attached(task);
    assert_int_equal(task_status(world_task(world, task)), TASK_PENDING);
    world_wait(world, 2 * TASK_ATTACHING_MS);
    assert_int_equal(task_status(world_task(world, task)), TASK_PENDING);
    assert_int_equal(instance()->enis_left, 1);
    report(task, "STOPPED");
    assert_int_equal(instance()->enis_left, 2);
}

static void terminate_change(struct transaction *tx, void *context)
{
    (void)context;
    container_instance_deregister(tx, container_instance_of_arn(tx, instance_arn),
                                  STR("Host EC2 (instance i-1) terminated."));
}

static void an_instance_that_ends_takes_its_tasks_with_it(void **state)
{
    struct str task = run_one();

    (void)state;
    world_change(world, terminate_change, NULL);
    assert_int_equal(task_status(world_task(world, task)), TASK_STOPPED);
    assert_true(str_is(world_task(world, task)->task->stopped_reason, "Host EC2 (instance i-1) terminated."));
    world_wait(world, CONTAINER_INSTANCE_KEPT_MS + 1);
    assert_null(instance());
}

/* What a lying agent may say: nothing of it reaches a task that is not its own, or goes back. */
static void reports_in_any_order_never_go_back(void **state)
{
    static const char *const statuses[] = {"PENDING", "RUNNING", "STOPPED"};
    struct random random;

    (void)state;
    random_seed(&random, 7);
    for (size_t i = 0; i < 50; i++) {
        struct str task = run_one();
        enum task_status reached = TASK_PROVISIONING;

        for (size_t k = 0; k < 6; k++) {
            enum task_status now;

            report(task, statuses[random_below(&random, COUNT_OF(statuses))]);
            now = task_status(world_task(world, task));
            assert_true(now >= reached);
            reached = now;
        }
        report(task, "STOPPED");
        assert_int_equal(task_status(world_task(world, task)), TASK_STOPPED);
    }
    assert_int_equal(instance()->cpu_left, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_is_told_again_until_it_is_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_agent_that_comes_back_in_time_keeps_its_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_agent_that_stays_away_loses_them_for_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interface_that_is_never_found_ends_its_task, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interface_that_is_found_waits_for_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_instance_that_ends_takes_its_tasks_with_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_in_any_order_never_go_back, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
