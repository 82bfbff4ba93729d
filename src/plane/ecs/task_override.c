/* The overrides of RunTask (ECS API reference, TaskOverride and ContainerOverride): what may be overridden, and what
 * size the task then has. */
#include "base/must.h"
#include "plane/ecs/task_definition_rules.h"
#include "plane/ecs/task_instances.h"
#include "plane/ecs/task_size.h"

enum {
    OVERRIDE_CHARACTERS_MAX = 8192,
    STORAGE_GIB_DEFAULT = 20,
    STORAGE_GIB_MIN = 21, /* of what may be asked for */
    STORAGE_GIB_MAX = 200,
};

static const struct ecs_task_override no_overrides;

static bool invalid(const struct call *call, const char *text)
{
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", text);
}

/* ---- how long they are as JSON ---- */

/* Characters of a value as JSON without spaces between its tokens. */
static size_t json_length(const struct shape *shape, const void *value)
{
    auto_buf text = {.ptr = NULL};
    size_t length = 0;
    bool quoted = false;
    bool escaped = false;

    value_dump(shape, value, &text);
    must(!text.overflowed); /* a request is smaller */
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '"' && !escaped)
            quoted = !quoted;
        escaped = c == '\\' && !escaped;
        if (((unsigned char)c & 0xc0) != 0x80 && (quoted || c != ' '))
            length++;
    }
    return length;
}

static size_t environment_length(const struct ecs_environment_variables *environment)
{
    size_t length = strlen("[]") + (environment->count > 0 ? environment->count - 1 : 0);

    for (size_t i = 0; i < environment->count; i++)
        length += json_length(&ecs_key_value_pair_shape, &environment->items[i]);
    return length;
}

/* The environment is dumped as "***", for it may be secret: its own length stands in for that. */
static bool check_length(const struct call *call, const struct ecs_task_override *overrides)
{
    size_t length = json_length(&ecs_task_override_shape, overrides);

    for (size_t i = 0; i < overrides->container_overrides.count; i++) {
        const struct ecs_environment_variables *environment = &overrides->container_overrides.items[i].environment;

        if (environment->items != NULL)
            length += environment_length(environment) - strlen("\"***\"");
    }
    if (length > OVERRIDE_CHARACTERS_MAX)
        return invalid(call, "Container Overrides length must be at most 8192");
    return true;
}

/* ---- containers ---- */

static const struct ecs_container_override *override_of(const struct ecs_task_override *overrides, struct str name)
{
    for (size_t i = 0; i < overrides->container_overrides.count; i++)
        if (str_eq(overrides->container_overrides.items[i].name, name))
            return &overrides->container_overrides.items[i];
    return NULL;
}

static bool has_container(const struct ecs_task_definition *definition, struct str name)
{
    for (size_t i = 0; i < definition->container_definitions.count; i++)
        if (str_eq(definition->container_definitions.items[i].name, name))
            return true;
    return false;
}

static bool check_names(const struct call *call, const struct ecs_task_definition *definition,
                        const struct ecs_task_override *overrides)
{
    for (size_t i = 0; i < overrides->container_overrides.count; i++) {
        const struct ecs_container_override *override = &overrides->container_overrides.items[i];

        if (!has_container(definition, override->name))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Override for container named %.*s is not a container in the TaskDefinition.",
                            STR_ARG(override->name));
        if (override_of(overrides, override->name) != override)
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Override for container named %.*s is given more than once.", STR_ARG(override->name));
    }
    return true;
}

/* What an override makes of a container, as far as rules see it. */
static void apply(struct ecs_container_definition *container, const struct ecs_container_override *override)
{
    if (override->environment.items != NULL)
        container->environment = override->environment;
    if (override->environment_files.items != NULL)
        container->environment_files = override->environment_files;
    if (override->resource_requirements.items != NULL)
        container->resource_requirements = override->resource_requirements;
    if (override->has_cpu)
        SET(container, cpu, override->cpu);
    if (override->has_memory)
        SET(container, memory, override->memory);
    if (override->has_memory_reservation)
        SET(container, memory_reservation, override->memory_reservation);
}

/* The containers must keep the rules of a task definition as they will run. */
static bool check_containers(const struct call *call, const struct ecs_task_override *overrides,
                             const struct task_wish *wish)
{
    const struct ecs_container_definitions *from = &wish->definition->container_definitions;
    struct ecs_container_definition *items = arena_array(call->arena, struct ecs_container_definition, from->count);
    struct ecs_register_task_definition_request request = {
        .network_mode = wish->definition->network_mode,
        .execution_role_arn = wish->definition->execution_role_arn,
        .container_definitions = {items, from->count},
    };
    const struct definition_case on = {.in = &request,
                                       .by = wish->launch.instances != NULL ? ECS_COMPATIBILITY_EC2
                                                                            : ECS_COMPATIBILITY_FARGATE,
                                       .cpu_units = wish->cpu_units,
                                       .memory_mib = wish->memory_mib};

    for (size_t i = 0; i < from->count; i++) {
        const struct ecs_container_override *override = override_of(overrides, from->items[i].name);

        items[i] = from->items[i];
        if (override != NULL)
            apply(&items[i], override);
    }
    return containers_check(&on, call->fail);
}

/* ---- the task ---- */

