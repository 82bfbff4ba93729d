/* Services on the real control plane, with hosts that the test plays and a clock that it moves: deployments, what holds
 * at every instant of them, failures, protection, throttling, task sets. */
#include "plane/ecs/service.h"

#include "plane/ecs/service_tasks.h"
#include "plane/ecs/testing/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- what hosts do ---- */

/* The task's container as it reports it. */
static void report(struct world *world, struct str arn, enum host_task_status status, enum ecs_health_status health)
{
    struct host_container_report container = {
        .name = STR("app"), .status = HOST_CONTAINER_STATUS_RUNNING, .health = health};
    struct host_task_report task = {.task_arn = arn, .status = status, .containers = {&container, 1}};

    if (status == HOST_TASK_STATUS_GONE) {
        container.status = HOST_CONTAINER_STATUS_STOPPED;
        task.stop_code = ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED;
        task.reason = STR("Essential container in task exited");
    }
    world_report(world, "h", &task);
}

/* How the tasks of a definition behave. */
enum manners { COMES_UP, CRASHES, IS_UNHEALTHY, HANGS };

/* One step in the life of a task. */
static void advance(struct world *world, const struct task_record *task, enum manners manners)
{
    struct str arn = arena_str(&world->arena, task->task->task_arn);

    if (!task_wants_to_run(task)) {
        report(world, arn, HOST_TASK_STATUS_GONE, ECS_HEALTH_STATUS_NONE);
        return;
    }
    if (manners == HANGS)
        return;
    if (task_status(task) < TASK_RUNNING && manners == CRASHES)
        report(world, arn, HOST_TASK_STATUS_GONE, ECS_HEALTH_STATUS_NONE);
    else if (task_status(task) < TASK_RUNNING)
        report(world, arn, HOST_TASK_STATUS_RUNNING, ECS_HEALTH_STATUS_UNKNOWN);
    else if (task->task->health_status == ECS_HEALTH_STATUS_UNKNOWN)
        report(world, arn, HOST_TASK_STATUS_RUNNING,
               manners == IS_UNHEALTHY ? ECS_HEALTH_STATUS_UNHEALTHY : ECS_HEALTH_STATUS_HEALTHY);
}

static size_t living(struct world *world, struct str *ret_arns)
{
    struct walk walk = transaction_walk(&world->view, &task_table, NULL, STR(""));
    const struct task_record *task;
    size_t count = 0;

    while ((task = walk_next(&walk)) != NULL)
        if (!task_is_stopped(task) && task_status(task) > TASK_PROVISIONING)
            ret_arns[count++] = arena_str(&world->arena, task->task->task_arn);
    return count;
}

/* Every task takes a step; those of revisions from 2 on have other manners. */
static void live(struct world *world, enum manners manners_of_new)
{
    struct str arns[64];
    size_t count = living(world, arns);

    for (size_t i = 0; i < count; i++) {
        const struct task_record *task = world_task(world, arns[i]);

        if (task != NULL && !task_is_stopped(task))
            advance(world, task, str_ends(task->task->task_definition_arn, STR(":1")) ? COMES_UP : manners_of_new);
    }
}

/* ---- what clients do ---- */

static struct ecs_service *describe(struct world *world)
{
    struct str names[] = {STR("web")};
    struct ecs_describe_services_request in = {.services = {names, 1}};
    struct ecs_describe_services_response out;

    assert_true(world_call(world, &ecs_describe_services_operation, &in, &out));
    assert_int_equal(out.services.count, 1);
    return &out.services.items[0];
}

static bool create(struct world *world, int32_t count, const struct ecs_create_service_request *request)
{
    struct str subnet = world_subnet(world);
    struct ecs_aws_vpc_configuration awsvpc = {.subnets = {&subnet, 1}};
    struct ecs_network_configuration network = {.awsvpc_configuration = &awsvpc};
    struct ecs_create_service_request in = request != NULL ? *request : (struct ecs_create_service_request){0};
    struct ecs_create_service_response out;

    in.service_name = STR("web");
    if (in.deployment_controller == NULL) {
        in.task_definition = STR("app:1");
        in.launch_type = ECS_LAUNCH_TYPE_FARGATE;
        in.network_configuration = &network;
    }
    SET(&in, desired_count, count);
    return world_call(world, &ecs_create_service_operation, &in, &out);
}

