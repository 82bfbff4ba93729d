/* The session of a task's role: begun with the task, renewed before it ends, ended with the task. */
#include "plane/ecs/testing/world.h"
#include "plane/iam/iam.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROLE STR("arn:aws:iam::000000000000:role/team/app")

static struct str run_with_role(struct world *world)
{
    struct ecs_task_override overrides = {.task_role_arn = ROLE};
    struct ecs_run_task_request request = {.overrides = &overrides};
    struct ecs_run_task_response response;

    assert_true(world_run_task(world, &request, &response));
    return response.tasks.items[0].task_arn;
}

static void observe(struct world *world, struct str arn, enum host_task_status status)
{
    struct host_task_report report = {.task_arn = arn, .status = status};

    world_report(world, "h", &report);
}

static const struct access_key_record *key_of(struct world *world, struct str key_id)
{
    return transaction_get(&world->view, &access_key_table, key_id);
}

static void a_task_with_a_role_has_a_session_of_it(void **state)
{
    struct world *world = world_new();
    struct str arn;
    const struct task_record *task;
    const struct access_key_record *key;

    (void)state;
    world_host_connect(world, "h", 4096, 8192);
    arn = run_with_role(world);
    task = world_task(world, arn);
    assert_int_equal(task->credentials_id.len, 36);
    key = key_of(world, task->task_key_id);
    assert_non_null(key);
    assert_true(
        str_eq(key->principal_arn,
               arena_printf(&world->arena, "arn:aws:sts::000000000000:assumed-role/app/%.*s", STR_ARG(task->task_id))));
    assert_int_equal(key->expires_at, world->now_ms + 6 * HOUR_MS);
    assert_true(str_eq(task_credentials_role(&world->view, task), ROLE));
    assert_null(world_task(world, world_run_one(world))->task_key_id.ptr); /* without a role: nothing */
    world_free(world);
}

static void the_session_is_renewed_before_it_ends_and_the_host_is_told(void **state)
{
    struct world *world = world_new();
    struct str arn;
    struct str first;
    struct str id;
    unsigned told;

    (void)state;
    world_host_connect(world, "h", 4096, 8192);
    arn = run_with_role(world);
    observe(world, arn, HOST_TASK_STATUS_RUNNING);
    first = arena_str(&world->arena, world_task(world, arn)->task_key_id);
    id = arena_str(&world->arena, world_task(world, arn)->credentials_id);
    told = world->assignments;
    world_wait(world, 4 * HOUR_MS);
    assert_true(str_eq(world_task(world, arn)->task_key_id, first));
    world_wait(world, HOUR_MS + MINUTE_MS);
    assert_false(str_eq(world_task(world, arn)->task_key_id, first));
    assert_true(str_eq(world_task(world, arn)->credentials_id, id)); /* the path in the environment stays */
    assert_true(world->assignments > told);
    assert_non_null(key_of(world, first)); /* a container may hold it still */
    assert_true(world->now_ms < key_of(world, first)->expires_at);
    world_free(world);
}

static void the_session_ends_with_the_task(void **state)
{
    struct world *world = world_new();
    struct str arn;
    struct str key_id;

    (void)state;
    world_host_connect(world, "h", 4096, 8192);
    arn = run_with_role(world);
    observe(world, arn, HOST_TASK_STATUS_RUNNING);
    key_id = arena_str(&world->arena, world_task(world, arn)->task_key_id);
    world_stop_task(world, arn);
    observe(world, arn, HOST_TASK_STATUS_GONE);
    assert_true(task_is_stopped(world_task(world, arn)));
    assert_null(key_of(world, key_id));
    world_wait(world, 30 * MINUTE_MS);
    assert_true(str_eq(world_task(world, arn)->task_key_id, key_id)); /* none is made for a task that is over */
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_with_a_role_has_a_session_of_it),
        cmocka_unit_test(the_session_is_renewed_before_it_ends_and_the_host_is_told),
        cmocka_unit_test(the_session_ends_with_the_task),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
