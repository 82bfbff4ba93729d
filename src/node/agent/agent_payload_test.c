/* Tasks of payloads: what they become, and what is refused in which words. */
#include "node/agent/agent_payload.h"

#include "base/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ARN "arn:aws:ecs:us-east-1:123456789012:task/web/0123456789abcdef0123456789abcdef"

static struct arena arena;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static bool read_task(const char *text, struct host_task_assignment *ret, struct fail *f)
{
    const struct agent_payload_defaults defaults = {.region = STR("us-east-1"), .stop_timeout_s = 30};

    return agent_payload_read(str_of(text), &defaults, &arena, ret, f);
}

static void a_task_becomes_an_assignment(void **state)
{
    static const char text[] =
        "{\"arn\":\"" ARN "\",\"taskClusterArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/web\",\"family\":\"f\","
        "\"version\":\"7\",\"cpu\":0.25,\"memory\":512,\"containers\":["
        "{\"name\":\"db\",\"image\":\"db:1\",\"memory\":64,\"stopTimeout\":2,\"environment\":{\"A\":\"b\"},"
        "\"overrides\":\"{\\\"command\\\":[\\\"run\\\"]}\",\"healthCheckType\":\"docker\",\"dockerConfig\":{"
        "\"config\":\"{\\\"User\\\":\\\"nobody\\\",\\\"Healthcheck\\\":{\\\"Test\\\":[\\\"CMD\\\",\\\"true\\\"],"
        "\\\"Interval\\\":5000000000}}\",\"hostConfig\":\"{\\\"Privileged\\\":true,\\\"ShmSize\\\":1048576,"
        "\\\"Tmpfs\\\":{\\\"/t\\\":\\\"size=8m,noexec\\\"},\\\"ExtraHosts\\\":[\\\"h:10.0.0.1\\\"]}\"}},"
        "{\"name\":\"web\",\"image\":\"web:1\",\"links\":[\"db:data\"],"
        "\"portMappings\":[{\"containerPort\":80,\"hostPort\":0}]}]}";
    struct host_task_assignment task;
    const struct ecs_container_definition *db;
    const struct ecs_container_definition *web;
    struct fail f;

    (void)state;
    assert_true(read_task(text, &task, &f));
    assert_true(str_is(task.task_id, "0123456789abcdef0123456789abcdef"));
    assert_true(str_is(task.account_id, "123456789012"));
    assert_true(str_is(task.cluster_name, "web"));
    assert_int_equal(task.cpu_units, 256);
    assert_int_equal(task.task_definition->revision, 7);
    assert_int_equal(task.task_definition->network_mode, ECS_NETWORK_MODE_BRIDGE);
    db = &task.task_definition->container_definitions.items[0];
    web = &task.task_definition->container_definitions.items[1];
    assert_true(str_is(db->command.items[0], "run"));
    assert_true(str_is(db->user, "nobody"));
    assert_true(db->privileged);
    assert_int_equal(db->health_check->interval, 5);
    assert_int_equal(db->stop_timeout, 2);
    assert_int_equal(db->linux_parameters->shared_memory_size, 1);
    assert_int_equal(db->linux_parameters->tmpfs.items[0].size, 8);
    assert_true(str_is(db->linux_parameters->tmpfs.items[0].mount_options.items[0], "noexec"));
    assert_true(str_is(db->extra_hosts.items[0].ip_address, "10.0.0.1"));
    assert_int_equal(web->stop_timeout, 30); /* ECS_CONTAINER_STOP_TIMEOUT */
    assert_true(str_is(web->depends_on.items[0].container_name, "db"));
    assert_int_equal(web->depends_on.items[0].condition, ECS_CONTAINER_CONDITION_START);
}

static void what_cannot_be_is_refused(void **state)
{
#define TASK(more)      "{\"arn\":\"" ARN "\"" more "}"
#define CONTAINER(more) TASK(",\"containers\":[{\"name\":\"a\",\"image\":\"i\"" more "}]")
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"[]", ""},
        {TASK(""), "a task has 1 to 10 containers, this one has 0"},
        {CONTAINER(",\"firelensConfiguration\":{\"type\":\"fluentd\"}"), "does not do FireLens"},
        {CONTAINER(",\"managedAgents\":[{\"name\":\"Other\"}]"), "does not do managed agents other than"},
        {CONTAINER(",\"portMappings\":[{\"containerPortRange\":\"1-2\"}]"), "ranges of container ports"},
        {CONTAINER(",\"dockerConfig\":{\"config\":\"{\"}"), "container a: dockerConfig is not JSON"},
        {CONTAINER(",\"dockerConfig\":{\"hostConfig\":\"{\\\"LogConfig\\\":{\\\"Type\\\":\\\"etwlogs\\\"}}\"}"),
         "Berth does not support log driver 'etwlogs'"},
        {CONTAINER(",\"dockerConfig\":{\"hostConfig\":\"{\\\"Tmpfs\\\":{\\\"/t\\\":\\\"rw\\\"}}\"}"),
         "the tmpfs at /t has no size"},
        {CONTAINER(",\"links\":[\"a\"]"), "Task dependencies cannot be resolved, taskArn: " ARN},
        {CONTAINER(",\"dependsOn\":[{\"containerName\":\"b\",\"condition\":\"START\"}]"),
         "Task dependencies cannot be resolved, taskArn: " ARN},
        {TASK(",\"pidMode\":\"all\",\"containers\":[{\"name\":\"a\"}]"), "does not do pidModes other than"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct host_task_assignment task;
        struct fail f = {.message = ""};

        assert_false(read_task(rows[i].text, &task, &f));
        if (strstr(f.message, rows[i].words) == NULL)
            fail_msg("'%s' is refused with '%s'", rows[i].text, f.message);
    }
#undef CONTAINER
#undef TASK
}

static void one_to_stop_needs_no_containers(void **state)
{
    struct host_task_assignment task;
    struct fail f;

    (void)state;
    assert_true(read_task("{\"arn\":\"" ARN "\",\"desiredStatus\":\"STOPPED\",\"containers\":[]}", &task, &f));
    assert_int_equal(task.desired_status, HOST_DESIRED_STATUS_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_becomes_an_assignment, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(one_to_stop_needs_no_containers, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