static void update(struct world *world, const struct ecs_update_service_request *request)
{
    struct ecs_update_service_request in = *request;
    struct ecs_update_service_response out;

    in.service = STR("web");
    if (!world_call(world, &ecs_update_service_operation, &in, &out))
        fail_msg("%s: %s", world->fail.type, world->fail.message);
}

/* Another revision of "app", with a health check or without. */
static void register_next(struct world *world, bool with_health_check)
{
    struct str check[] = {STR("CMD"), STR("true")};
    struct ecs_health_check health = {.command = {check, 2}};
    struct ecs_container_definition container = {
        .name = STR("app"), .image = STR("a"), .health_check = with_health_check ? &health : NULL};
    enum ecs_compatibility fargate = ECS_COMPATIBILITY_FARGATE;
    const struct ecs_register_task_definition_request in = {
        .family = STR("app"),
        .container_definitions = {&container, 1},
        .network_mode = ECS_NETWORK_MODE_AWSVPC,
        .requires_compatibilities = {&fargate, 1},
        .cpu = STR("256"),
        .memory = STR("512"),
    };
    struct ecs_register_task_definition_response out;

    assert_true(world_call(world, &ecs_register_task_definition_operation, &in, &out));
}

static struct world *begin(int32_t count, const struct ecs_create_service_request *request)
{
    struct world *world = world_new();

    world_host_connect(world, "h", 65536, 262144);
    if (!create(world, count, request))
        fail_msg("%s: %s", world->fail.type, world->fail.message);
    for (int i = 0; i < 3; i++)
        live(world, COMES_UP);
    register_next(world, true);
    return world;
}

static size_t events_with(const struct ecs_service *service, const char *text)
{
    size_t count = 0;

    for (size_t i = 0; i < service->events.count; i++)
        count += str_search(service->events.items[i].message, str_of(text)) < service->events.items[i].message.len;
    return count;
}

static void assert_text(struct str have, const char *want)
{
    if (!str_is(have, want))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(have), want);
}

/* ---- the life of a service ---- */

static void a_service_reaches_its_steady_state(void **state)
{
    struct world *world = begin(3, NULL);
    const struct ecs_service *service = describe(world);

    (void)state;
    assert_int_equal(service->running_count, 3);
    assert_int_equal(service->pending_count, 0);
    assert_int_equal(service->deployments.count, 1);
    assert_int_equal(service->deployments.items[0].rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED);
    assert_text(service->events.items[0].message, "(service web) has reached a steady state.");
    assert_int_equal(events_with(service, "has started 3 tasks: (task "), 1);
    world_free(world);
}

static void a_task_that_is_stopped_is_replaced(void **state)
{
    struct world *world = begin(2, NULL);
    struct str arns[4];

    (void)state;
    (void)living(world, arns);
    world_stop_task(world, arns[0]);
    assert_int_equal(describe(world)->pending_count, 1);
    for (int i = 0; i < 3; i++)
        live(world, COMES_UP);
    assert_int_equal(describe(world)->running_count, 2);
    assert_int_equal(describe(world)->deployments.items[0].failed_tasks, 0);
    world_free(world);
}

static void a_deleted_service_drains_and_is_forgotten(void **state)
{
    struct world *world = begin(2, NULL);
    struct ecs_delete_service_request in = {.service = STR("web")};
    struct ecs_delete_service_response out;
    struct ecs_delete_cluster_request cluster = {.cluster = STR("default")};
    struct ecs_delete_cluster_response deleted;

    (void)state;
    assert_false(world_call(world, &ecs_delete_service_operation, &in, &out));
    assert_string_equal(world->fail.message, "The service cannot be stopped while it is scaled above 0.");
    SET(&in, force, true);
    assert_true(world_call(world, &ecs_delete_service_operation, &in, &out));
    assert_text(out.service->status, "DRAINING");
    assert_false(world_call(world, &ecs_delete_cluster_operation, &cluster, &deleted));
    assert_string_equal(world->fail.type, "ClusterContainsServicesException");
    assert_false(create(world, 1, NULL));
    assert_string_equal(world->fail.message, "Unable to Start a service that is still Draining.");
    live(world, COMES_UP);
    assert_text(describe(world)->status, "INACTIVE");
    assert_true(create(world, 1, NULL));
    assert_text(describe(world)->status, "ACTIVE");
    world_free(world);
}

