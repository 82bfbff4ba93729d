#include "plane/ecs/task_definition_check.h"

#include "base/arena.h"
#include "plane/ecs/log_mode.h"
#include "plane/ecs/task_definition_new.h"
#include "plane/ecs/task_definition_rules.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROOM = 12, NO_PORT = -1 };

static struct arena arena;

/* A request that is accepted, with room for what the cases add. */
struct sample {
    struct ecs_register_task_definition_request in;
    struct ecs_container_definition *app, *side; /* the first two of its containers */
};

#define ONE(s, type, ...) one(s, sizeof(type), &(type){__VA_ARGS__})

static void *one(struct sample *s, size_t size, const void *from)
{
    (void)s;
    return memcpy(arena_alloc(&arena, size), from, size);
}

static struct str long_name(size_t len)
{
    char *text = arena_alloc(&arena, len + 1);

    memset(text, 'a', len);
    return (struct str){text, len};
}

static struct ecs_string_list strings(struct sample *s, const char *only)
{
    return (struct ecs_string_list){ONE(s, struct str, .ptr = only, .len = strlen(only)), 1};
}

static void requires(struct sample *s, enum ecs_compatibility compatibility)
{
    s->in.requires_compatibilities.items[s->in.requires_compatibilities.count++] = compatibility;
}

static void on_ec2(struct sample *s)
{
    s->in.requires_compatibilities.count = 0;
    requires(s, ECS_COMPATIBILITY_EC2);
    s->in.network_mode = ECS_NETWORK_MODE_BRIDGE;
}

static void ten_more(struct sample *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ecs_container_definition *container =
            &s->in.container_definitions.items[s->in.container_definitions.count++];

        container->name = arena_printf(&arena, "more%zu", i);
        container->image = STR("nginx");
    }
}

static void storage(struct sample *s, int32_t gib)
{
    s->in.ephemeral_storage = arena_new(&arena, struct ecs_ephemeral_storage);
    SET(s->in.ephemeral_storage, size_in_gib, gib);
}

static void platform(struct sample *s, enum ecs_os_family family, enum ecs_cpu_architecture architecture)
{
    s->in.runtime_platform =
        ONE(s, struct ecs_runtime_platform, .cpu_architecture = architecture, .operating_system_family = family);
}

static struct ecs_linux_parameters *linux_of(struct sample *s)
{
    if (s->app->linux_parameters == NULL)
        s->app->linux_parameters = arena_new(&arena, struct ecs_linux_parameters);
    return s->app->linux_parameters;
}

static struct ecs_kernel_capabilities *capabilities_of(struct sample *s)
{
    return linux_of(s)->capabilities = arena_new(&arena, struct ecs_kernel_capabilities);
}

static struct ecs_tmpfs *tmpfs(struct sample *s)
{
    linux_of(s)->tmpfs.items = ONE(s, struct ecs_tmpfs, .container_path = STR("/cache"), .size = 64);
    s->app->linux_parameters->tmpfs.count = 1;
    return s->app->linux_parameters->tmpfs.items;
}

static struct ecs_health_check *health(struct sample *s)
{
    static struct str command[] = {STR_INIT("CMD-SHELL"), STR_INIT("true")};

    if (s->app->health_check == NULL)
        s->app->health_check = ONE(s, struct ecs_health_check, .command = {command, 2});
    return s->app->health_check;
}

static struct ecs_port_mapping *port(struct ecs_container_definition *container, int32_t container_port,
                                     int32_t host_port)
{
    struct ecs_port_mapping *mapping;

    if (container->port_mappings.items == NULL)
        container->port_mappings.items = arena_array(&arena, struct ecs_port_mapping, ROOM);
    mapping = &container->port_mappings.items[container->port_mappings.count++];
    if (container_port != NO_PORT)
        SET(mapping, container_port, container_port);
    if (host_port != NO_PORT)
        SET(mapping, host_port, host_port);
    return mapping;
}

