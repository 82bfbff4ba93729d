#include "plane/ecs/task_definition_new.h"

#include "base/must.h"
#include "plane/ecs/task_definition_check.h"
#include "plane/ecs/task_size.h"

enum { HEALTH_INTERVAL_S = 30, HEALTH_TIMEOUT_S = 5, HEALTH_RETRIES = 3 }; /* API reference, "HealthCheck" */

/* AWS answers with an empty list where the request had none. */
#define EMPTY_UNLESS_GIVEN(arena, list)                                                                                \
    do {                                                                                                               \
        if ((list).items == NULL)                                                                                      \
            (list).items = arena_alloc((arena), 0);                                                                    \
    } while (0)

#define DEFAULT(structure, member, to)                                                                                 \
    do {                                                                                                               \
        if (!(structure)->has_##member)                                                                                \
            SET(structure, member, to);                                                                                \
    } while (0)

static struct ecs_port_mapping_list port_mappings_new(const struct ecs_register_task_definition_request *in,
                                                      const struct ecs_port_mapping_list *from, struct arena *arena)
{
    struct ecs_port_mapping_list to = {arena_array(arena, struct ecs_port_mapping, from->count), from->count};
    bool own_interface = in->network_mode == ECS_NETWORK_MODE_AWSVPC || in->network_mode == ECS_NETWORK_MODE_HOST;

    for (size_t i = 0; i < from->count; i++) {
        to.items[i] = from->items[i];
        if (to.items[i].protocol == ECS_TRANSPORT_PROTOCOL_NONE)
            to.items[i].protocol = ECS_TRANSPORT_PROTOCOL_TCP;
        if (to.items[i].container_port_range.ptr == NULL)
            DEFAULT(&to.items[i], host_port, own_interface ? to.items[i].container_port : 0);
    }
    return to;
}

static struct ecs_health_check *health_check_new(const struct ecs_health_check *from, struct arena *arena)
{
    struct ecs_health_check *to = arena_new(arena, struct ecs_health_check);

    *to = *from;
    DEFAULT(to, interval, HEALTH_INTERVAL_S);
    DEFAULT(to, timeout, HEALTH_TIMEOUT_S);
    DEFAULT(to, retries, HEALTH_RETRIES);
    return to;
}

static struct ecs_log_configuration *log_configuration_new(const struct ecs_log_configuration *from,
                                                           struct arena *arena)
{
    struct ecs_log_configuration *to = arena_new(arena, struct ecs_log_configuration);

    *to = *from;
    EMPTY_UNLESS_GIVEN(arena, to->options);
    EMPTY_UNLESS_GIVEN(arena, to->secret_options);
    return to;
}

static void container_new(const struct ecs_register_task_definition_request *in,
                          const struct ecs_container_definition *from, struct arena *arena,
                          struct ecs_container_definition *to)
{
    *to = *from;
    to->port_mappings = port_mappings_new(in, &from->port_mappings, arena);
    DEFAULT(to, cpu, 0);
    DEFAULT(to, essential, true);
    EMPTY_UNLESS_GIVEN(arena, to->environment);
    EMPTY_UNLESS_GIVEN(arena, to->mount_points);
    EMPTY_UNLESS_GIVEN(arena, to->volumes_from);
    EMPTY_UNLESS_GIVEN(arena, to->system_controls);
    if (from->health_check != NULL)
        to->health_check = health_check_new(from->health_check, arena);
    if (from->log_configuration != NULL)
        to->log_configuration = log_configuration_new(from->log_configuration, arena);
}

static struct ecs_volume_list volumes_new(const struct ecs_volume_list *from, struct arena *arena)
{
    struct ecs_volume_list to = {arena_array(arena, struct ecs_volume, from->count), from->count};

    for (size_t i = 0; i < from->count; i++) {
        to.items[i] = from->items[i];
        if (to.items[i].host == NULL && to.items[i].docker_volume_configuration == NULL)
            to.items[i].host = arena_new(arena, struct ecs_host_volume_properties);
    }
    return to;
}

static struct str role_arn(struct str role, struct str account, struct arena *arena)
{
    if (role.ptr == NULL || str_starts(role, STR("arn:")))
        return role;
    return arena_printf(arena, "arn:aws:iam::%.*s:role/%.*s", STR_ARG(account), STR_ARG(role));
}

static struct str size_text(struct str given, bool parse(struct str, int32_t *), struct arena *arena)
{
    int32_t number = 0;

    if (given.ptr == NULL)
        return given;
    must(parse(given, &number)); /* checked before */
    return arena_printf(arena, "%d", number);
}

static struct ecs_compatibility_list compatibilities(const struct ecs_register_task_definition_request *in,
                                                     struct arena *arena)
{
    static const enum ecs_compatibility all[] = {ECS_COMPATIBILITY_EXTERNAL, ECS_COMPATIBILITY_EC2,
                                                 ECS_COMPATIBILITY_FARGATE};
    struct ecs_compatibility_list list = {arena_array(arena, enum ecs_compatibility, COUNT_OF(all)), 0};

    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (task_definition_fits(in, all[i]))
            list.items[list.count++] = all[i];
    return list;
}

struct ecs_task_definition *task_definition_new(const struct ecs_register_task_definition_request *in,
                                                struct str account, struct arena *arena)
{
    const struct ecs_container_definitions *containers = &in->container_definitions;
    struct ecs_task_definition *to = arena_new(arena, struct ecs_task_definition);

    to->family = in->family;
    to->container_definitions.items = arena_array(arena, struct ecs_container_definition, containers->count);
    to->container_definitions.count = containers->count;
    for (size_t i = 0; i < containers->count; i++)
        container_new(in, &containers->items[i], arena, &to->container_definitions.items[i]);
    to->volumes = volumes_new(&in->volumes, arena);
    to->placement_constraints = in->placement_constraints;
    EMPTY_UNLESS_GIVEN(arena, to->placement_constraints);
    to->network_mode = in->network_mode;
    to->task_role_arn = role_arn(in->task_role_arn, account, arena);
    to->execution_role_arn = role_arn(in->execution_role_arn, account, arena);
    to->requires_compatibilities = in->requires_compatibilities;
    to->compatibilities = compatibilities(in, arena);
    to->requires_attributes = requires_attributes(in, arena);
    to->cpu = size_text(in->cpu, task_cpu_parse, arena);
    to->memory = size_text(in->memory, task_memory_parse, arena);
    to->runtime_platform = in->runtime_platform;
    to->ephemeral_storage = in->ephemeral_storage;
    to->pid_mode = in->pid_mode;
    to->ipc_mode = in->ipc_mode;
    if (in->has_enable_fault_injection)
        SET(to, enable_fault_injection, in->enable_fault_injection);
    return to;
}