/* ---- rolling updates ---- */

struct bounds {
    size_t running_least, running_most;
};

static void count_running(struct world *world, struct bounds *bounds)
{
    struct walk walk = transaction_walk(&world->view, &task_table, NULL, STR(""));
    const struct task_record *task;
    size_t serving = 0;
    size_t there = 0;

    while ((task = walk_next(&walk)) != NULL) {
        serving += task_wants_to_run(task) && task->task->health_status == ECS_HEALTH_STATUS_HEALTHY;
        there += task_status(task) < TASK_DEPROVISIONING;
    }
    if (serving < bounds->running_least)
        bounds->running_least = serving;
    if (there > bounds->running_most)
        bounds->running_most = there;
}

static const struct rolling_case {
    int32_t count, minimum, maximum;
    size_t least, most;
} rolling_cases[] = {
    {6, 100, 200, 6, 12}, {6, 50, 100, 3, 6}, {4, 100, 150, 4, 6}, {5, 50, 100, 3, 5}, {3, 0, 100, 0, 3}};

static void an_update_keeps_minimum_and_maximum(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rolling_cases); i++) {
        const struct rolling_case *row = &rolling_cases[i];
        struct ecs_deployment_configuration configuration = {.strategy = ECS_DEPLOYMENT_STRATEGY_NONE};
        struct ecs_create_service_request request = {.deployment_configuration = &configuration};
        struct ecs_update_service_request change = {.task_definition = STR("app:2")};
        struct bounds bounds = {SIZE_MAX, 0};
        const struct ecs_service *service;
        struct world *world;

        SET(&configuration, minimum_healthy_percent, row->minimum);
        SET(&configuration, maximum_percent, row->maximum);
        world = begin(row->count, &request);
        update(world, &change);
        for (int k = 0; k < 40; k++) {
            count_running(world, &bounds);
            live(world, COMES_UP);
        }
        service = describe(world);
        assert_int_equal(service->running_count, row->count);
        assert_int_equal(service->deployments.count, 1);
        assert_int_equal(service->deployments.items[0].rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED);
        assert_true(str_ends(service->deployments.items[0].task_definition, STR(":2")));
        assert_true(bounds.running_least >= row->least);
        assert_true(bounds.running_most <= row->most);
        world_free(world);
    }
}

static void both_deployments_are_shown_while_it_rolls(void **state)
{
    struct world *world = begin(2, NULL);
    struct ecs_update_service_request change = {.task_definition = STR("app:2")};
    const struct ecs_service *service;

    (void)state;
    update(world, &change);
    live(world, COMES_UP);
    service = describe(world);
    assert_int_equal(service->deployments.count, 2);
    assert_text(service->deployments.items[0].status, "PRIMARY");
    assert_true(str_ends(service->deployments.items[0].task_definition, STR(":2")));
    assert_int_equal(service->deployments.items[0].rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS);
    assert_text(service->deployments.items[1].status, "ACTIVE");
    assert_int_equal(service->deployments.items[1].running_count, 2);
    world_free(world);
}

static void an_update_of_the_count_deploys_nothing(void **state)
{
    struct world *world = begin(2, NULL);
    struct ecs_update_service_request change = {.task_definition = STR("app:1")};
    struct str id = arena_str(&world->arena, describe(world)->deployments.items[0].id);

    (void)state;
    SET(&change, desired_count, 3);
    update(world, &change);
    assert_int_equal(describe(world)->deployments.count, 1);
    assert_true(str_eq(describe(world)->deployments.items[0].id, id));
    SET(&change, force_new_deployment, true);
    update(world, &change);
    assert_int_equal(describe(world)->deployments.count, 2);
    world_free(world);
}