static struct ecs_volume *volume(struct sample *s)
{
    struct ecs_volume *volume = &s->in.volumes.items[s->in.volumes.count++];

    volume->name = STR("data");
    return volume;
}

static void mount(struct ecs_container_definition *container, const char *name, const char *path)
{
    if (container->mount_points.items == NULL)
        container->mount_points.items = arena_array(&arena, struct ecs_mount_point, ROOM);
    container->mount_points.items[container->mount_points.count++] =
        (struct ecs_mount_point){.source_volume = str_of(name), .container_path = str_of(path)};
}

static void volumes_from(struct ecs_container_definition *container, const char *name)
{
    container->volumes_from.items = arena_new(&arena, struct ecs_volume_from);
    container->volumes_from.items[container->volumes_from.count++].source_container = str_of(name);
}

static void depends(struct ecs_container_definition *container, const char *name,
                    enum ecs_container_condition condition)
{
    container->depends_on.items = arena_new(&arena, struct ecs_container_dependency);
    container->depends_on.items[container->depends_on.count++] =
        (struct ecs_container_dependency){.container_name = str_of(name), .condition = condition};
}

static struct ecs_log_configuration *awslogs(struct sample *s)
{
    struct ecs_log_configuration *log = arena_new(&arena, struct ecs_log_configuration);

    log->log_driver = ECS_LOG_DRIVER_AWSLOGS;
    log->options.items = arena_alloc(&arena, 3 * sizeof(*log->options.items));
    log->options.items[0].key = STR("awslogs-group");
    log->options.items[1].key = STR("awslogs-region");
    log->options.items[2].key = STR("awslogs-stream-prefix");
    for (size_t i = 0; i < 3; i++)
        log->options.items[i].value = STR("x");
    log->options.count = 3;
    return s->app->log_configuration = log;
}

/* Two options; without the second the token is a secret. */
static struct ecs_log_configuration *splunk(struct sample *s, const char *first, const char *second)
{
    struct ecs_log_configuration *log = awslogs(s);

    log->log_driver = ECS_LOG_DRIVER_SPLUNK;
    log->options.items[0].key = str_of(first);
    log->options.items[1].key = str_of(second);
    log->options.count = second == NULL ? 1 : 2;
    if (second == NULL) {
        log->secret_options.items = ONE(s, struct ecs_secret, .name = STR("splunk-token"), .value_from = STR("token"));
        log->secret_options.count = 1;
    }
    return log;
}

static void ulimit(struct sample *s, int32_t soft, int32_t hard)
{
    s->app->ulimits.items =
        ONE(s, struct ecs_ulimit, .name = ECS_ULIMIT_NAME_NOFILE, .soft_limit = soft, .hard_limit = hard);
    s->app->ulimits.count = 1;
}

static void environment_file(struct sample *s, struct str value)
{
    s->app->environment_files.items =
        ONE(s, struct ecs_environment_file, .type = ECS_ENVIRONMENT_FILE_TYPE_S3, .value = value);
    s->app->environment_files.count = 1;
}

static void sysctl(struct sample *s, const char *name)
{
    s->app->system_controls.items = ONE(s, struct ecs_system_control, .namespace = str_of(name), .value = STR("1"));
    s->app->system_controls.count = 1;
}

static struct sample sample_new(void)
{
    struct sample s = {.in = {
                           .family = STR("web"),
                           .cpu = STR("256"),
                           .memory = STR("1024"),
                           .network_mode = ECS_NETWORK_MODE_AWSVPC,
                           .execution_role_arn = STR("arn:aws:iam::111122223333:role/ecsTaskExecutionRole"),
                       }};

    s.in.requires_compatibilities.items = arena_array(&arena, enum ecs_compatibility, ROOM);
    s.in.volumes.items = arena_array(&arena, struct ecs_volume, ROOM);
    s.in.container_definitions.items = arena_array(&arena, struct ecs_container_definition, ROOM);
    s.in.container_definitions.count = 2;
    s.app = &s.in.container_definitions.items[0];
    s.side = &s.in.container_definitions.items[1];
    s.app->name = STR("app");
    s.side->name = STR("side");
    s.app->image = s.side->image = STR("nginx");
    requires(&s, ECS_COMPATIBILITY_FARGATE);
    return s;
}