static bool check_role(const struct call *call, struct str arn)
{
    if (arn.ptr == NULL || (str_starts(arn, STR("arn:aws:iam::")) && str_search(arn, STR(":role/")) < arn.len))
        return true;
    return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION, "Role is not valid: '%.*s'", STR_ARG(arn));
}

static bool check_size(const struct call *call, const struct ecs_task_override *overrides, struct task_wish *wish)
{
    wish->cpu = overrides->cpu.ptr != NULL ? overrides->cpu : wish->definition->cpu;
    wish->memory = overrides->memory.ptr != NULL ? overrides->memory : wish->definition->memory;
    if (wish->launch.instances != NULL && wish->cpu.ptr == NULL && wish->memory.ptr == NULL)
        return true; /* its containers say */
    if (wish->cpu.ptr == NULL ? wish->launch.instances == NULL : !task_cpu_parse(wish->cpu, &wish->cpu_units))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid 'cpu' setting for task: '%.*s'",
                        STR_ARG(wish->cpu));
    if (wish->memory.ptr == NULL ? wish->launch.instances == NULL : !task_memory_parse(wish->memory, &wish->memory_mib))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid 'memory' setting for task: '%.*s'",
                        STR_ARG(wish->memory));
    if (wish->launch.instances != NULL)
        return true;
    if (!fargate_size_exists(wish->cpu_units, wish->memory_mib))
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION,
                        "No Fargate configuration exists for given values: %d CPU, %d memory. See the Amazon ECS "
                        "documentation for the valid values.",
                        wish->cpu_units, wish->memory_mib);
    wish->cpu = arena_printf(call->arena, "%d", wish->cpu_units);
    wish->memory = arena_printf(call->arena, "%d", wish->memory_mib);
    return true;
}

static bool check_storage(const struct call *call, const struct ecs_task_override *overrides, struct task_wish *wish)
{
    const struct ecs_ephemeral_storage *storage = overrides->ephemeral_storage;

    wish->storage_gib = wish->definition->ephemeral_storage != NULL ? wish->definition->ephemeral_storage->size_in_gib
                                                                    : STORAGE_GIB_DEFAULT;
    if (storage == NULL)
        return true;
    if (storage->size_in_gib < STORAGE_GIB_MIN || storage->size_in_gib > STORAGE_GIB_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Ephemeral storage size must be between %d and %d GiB: %d", STORAGE_GIB_MIN, STORAGE_GIB_MAX,
                        storage->size_in_gib);
    wish->storage_gib = storage->size_in_gib;
    return true;
}

/* The overrides as a task shows them: one for each container, if only its name. */
static struct ecs_task_override *shown(struct arena *arena, const struct ecs_task_definition *definition,
                                       const struct ecs_task_override *overrides)
{
    struct ecs_task_override *to = arena_new(arena, struct ecs_task_override);
    size_t count = definition->container_definitions.count;

    *to = *overrides;
    to->container_overrides.items = arena_array(arena, struct ecs_container_override, count + 1);
    to->container_overrides.count = count;
    to->inference_accelerator_overrides.items = arena_array(arena, struct ecs_inference_accelerator_override, 1);
    for (size_t i = 0; i < count; i++) {
        struct str name = definition->container_definitions.items[i].name;
        const struct ecs_container_override *override = override_of(overrides, name);

        to->container_overrides.items[i] = override != NULL ? *override : (struct ecs_container_override){.name = name};
    }
    return to;
}

bool task_override_check(const struct call *call, const struct ecs_run_task_request *in, struct task_wish *wish)
{
    const struct ecs_task_override *overrides = in->overrides != NULL ? in->overrides : &no_overrides;

    if (overrides->inference_accelerator_overrides.count > 0)
        return invalid(call, "inferenceAcceleratorOverrides are not supported with FARGATE launch type.");
    if (!check_length(call, overrides) || !check_names(call, wish->definition, overrides) ||
        !check_role(call, overrides->execution_role_arn) || !check_role(call, overrides->task_role_arn) ||
        !check_size(call, overrides, wish) || !check_storage(call, overrides, wish))
        return false;
    if (in->overrides != NULL && !check_containers(call, overrides, wish))
        return false;
    wish->overrides = shown(call->arena, wish->definition, overrides);
    if (wish->launch.instances != NULL)
        task_instances_size(wish);
    return true;
}

void task_override_none(struct arena *arena, struct task_wish *wish)
{
    const struct ecs_ephemeral_storage *storage = wish->definition->ephemeral_storage;

    bool both = wish->launch.instances == NULL; /* a definition for Fargate has both */

    wish->cpu = wish->definition->cpu;
    wish->memory = wish->definition->memory;
    if (both || wish->cpu.ptr != NULL)
        must(task_cpu_parse(wish->cpu, &wish->cpu_units));
    if (both || wish->memory.ptr != NULL)
        must(task_memory_parse(wish->memory, &wish->memory_mib));
    wish->storage_gib = storage != NULL ? storage->size_in_gib : STORAGE_GIB_DEFAULT;
    wish->overrides = shown(arena, wish->definition, &no_overrides);
    if (wish->launch.instances != NULL) {
        task_instances_size(wish);
        return;
    }
    wish->cpu = arena_printf(arena, "%d", wish->cpu_units);
    wish->memory = arena_printf(arena, "%d", wish->memory_mib);
}