/* ---- failures ---- */

static struct ecs_service_deployment latest(struct world *world)
{
    struct ecs_list_service_deployments_request in = {.service = STR("web")};
    struct ecs_list_service_deployments_response list;
    struct ecs_describe_service_deployments_request describe_in;
    struct ecs_describe_service_deployments_response out;
    struct str arn;

    assert_true(world_call(world, &ecs_list_service_deployments_operation, &in, &list));
    arn = arena_str(&world->arena, list.service_deployments.items[0].service_deployment_arn);
    describe_in = (struct ecs_describe_service_deployments_request){.service_deployment_arns = {&arn, 1}};
    assert_true(world_call(world, &ecs_describe_service_deployments_operation, &describe_in, &out));
    return out.service_deployments.items[0];
}

/* An update that cannot succeed, lived through for that long. */
static struct world *begin_bad_update(int32_t count, bool rollback, enum manners manners)
{
    struct ecs_deployment_circuit_breaker breaker = {.enable = true, .has_enable = true};
    struct ecs_deployment_configuration configuration = {.deployment_circuit_breaker = &breaker};
    struct ecs_create_service_request request = {.deployment_configuration = &configuration};
    struct ecs_update_service_request change = {.task_definition = STR("app:2")};
    struct world *world;

    SET(&breaker, rollback, rollback);
    world = begin(count, &request);
    world_wait(world, SECOND_MS); /* deployments of one moment have no order */
    update(world, &change);
    for (int i = 0; i < 20; i++) {
        live(world, manners);
        world_wait(world, 5 * SECOND_MS);
    }
    return world;
}

static void a_bad_image_is_rolled_back(void **state)
{
    static const enum manners bad[] = {CRASHES, IS_UNHEALTHY};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct world *world = begin_bad_update(4, /* rollback= */ true, bad[i]);
        const struct ecs_service *service = describe(world);

        assert_int_equal(service->running_count, 4);
        assert_int_equal(service->deployments.count, 1);
        assert_true(str_ends(service->task_definition, STR(":1")));
        assert_int_equal(service->deployments.items[0].rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED);
        assert_int_equal(events_with(service, "deployment failed: tasks failed to start."), 1);
        assert_int_equal(events_with(service, "rolling back to deployment ecs-svc/"), 1);
        assert_int_equal(latest(world).status, ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_SUCCESSFUL);
        assert_int_equal(latest(world).deployment_circuit_breaker->status,
                         ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_TRIGGERED);
        assert_int_equal(latest(world).deployment_circuit_breaker->threshold, 3);
        world_free(world);
    }
}

static void without_rollback_nothing_more_is_started(void **state)
{
    struct world *world = begin_bad_update(4, /* rollback= */ false, CRASHES);
    const struct ecs_service *service = describe(world);

    (void)state;
    assert_int_equal(service->deployments.count, 2);
    assert_int_equal(service->deployments.items[0].rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED);
    assert_text(service->deployments.items[0].rollout_state_reason,
                "ECS deployment circuit breaker: tasks failed to start.");
    assert_int_equal(service->deployments.items[0].running_count + service->deployments.items[0].pending_count, 0);
    assert_int_equal(service->deployments.items[1].running_count, 4);
    assert_int_equal(latest(world).status, ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED);
    world_free(world);
}

static void tasks_that_keep_failing_are_started_ever_less_often(void **state)
{
    struct ecs_update_service_request change = {.task_definition = STR("app:2")};
    struct world *world = begin(1, NULL);
    int32_t failed_early;

    (void)state;
    update(world, &change);
    for (int i = 0; i < 60; i++) {
        live(world, CRASHES);
        world_wait(world, SECOND_MS);
    }
    failed_early = describe(world)->deployments.items[0].failed_tasks;
    assert_in_range(failed_early, 4, 8);
    for (int i = 0; i < 120; i++) {
        live(world, CRASHES);
        world_wait(world, MINUTE_MS);
    }
    assert_in_range(describe(world)->deployments.items[0].failed_tasks - failed_early, 5, 12);
    assert_true(events_with(describe(world), "is unable to consistently start tasks successfully.") > 0);
    for (int i = 0; i < 30; i++) {
        live(world, COMES_UP);
        world_wait(world, MINUTE_MS);
    }
    assert_int_equal(describe(world)->deployments.items[0].failed_tasks, 0);
    assert_int_equal(describe(world)->deployments.count, 1);
    world_free(world);
}

