/* The lives of clusters, task definitions and settings on the real core, with a clock that moves. */
#include "plane/ecs/cluster.h"

#include "plane/ecs/testing/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool create(struct world *world, const struct ecs_create_cluster_request *in, struct ecs_cluster **ret_cluster)
{
    struct ecs_create_cluster_response out;

    if (!world_call(world, &ecs_create_cluster_operation, in, &out))
        return false;
    *ret_cluster = out.cluster;
    return true;
}

static bool delete_cluster_named(struct world *world, const char *name)
{
    struct ecs_delete_cluster_request in = {.cluster = str_of(name)};
    struct ecs_delete_cluster_response out;

    return world_call(world, &ecs_delete_cluster_operation, &in, &out);
}

/* Its status, "MISSING" when there is none. */
static struct str status(struct world *world, const char *name)
{
    struct str names[] = {str_of(name)};
    struct ecs_describe_clusters_request in = {.clusters = {names, 1}};
    struct ecs_describe_clusters_response out;

    assert_true(world_call(world, &ecs_describe_clusters_operation, &in, &out));
    return out.clusters.count > 0 ? out.clusters.items[0].status : out.failures.items[0].reason;
}

static void a_deleted_cluster_is_forgotten_after_a_day(void **state)
{
    struct world *world = world_new();
    struct ecs_create_cluster_request again = {.cluster_name = STR("again")};
    struct ecs_create_cluster_request gone = {.cluster_name = STR("gone")};
    struct ecs_cluster *cluster;

    (void)state;
    assert_true(create(world, &gone, &cluster) && create(world, &again, &cluster));
    assert_true(delete_cluster_named(world, "gone") && delete_cluster_named(world, "again"));
    assert_true(create(world, &again, &cluster));
    world_wait(world, CLUSTER_KEPT_MS - MINUTE_MS);
    assert_true(str_is(status(world, "gone"), "INACTIVE"));
    world_wait(world, 2 * MINUTE_MS);
    assert_true(str_is(status(world, "gone"), "MISSING"));
    assert_true(str_is(status(world, "again"), "ACTIVE"));
    world_free(world);
}

/* ---- task definitions ---- */

static enum ecs_task_definition_status definition_status(struct world *world)
{
    struct ecs_describe_task_definition_request in = {.task_definition = STR("app:1")};
    struct ecs_describe_task_definition_response out;

    return world_call(world, &ecs_describe_task_definition_operation, &in, &out) ? out.task_definition->status
                                                                                 : ECS_TASK_DEFINITION_STATUS_NONE;
}

static void delete_definition(struct world *world)
{
    struct str names[] = {STR("app:1")};
    struct ecs_deregister_task_definition_request deregister = {.task_definition = names[0]};
    struct ecs_deregister_task_definition_response deregistered;
    struct ecs_delete_task_definitions_request in = {.task_definitions = {names, 1}};
    struct ecs_delete_task_definitions_response out;

    assert_true(world_call(world, &ecs_deregister_task_definition_operation, &deregister, &deregistered));
    assert_true(world_call(world, &ecs_delete_task_definitions_operation, &in, &out));
    assert_int_equal(out.failures.count, 0);
    assert_int_equal(out.task_definitions.items[0].status, ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS);
}

static void a_deleted_definition_lasts_as_long_as_its_tasks(void **state)
{
    struct world *world = world_new();
    struct host_task_report gone = {.status = HOST_TASK_STATUS_GONE};
    struct str tasks[2];

    (void)state;
    world_host_connect(world, "h", 4096, 16384);
    for (size_t i = 0; i < COUNT_OF(tasks); i++)
        tasks[i] = world_run_one(world);
    delete_definition(world);
    for (size_t i = 0; i < COUNT_OF(tasks); i++) {
        assert_int_equal(definition_status(world), ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS);
        gone.task_arn = tasks[i];
        world_stop_task(world, tasks[i]);
        world_report(world, "h", &gone);
    }
    assert_int_equal(definition_status(world), ECS_TASK_DEFINITION_STATUS_NONE);
    assert_non_null(world_task(world, tasks[0])); /* the stopped task is still shown */
    world_free(world);
}

/* ---- settings ---- */

static bool put_default(struct world *world, enum ecs_setting_name name, const char *value)
{
    struct ecs_put_account_setting_default_request in = {.name = name, .value = str_of(value)};
    struct ecs_put_account_setting_default_response out;

    return world_call(world, &ecs_put_account_setting_default_operation, &in, &out);
}