/* ---- the cases ---- */

/* clang-format off */
#define CASE(name, message, ...) static void change_##name(struct sample *s) { (void)s; __VA_ARGS__; }
/* clang-format on */
#include "plane/ecs/task_definition_check_cases.h"
#undef CASE

struct check_case {
    const char *name;
    const char *message;
    void (*change)(struct sample *s);
};

#define CASE(name, message, ...) {#name, message, change_##name},
static const struct check_case cases[] = {
#include "plane/ecs/task_definition_check_cases.h"
};
#undef CASE

static bool is_as_expected(const struct check_case *expected)
{
    struct sample s = sample_new();
    struct fail f = {.message = ""};
    bool accepted;

    expected->change(&s);
    accepted = task_definition_check(&s.in, &f);
    arena_reset(&arena);
    if (expected->message == NULL
            ? accepted
            : !accepted && strcmp(f.message, expected->message) == 0 && strcmp(f.type, ECS_ERROR_CLIENT_EXCEPTION) == 0)
        return true;
    print_error("%s: %s\n", expected->name, accepted ? "accepted" : f.message);
    return false;
}

static void requests_are_judged_as_aws_does(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        wrong += !is_as_expected(&cases[i]);
    assert_int_equal(wrong, 0);
}

static void every_field_of_the_tables_is_in_the_model(void **state)
{
    (void)state;
    assert_true(task_definition_fields_exist());
    assert_true(container_definition_fields_exist());
    assert_true(volume_fields_exist());
    assert_true(requires_attributes_fields_exist());
}

/* ---- what is made of an accepted request ---- */

static void compatibilities_are_those_whose_rules_it_keeps(void **state)
{
    struct sample s = sample_new();
    struct ecs_task_definition *made = task_definition_new(&s.in, STR("111122223333"), &arena);

    (void)state;
    assert_int_equal(made->compatibilities.count, 2);
    assert_int_equal(made->compatibilities.items[0], ECS_COMPATIBILITY_EC2);
    assert_int_equal(made->compatibilities.items[1], ECS_COMPATIBILITY_FARGATE);
    on_ec2(&s);
    made = task_definition_new(&s.in, STR("111122223333"), &arena);
    assert_int_equal(made->compatibilities.count, 2);
    assert_int_equal(made->compatibilities.items[0], ECS_COMPATIBILITY_EXTERNAL);
    assert_int_equal(made->compatibilities.items[1], ECS_COMPATIBILITY_EC2);
    arena_reset(&arena);
}

static void defaults_are_filled_in(void **state)
{
    struct sample s = sample_new();
    struct ecs_task_definition *made;
    const struct ecs_container_definition *app;

    (void)state;
    s.in.cpu = STR(".5 vCPU");
    s.in.memory = STR("1GB");
    s.in.task_role_arn = STR("app");
    (void)port(s.app, 80, NO_PORT);
    (void)health(&s);
    (void)volume(&s);
    made = task_definition_new(&s.in, STR("111122223333"), &arena);
    app = &made->container_definitions.items[0];
    assert_true(str_is(made->cpu, "512"));
    assert_true(str_is(made->memory, "1024"));
    assert_true(str_is(made->task_role_arn, "arn:aws:iam::111122223333:role/app"));
    assert_true(app->has_essential && app->essential && app->has_cpu);
    assert_int_equal(app->port_mappings.items[0].host_port, 80);
    assert_int_equal(app->port_mappings.items[0].protocol, ECS_TRANSPORT_PROTOCOL_TCP);
    assert_int_equal(app->health_check->interval, 30);
    assert_non_null(app->environment.items);
    assert_non_null(made->volumes.items[0].host);
    assert_null(s.app->environment.items); /* the request is left as it was */
    arena_reset(&arena);
}