static void a_rollback_can_be_asked_for(void **state)
{
    struct ecs_update_service_request change = {.task_definition = STR("app:2")};
    struct world *world = begin(2, NULL);
    struct ecs_stop_service_deployment_request in;
    struct ecs_stop_service_deployment_response out;

    (void)state;
    world_wait(world, SECOND_MS);
    update(world, &change);
    live(world, HANGS);
    in = (struct ecs_stop_service_deployment_request){
        .service_deployment_arn = arena_str(&world->arena, latest(world).service_deployment_arn)};
    assert_true(world_call(world, &ecs_stop_service_deployment_operation, &in, &out));
    for (int i = 0; i < 4; i++)
        live(world, HANGS);
    assert_int_equal(latest(world).status, ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_SUCCESSFUL);
    assert_true(str_ends(describe(world)->task_definition, STR(":1")));
    assert_int_equal(describe(world)->running_count, 2);
    assert_false(world_call(world, &ecs_stop_service_deployment_operation, &in, &out));
    assert_string_equal(world->fail.type, "ConflictException");
    world_free(world);
}

static void without_room_the_service_says_so_and_waits_for_a_host(void **state)
{
    struct world *world = world_new();
    int32_t running;

    (void)state;
    world_host_connect(world, "h", 256, 512);
    assert_true(create(world, 20, NULL));
    live(world, COMES_UP);
    live(world, COMES_UP);
    running = describe(world)->running_count;
    assert_in_range(running, 1, 19);
    assert_text(describe(world)->events.items[0].message,
                "(service web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try "
                "again later or in a different availability zone. For more information, see the Troubleshooting "
                "section of the Amazon ECS Developer Guide.");
    world_host_connect(world, "i", 65536, 262144);
    assert_int_equal(describe(world)->pending_count, 20 - running);
    world_free(world);
}

/* ---- without health checks ---- */

static void without_health_checks_a_task_has_to_run_for_a_while(void **state)
{
    struct ecs_update_service_request change = {.task_definition = STR("app:3")};
    struct world *world = begin(1, NULL);

    (void)state;
    register_next(world, false);
    update(world, &change);
    live(world, COMES_UP);
    live(world, HANGS);
    world_wait(world, SERVICE_TASK_SETTLES_MS - SECOND_MS);
    live(world, HANGS);
    assert_int_equal(describe(world)->running_count, 2);
    world_wait(world, 2 * SECOND_MS);
    live(world, HANGS);
    assert_int_equal(describe(world)->running_count, 1);
    assert_int_equal(describe(world)->deployments.items[0].rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED);
    world_free(world);
}

/* ---- protection ---- */

static void protect(struct world *world, struct str arn, int32_t minutes)
{
    struct ecs_update_task_protection_request in = {.tasks = {&arn, 1}};
    struct ecs_update_task_protection_response out;

    SET(&in, protection_enabled, true);
    SET(&in, expires_in_minutes, minutes);
    assert_true(world_call(world, &ecs_update_task_protection_operation, &in, &out));
    assert_int_equal(out.protected_tasks.count, 1);
    assert_true(out.protected_tasks.items[0].protection_enabled);
}