static void tags_at_creation_take_the_right_to_tag(void **state)
{
    struct world *world = world_new();
    struct ecs_tag tag = {STR("team"), STR("a")};
    struct ecs_create_cluster_request plain = {.cluster_name = STR("plain")};
    struct ecs_create_cluster_request tagged = {.cluster_name = STR("tagged"), .tags = {&tag, 1}};
    struct principal session = {.kind = PRINCIPAL_SESSION,
                                .account = STR("000000000000"),
                                .arn = STR("arn:aws:sts::000000000000:assumed-role/execution/1")};
    struct principal root = world->principal;
    struct ecs_cluster *cluster;

    (void)state;
    world->principal = session; /* past the front door, where CreateCluster itself would be refused */
    assert_true(create(world, &plain, &cluster));
    assert_false(create(world, &tagged, &cluster));
    assert_string_equal(world->fail.type, "AccessDeniedException");
    assert_non_null(strstr(world->fail.message,
                           "ecs:TagResource on resource: arn:aws:ecs:us-east-1:000000000000:cluster/"
                           "tagged"));
    world->principal = root;
    assert_true(put_default(world, ECS_SETTING_NAME_TAG_RESOURCE_AUTHORIZATION, "off"));
    world->principal = session;
    assert_true(create(world, &tagged, &cluster));
    world_free(world);
}

static void a_session_has_the_roots_settings(void **state)
{
    struct world *world = world_new();
    struct ecs_create_cluster_request in = {.cluster_name = STR("a")};
    struct ecs_cluster *cluster = NULL;

    (void)state;
    assert_true(put_default(world, ECS_SETTING_NAME_CONTAINER_INSIGHTS, "enhanced"));
    world->principal = (struct principal){.kind = PRINCIPAL_SESSION,
                                          .account = STR("000000000000"),
                                          .arn = STR("arn:aws:sts::000000000000:assumed-role/r/1")};
    assert_true(create(world, &in, &cluster));
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): assert_true does not return when it is false */
    assert_true(str_is(cluster->settings.items[0].value, "enhanced"));
    world_free(world);
}

static void tasks_remember_how_their_account_wants_logs(void **state)
{
    struct world *world = world_new();
    struct str before = world_run_one(world);
    struct str after;

    (void)state;
    assert_true(put_default(world, ECS_SETTING_NAME_DEFAULT_LOG_DRIVER_MODE, "non-blocking"));
    after = world_run_one(world);
    assert_false(world_task(world, before)->logs_non_blocking);
    assert_true(world_task(world, after)->logs_non_blocking);
    world_free(world);
}

/* ---- pages ---- */

static void a_token_is_good_for_its_own_operation_only(void **state)
{
    struct world *world = world_new();
    struct ecs_create_cluster_request more = {.cluster_name = STR("more")};
    struct ecs_list_clusters_request first = {.next_token = {NULL, 0}};
    struct ecs_list_clusters_response page;
    struct ecs_list_task_definitions_request other;
    struct ecs_list_task_definitions_response answer;
    struct ecs_cluster *cluster;

    (void)state;
    assert_true(create(world, &more, &cluster));
    SET(&first, max_results, 1);
    assert_true(world_call(world, &ecs_list_clusters_operation, &first, &page));
    assert_int_equal(page.cluster_arns.count, 1);
    first.next_token = page.next_token;
    other = (struct ecs_list_task_definitions_request){.next_token = page.next_token};
    assert_true(world_call(world, &ecs_list_clusters_operation, &first, &page));
    assert_int_equal(page.cluster_arns.count, 1);
    assert_null(page.next_token.ptr);
    assert_false(world_call(world, &ecs_list_task_definitions_operation, &other, &answer));
    assert_string_equal(world->fail.type, "InvalidParameterException");
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deleted_cluster_is_forgotten_after_a_day),
        cmocka_unit_test(a_deleted_definition_lasts_as_long_as_its_tasks),
        cmocka_unit_test(tags_at_creation_take_the_right_to_tag),
        cmocka_unit_test(a_session_has_the_roots_settings),
        cmocka_unit_test(tasks_remember_how_their_account_wants_logs),
        cmocka_unit_test(a_token_is_good_for_its_own_operation_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
