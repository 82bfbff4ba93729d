#include "plane/ecs/task_definition_check.h"

#include "plane/ecs/name.h"
#include "plane/ecs/task_definition_rules.h"
#include "plane/ecs/task_size.h"

enum {
    CONTAINERS_MAX = 10,              /* service quotas: containers in a task definition */
    DEFINITION_BYTES_MAX = 64 * 1024, /* service quotas: task definition size */
    EC2_CPU_UNITS_MIN = 128,
    EC2_CPU_UNITS_MAX = 192 * 1024,
    EPHEMERAL_GIB_MIN = 21,
    EPHEMERAL_GIB_MAX = 200,
};

/* What this build runs: images are for the machine that Berth was built for. */
#if defined(__aarch64__)
static const enum ecs_cpu_architecture own_architecture = ECS_CPU_ARCHITECTURE_ARM64;
#else
static const enum ecs_cpu_architecture own_architecture = ECS_CPU_ARCHITECTURE_X86_64;
#endif

static const struct refused_field refused[] = {
    {"inferenceAccelerators", REFUSED_ALWAYS, "Unsupported field 'inferenceAccelerators'."},
    {"proxyConfiguration", REFUSED_ALWAYS, "'proxyConfiguration' is not supported: Berth has no App Mesh."},
    {"enableFaultInjection", REFUSED_ALWAYS,
     "'enableFaultInjection' is not supported: Berth does not inject faults yet."},
    {"placementConstraints", REFUSED_FARGATE, "Fargate compatible task definitions do not support constraints"},
    {"ipcMode", REFUSED_FARGATE, "Fargate compatible task definitions do not support ipcMode"},
};

static const struct refused_fields refused_fields =
    REFUSED_FIELDS(&ecs_register_task_definition_request_shape, refused);

bool task_definition_fields_exist(void)
{
    return refused_fields_exist(&refused_fields);
}

/* ---- rules of the task ---- */

static bool family(const struct definition_case *on, struct fail *f)
{
    if (on->in->family.len == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Family should not be null or empty.");
    if (on->in->family.len > 255)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Family should not be longer than 255 characters.");
    if (!name_is_valid(on->in->family))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Family contains invalid characters.");
    return true;
}

static bool length(const struct definition_case *on, struct fail *f)
{
    struct buf text = {.ptr = NULL};
    size_t len;

    value_encode(&ecs_register_task_definition_request_shape, on->in, &text);
    len = text.len;
    buf_free(&text);
    if (len > DEFINITION_BYTES_MAX)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Actual length: '%zu'. Max allowed length is '%d' bytes.", len,
                        DEFINITION_BYTES_MAX);
    return true;
}

/* A role's ARN, or its name in the caller's account. */
static bool is_role(struct str text)
{
    struct str account;

    if (!str_starts(text, STR("arn:")))
        return text.len > 0 && text.len <= 64 && str_find(text, ':') == text.len;
    if (!str_starts(text, STR("arn:aws:iam::")))
        return false;
    account = str_cut(str_from(text, strlen("arn:aws:iam::")), ':', &text);
    for (size_t i = 0; i < account.len; i++)
        if (account.ptr[i] < '0' || account.ptr[i] > '9')
            return false;
    return account.len == 12 && str_starts(text, STR("role/")) && text.len > strlen("role/");
}

static bool roles(const struct definition_case *on, struct fail *f)
{
    const struct str given[] = {on->in->task_role_arn, on->in->execution_role_arn};

    for (size_t i = 0; i < COUNT_OF(given); i++)
        if (given[i].ptr != NULL && !is_role(given[i]))
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Role is not valid");
    return true;
}

static bool containers_count(const struct definition_case *on, struct fail *f)
{
    bool essential = false;

    if (on->in->container_definitions.count == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Container list cannot be empty.");
    if (on->in->container_definitions.count > CONTAINERS_MAX)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Too many containers.");
    for (size_t i = 0; i < on->in->container_definitions.count; i++)
        essential = essential || container_is_essential(&on->in->container_definitions.items[i]);
    if (!essential)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Task definition doesn't have any essential container");
    return true;
}

static bool supported(const struct definition_case *on, struct fail *f)
{
    return refused_fields_check(on, &refused_fields, on->in, on->in->family, f);
}

static bool network_mode(const struct definition_case *on, struct fail *f)
{
    if (is_fargate(on) && on->in->network_mode != ECS_NETWORK_MODE_AWSVPC)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Fargate only supports network mode ‘awsvpc’.");
    if (on->by == ECS_COMPATIBILITY_EXTERNAL && on->in->network_mode == ECS_NETWORK_MODE_AWSVPC)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "External instances do not support network mode 'awsvpc'.");
    return true;
}