static void attributes_follow_from_what_is_used(void **state)
{
    static const char *const expected[] = {
        "com.amazonaws.ecs.capability.docker-remote-api.1.19",
        "ecs.capability.container-health-check",
        "com.amazonaws.ecs.capability.docker-remote-api.1.24",
        "ecs.capability.container-ordering",
        "com.amazonaws.ecs.capability.logging-driver.awslogs",
        "ecs.capability.execution-role-awslogs",
        "com.amazonaws.ecs.capability.ecr-auth",
        "ecs.capability.execution-role-ecr-pull",
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "ecs.capability.task-eni",
    };
    struct sample s = sample_new();
    struct ecs_requires_attributes made;

    (void)state;
    (void)awslogs(&s);
    (void)health(&s);
    SET(s.app, stop_timeout, 30);
    s.app->image = STR("111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1");
    made = requires_attributes(&s.in, &arena);
    assert_int_equal(made.count, COUNT_OF(expected));
    for (size_t i = 0; i < made.count; i++)
        assert_true(str_is(made.items[i].name, expected[i]));
    arena_reset(&arena);
}

static void a_role_in_host_mode_has_an_attribute_of_its_own(void **state)
{
    static const char *const expected[] = {
        "com.amazonaws.ecs.capability.task-iam-role",
        "com.amazonaws.ecs.capability.docker-remote-api.1.17",
        "com.amazonaws.ecs.capability.task-iam-role-network-host",
    };
    struct sample s = sample_new();
    struct ecs_requires_attributes made;

    (void)state;
    s.in.network_mode = ECS_NETWORK_MODE_HOST;
    s.in.task_role_arn = STR("app");
    made = requires_attributes(&s.in, &arena);
    assert_int_equal(made.count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_true(str_is(made.items[i].name, expected[i]));
    arena_reset(&arena);
}

static void a_range_of_ports_has_an_attribute(void **state)
{
    struct sample s = sample_new();
    struct ecs_port_mapping range = {.container_port_range = STR("8000-8010")};
    struct ecs_requires_attributes made;

    (void)state;
    s.in.network_mode = ECS_NETWORK_MODE_BRIDGE;
    s.app->port_mappings = (struct ecs_port_mapping_list){&range, 1};
    made = requires_attributes(&s.in, &arena);
    assert_int_equal(made.count, 1);
    assert_true(str_is(made.items[0].name, "ecs.capability.network.container-port-range"));
    arena_reset(&arena);
}

/* ---- the setting defaultLogDriverMode ---- */

static void logs_are_non_blocking_unless_they_say_so_themselves(void **state)
{
    struct sample s = sample_new();
    struct ecs_log_configuration *log = awslogs(&s);
    struct ecs_task_definition definition = {.container_definitions = s.in.container_definitions};
    const struct ecs_container_definition *told;

    (void)state;
    told = log_mode_non_blocking(&definition, &arena)->container_definitions.items;
    assert_int_equal(told[0].log_configuration->options.count, 4);
    assert_true(str_is(told[0].log_configuration->options.items[3].key, "mode"));
    assert_true(str_is(told[0].log_configuration->options.items[3].value, "non-blocking"));
    assert_null(told[1].log_configuration);
    assert_int_equal(log->options.count, 3); /* the definition is left as it was */
    log->options.items[0].key = STR("mode");
    told = log_mode_non_blocking(&definition, &arena)->container_definitions.items;
    assert_ptr_equal(told[0].log_configuration, log);
    arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_judged_as_aws_does),
        cmocka_unit_test(every_field_of_the_tables_is_in_the_model),
        cmocka_unit_test(compatibilities_are_those_whose_rules_it_keeps),
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(attributes_follow_from_what_is_used),
        cmocka_unit_test(a_role_in_host_mode_has_an_attribute_of_its_own),
        cmocka_unit_test(a_range_of_ports_has_an_attribute),
        cmocka_unit_test(logs_are_non_blocking_unless_they_say_so_themselves),
    };
    int failed;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