static void a_protected_task_survives_scale_in_and_deployment(void **state)
{
    struct ecs_update_service_request scale_in = {.task_definition = {NULL, 0}};
    struct ecs_update_service_request change = {.task_definition = STR("app:2")};
    struct world *world = begin(3, NULL);
    struct str arns[8];

    (void)state;
    (void)living(world, arns);
    protect(world, arns[1], 10);
    SET(&scale_in, desired_count, 1);
    update(world, &scale_in);
    live(world, COMES_UP);
    assert_int_equal(describe(world)->running_count, 1);
    assert_true(task_wants_to_run(world_task(world, arns[1])));
    update(world, &change);
    for (int i = 0; i < 5; i++)
        live(world, COMES_UP);
    assert_true(task_wants_to_run(world_task(world, arns[1])));
    assert_int_equal(describe(world)->deployments.items[0].rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS);
    world_wait(world, 11 * MINUTE_MS);
    live(world, COMES_UP);
    assert_false(task_wants_to_run(world_task(world, arns[1])));
    assert_int_equal(describe(world)->deployments.items[0].rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED);
    world_free(world);
}

/* ---- task sets ---- */

static struct ecs_task_set create_set(struct world *world, const char *definition, double percent)
{
    struct str subnet = world_subnet(world);
    struct ecs_aws_vpc_configuration awsvpc = {.subnets = {&subnet, 1}};
    struct ecs_network_configuration network = {.awsvpc_configuration = &awsvpc};
    struct ecs_scale scale = {.unit = ECS_SCALE_UNIT_PERCENT, .value = percent, .has_value = true};
    struct ecs_create_task_set_request in = {.cluster = STR("default"),
                                             .service = STR("web"),
                                             .task_definition = str_of(definition),
                                             .launch_type = ECS_LAUNCH_TYPE_FARGATE,
                                             .network_configuration = &network,
                                             .scale = &scale};
    struct ecs_create_task_set_response out;

    if (!world_call(world, &ecs_create_task_set_operation, &in, &out))
        fail_msg("%s: %s", world->fail.type, world->fail.message);
    return *out.task_set;
}

static void a_task_set_has_its_share_of_the_tasks(void **state)
{
    struct ecs_deployment_controller external = {ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL};
    struct ecs_create_service_request request = {.deployment_controller = &external};
    struct world *world = begin(5, &request);
    struct ecs_delete_task_set_request in = {.cluster = STR("default"), .service = STR("web")};
    struct ecs_delete_task_set_response out;
    const struct ecs_service *service;

    (void)state;
    (void)create_set(world, "app:1", 100);
    in.task_set = arena_str(&world->arena, create_set(world, "app:2", 50).id);
    for (int i = 0; i < 3; i++)
        live(world, COMES_UP);
    service = describe(world);
    assert_int_equal(service->running_count, 8);
    assert_int_equal(service->task_sets.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct ecs_task_set *set = &service->task_sets.items[i];

        assert_int_equal(set->computed_desired_count, str_ends(set->task_definition, STR(":1")) ? 5 : 3);
        assert_int_equal(set->running_count, set->computed_desired_count);
        assert_int_equal(set->stability_status, ECS_STABILITY_STATUS_STEADY_STATE);
    }
    SET(&in, force, true);
    assert_true(world_call(world, &ecs_delete_task_set_operation, &in, &out));
    live(world, COMES_UP);
    assert_int_equal(describe(world)->task_sets.count, 1);
    assert_int_equal(describe(world)->running_count, 5);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_reaches_its_steady_state),
        cmocka_unit_test(a_task_that_is_stopped_is_replaced),
        cmocka_unit_test(a_deleted_service_drains_and_is_forgotten),
        cmocka_unit_test(an_update_keeps_minimum_and_maximum),
        cmocka_unit_test(both_deployments_are_shown_while_it_rolls),
        cmocka_unit_test(an_update_of_the_count_deploys_nothing),
        cmocka_unit_test(a_bad_image_is_rolled_back),
        cmocka_unit_test(without_rollback_nothing_more_is_started),
        cmocka_unit_test(tasks_that_keep_failing_are_started_ever_less_often),
        cmocka_unit_test(a_rollback_can_be_asked_for),
        cmocka_unit_test(without_room_the_service_says_so_and_waits_for_a_host),
        cmocka_unit_test(without_health_checks_a_task_has_to_run_for_a_while),
        cmocka_unit_test(a_protected_task_survives_scale_in_and_deployment),
        cmocka_unit_test(a_task_set_has_its_share_of_the_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