static bool namespaces(const struct definition_case *on, struct fail *f)
{
    if (is_fargate(on) && on->in->pid_mode == ECS_PID_MODE_HOST)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Tasks using the Fargate launch type do not support pidMode 'host'");
    return true;
}

static bool fargate_size(const struct definition_case *on, struct fail *f)
{
    if (on->cpu_units == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Fargate requires that 'cpu' be defined at the task level.");
    if (on->memory_mib == 0)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Fargate requires that 'memory' be defined at the task level.");
    if (!fargate_size_exists(on->cpu_units, on->memory_mib))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "No Fargate configuration exists for given values: %d CPU, %d memory. See the Amazon ECS "
                        "documentation for the valid values.",
                        on->cpu_units, on->memory_mib);
    return true;
}

static bool size(const struct definition_case *on, struct fail *f)
{
    if (is_fargate(on))
        return fargate_size(on, f);
    if (on->cpu_units != 0 && (on->cpu_units < EC2_CPU_UNITS_MIN || on->cpu_units > EC2_CPU_UNITS_MAX))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Invalid 'cpu' setting for task.");
    return true;
}

static bool ephemeral_storage(const struct definition_case *on, struct fail *f)
{
    const struct ecs_ephemeral_storage *storage = on->in->ephemeral_storage;

    if (storage == NULL)
        return true;
    if (!is_fargate(on))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Tasks using the EC2 launch type do not support EphemeralStorage");
    if (storage->size_in_gib < EPHEMERAL_GIB_MIN)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "EphemeralStorage size should be at least %d",
                        EPHEMERAL_GIB_MIN);
    if (storage->size_in_gib > EPHEMERAL_GIB_MAX)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "EphemeralStorage size should be at most %d", EPHEMERAL_GIB_MAX);
    return true;
}

static bool runtime_platform(const struct definition_case *on, struct fail *f)
{
    const struct ecs_runtime_platform *platform = on->in->runtime_platform;

    if (platform == NULL)
        return true;
    if (platform->operating_system_family != ECS_OS_FAMILY_NONE &&
        platform->operating_system_family != ECS_OS_FAMILY_LINUX)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "runtimePlatform.operatingSystemFamily '%s' is not supported: Berth runs LINUX containers.",
                        enum_name(&ecs_os_family_shape, (int)platform->operating_system_family));
    if (platform->cpu_architecture != ECS_CPU_ARCHITECTURE_NONE && platform->cpu_architecture != own_architecture)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "runtimePlatform.cpuArchitecture '%s' is not supported: the hosts of this installation run %s.",
                        enum_name(&ecs_cpu_architecture_shape, (int)platform->cpu_architecture),
                        enum_name(&ecs_cpu_architecture_shape, (int)own_architecture));
    return true;
}

static definition_rule *const rules[] = {
    family,
    length,
    roles,
    containers_count,
    supported,
    network_mode,
    namespaces,
    size,
    ephemeral_storage,
    runtime_platform,
    containers_check,
    volumes_check,
    port_mappings_check,
    container_dependencies_check,
};

static bool check_by(const struct ecs_register_task_definition_request *in, enum ecs_compatibility by, struct fail *f)
{
    struct definition_case on = {.in = in, .by = by};

    if (in->cpu.ptr != NULL && !task_cpu_parse(in->cpu, &on.cpu_units))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Invalid 'cpu' setting for task.");
    if (in->memory.ptr != NULL && !task_memory_parse(in->memory, &on.memory_mib))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Invalid 'memory' setting for task.");
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (!rules[i](&on, f))
            return false;
    return true;
}

bool task_definition_check(const struct ecs_register_task_definition_request *in, struct fail *f)
{
    for (size_t i = 0; i < in->requires_compatibilities.count; i++) {
        enum ecs_compatibility by = in->requires_compatibilities.items[i];

        if (by == ECS_COMPATIBILITY_MANAGED_INSTANCES)
            return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                            "requiresCompatibilities 'MANAGED_INSTANCES' is not supported: Berth has no managed "
                            "instances yet.");
        if (!check_by(in, by, f))
            return false;
    }
    return in->requires_compatibilities.count > 0 || check_by(in, ECS_COMPATIBILITY_EC2, f);
}

bool task_definition_fits(const struct ecs_register_task_definition_request *in, enum ecs_compatibility by)
{
    struct fail f;

    return check_by(in, by, &f);
}
