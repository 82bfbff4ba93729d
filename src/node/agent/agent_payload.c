#include "node/agent/agent_payload.h"

#include "base/must.h"
#include "base/when.h"
#include "model/agent.h"
#include "model/interpret.h"
#include "node/agent/agent_docker_config.h"
#include "node/network/address.h"
#include "wire/protocol.h"

enum { CONTAINERS_MAX = 10 }; /* of a task definition (service quotas) */

/* ---- what is refused ---- */

static const char *refused_volume(const struct agent_volumes *volumes)
{
    for (size_t i = 0; i < volumes->count; i++)
        if (volumes->items[i].type.ptr != NULL && !str_is(volumes->items[i].type, "host") &&
            !str_is(volumes->items[i].type, "docker"))
            return "volumes other than of the host and Docker's";
    return NULL;
}

static bool has_range(const struct agent_container *container)
{
    for (size_t i = 0; i < container->port_mappings.count; i++)
        if (!container->port_mappings.items[i].has_container_port)
            return true;
    return false;
}

static const char *refused_of(const struct agent_container *container)
{
    if (container->firelens_configuration != NULL)
        return "FireLens";
    for (size_t i = 0; i < container->managed_agents.count; i++)
        if (!str_is(container->managed_agents.items[i].name, "ExecuteCommandAgent"))
            return "managed agents other than that of ECS Exec";
    if (container->credential_specs.count > 0)
        return "credentialSpecs";
    return has_range(container) ? "ranges of container ports" : NULL;
}

/* NULL: nothing. What is not a capability of this agent (agent_registration.c) no server sends, but one that errs. */
static const char *refused(const struct agent_task *task)
{
    if (task->pid_mode.len > 0 && enum_value(&ecs_pid_mode_shape, task->pid_mode) == 0)
        return "pidModes other than 'host' and 'task'";
    if (task->ipc_mode.len > 0 && enum_value(&ecs_ipc_mode_shape, task->ipc_mode) == 0)
        return "ipcModes other than 'host', 'task' and 'none'";
    if (task->associations.count > 0)
        return "GPUs";
    for (size_t i = 0; i < task->containers.count; i++) {
        const char *why = refused_of(&task->containers.items[i]);

        if (why != NULL)
            return why;
    }
    return refused_volume(&task->volumes);
}

static bool has_managed_agent(const struct agent_task *task)
{
    for (size_t i = 0; i < task->containers.count; i++)
        if (task->containers.items[i].managed_agents.count > 0)
            return true;
    return false;
}

/* ---- containers ---- */

static struct ecs_string_list strings(const struct agent_strings *from)
{
    return (struct ecs_string_list){from->items, from->count};
}

static struct ecs_port_mapping_list ports(const struct agent_port_mappings *from, struct arena *arena)
{
    struct ecs_port_mapping_list to = {arena_array(arena, struct ecs_port_mapping, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++) {
        SET(&to.items[i], container_port, from->items[i].container_port);
        SET(&to.items[i], host_port, from->items[i].host_port);
        to.items[i].protocol =
            str_is(from->items[i].protocol, "udp") ? ECS_TRANSPORT_PROTOCOL_UDP : ECS_TRANSPORT_PROTOCOL_TCP;
    }
    return to;
}

static struct ecs_mount_point_list mounts(const struct agent_mount_points *from, struct arena *arena)
{
    struct ecs_mount_point_list to = {arena_array(arena, struct ecs_mount_point, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++) {
        to.items[i].source_volume = from->items[i].source_volume;
        to.items[i].container_path = from->items[i].container_path;
        SET(&to.items[i], read_only, from->items[i].read_only);
    }
    return to;
}

static struct ecs_volume_from_list volumes_from(const struct agent_volumes_from *from, struct arena *arena)
{
    struct ecs_volume_from_list to = {arena_array(arena, struct ecs_volume_from, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++) {
        to.items[i].source_container = from->items[i].source_container;
        SET(&to.items[i], read_only, from->items[i].read_only);
    }
    return to;
}

/* "links implies START" (protocol notes); an alias stands behind a colon. */
static struct ecs_container_dependencies dependencies(const struct agent_container *from, struct arena *arena)
{
    size_t count = from->depends_on.count;
    struct ecs_container_dependencies to = {
        arena_array(arena, struct ecs_container_dependency, count + from->links.count + 1), count};

    for (size_t i = 0; i < count; i++)
        to.items[i] =
            (struct ecs_container_dependency){.container_name = from->depends_on.items[i].container_name,
                                              .condition = (enum ecs_container_condition)enum_value(
                                                  &ecs_container_condition_shape, from->depends_on.items[i].condition)};
    for (size_t i = 0; i < from->links.count; i++) {
        struct str alias;

        to.items[to.count++] = (struct ecs_container_dependency){
            .container_name = str_cut(from->links.items[i], ':', &alias), .condition = ECS_CONTAINER_CONDITION_START};
    }
    return to;
}

static struct ecs_environment_variables environment(const struct agent_text_map *from, struct arena *arena)
{
    struct ecs_environment_variables to = {arena_array(arena, struct ecs_key_value_pair, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++)
        to.items[i] = (struct ecs_key_value_pair){.name = from->items[i].key, .value = from->items[i].value};
    return to;
}

static struct ecs_environment_files environment_files(const struct agent_environment_files *from, struct arena *arena)
{
    struct ecs_environment_files to = {arena_array(arena, struct ecs_environment_file, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++)
        to.items[i] =
            (struct ecs_environment_file){.value = from->items[i].value, .type = ECS_ENVIRONMENT_FILE_TYPE_S3};
    return to;
}

static struct ecs_container_restart_policy *restart_policy(const struct agent_restart_policy *from, struct arena *arena)
{
    struct ecs_container_restart_policy *to;

    if (from == NULL)
        return NULL;
    to = arena_new(arena, struct ecs_container_restart_policy);
    SET(to, enabled, from->enabled);
    to->ignored_exit_codes = (struct ecs_integer_list){from->ignored_exit_codes.items, from->ignored_exit_codes.count};
    if (from->has_restart_attempt_period)
        SET(to, restart_attempt_period, from->restart_attempt_period);
    return to;
}

/* Those of the container's environment, and those of its log driver's options. */
static void set_secrets(const struct agent_secrets *from, struct arena *arena, struct ecs_container_definition *to)
{
    struct ecs_secret_list own = {arena_array(arena, struct ecs_secret, from->count + 1), 0};
    struct ecs_secret_list options = {arena_array(arena, struct ecs_secret, from->count + 1), 0};

    for (size_t i = 0; i < from->count; i++) {
        struct ecs_secret secret = {.name = from->items[i].name, .value_from = from->items[i].value_from};

        if (str_is(from->items[i].target, "LOG_DRIVER"))
            options.items[options.count++] = secret;
        else
            own.items[own.count++] = secret;
    }
    to->secrets = own;
    if (options.count > 0 && to->log_configuration != NULL)
        to->log_configuration->secret_options = options;
}

static void set_registry(const struct agent_registry_authentication *from, struct arena *arena,
                         struct ecs_container_definition *to)
{
    if (from == NULL || from->asm_auth_data == NULL)
        return;
    to->repository_credentials = arena_new(arena, struct ecs_repository_credentials);
    to->repository_credentials->credentials_parameter = from->asm_auth_data->credentials_parameter;
}

/* {"command": [...]}: the only member that the agent permits. */
static bool set_command(const struct agent_container *from, struct arena *arena, struct ecs_container_definition *to,
                        struct fail *f)
{
    struct agent_container override = {.name = {NULL, 0}};

    to->command = strings(&from->command);
    if (from->overrides.len == 0)
        return true;
    if (!wire_from_json(&agent_container_shape, from->overrides, &override, arena, f))
        return fail_in(f, "the overrides of container %.*s", STR_ARG(from->name));
    if (override.command.count > 0)
        to->command = strings(&override.command);
    return true;
}

static void set_sizes(const struct agent_container *from, const struct agent_payload_defaults *defaults,
                      struct ecs_container_definition *to)
{
    SET(to, cpu, from->cpu);
    if (from->memory > 0)
        SET(to, memory, from->memory);
    SET(to, essential, !from->has_essential || from->essential);
    if (from->has_start_timeout && from->start_timeout > 0)
        SET(to, start_timeout, from->start_timeout);
    SET(to, stop_timeout, from->has_stop_timeout ? from->stop_timeout : (int32_t)defaults->stop_timeout_s);
}

static bool read_container(const struct agent_container *from, const struct agent_payload_defaults *defaults,
                           struct arena *arena, struct ecs_container_definition *to, struct fail *f)
{
    to->name = from->name;
    to->image = from->image;
    to->links = strings(&from->links);
    to->port_mappings = ports(&from->port_mappings, arena);
    to->entry_point = strings(&from->entry_point);
    to->environment = environment(&from->environment, arena);
    to->environment_files = environment_files(&from->environment_files, arena);
    to->mount_points = mounts(&from->mount_points, arena);
    to->volumes_from = volumes_from(&from->volumes_from, arena);
    to->depends_on = dependencies(from, arena);
    to->restart_policy = restart_policy(from->restart_policy, arena);
    set_registry(from->registry_authentication, arena, to);
    set_sizes(from, defaults, to);
    if (!set_command(from, arena, to, f) ||
        (from->docker_config != NULL && !agent_docker_config_read(from->docker_config, arena, to, f)))
        return false;
    if (!str_is(from->health_check_type, "docker"))
        to->health_check = NULL; /* one of the image is not ECS's business */
    set_secrets(&from->secrets, arena, to);
    return true;
}

/* ---- the task ---- */

static struct ecs_volume_list volumes(const struct agent_volumes *from, struct arena *arena)
{
    struct ecs_volume_list to = {arena_array(arena, struct ecs_volume, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++) {
        const struct agent_docker_volume *docker = from->items[i].docker_volume_configuration;

        to.items[i].name = from->items[i].name;
        if (from->items[i].host != NULL && from->items[i].host->source_path.len > 0) {
            to.items[i].host = arena_new(arena, struct ecs_host_volume_properties);
            to.items[i].host->source_path = from->items[i].host->source_path;
        }
        if (docker == NULL)
            continue;
        to.items[i].docker_volume_configuration = arena_new(arena, struct ecs_docker_volume_configuration);
        *to.items[i].docker_volume_configuration = (struct ecs_docker_volume_configuration){
            .scope = str_is(docker->scope, "shared") ? ECS_SCOPE_SHARED : ECS_SCOPE_TASK,
            .autoprovision = docker->autoprovision,
            .driver = docker->driver,
            .driver_opts = {(void *)docker->driver_opts.items, docker->driver_opts.count}};
    }
    return to;
}

/* "172.31.0.1/20" of the gateway is in the subnet 172.31.0.0/20. */
static struct str subnet_of(struct str gateway, struct arena *arena)
{
    struct str length;
    struct str address = str_cut(gateway, '/', &length);
    uint64_t bits;
    uint32_t number;

    if (length.ptr == NULL || !str_to_uint64(length, &bits) || bits < 1 || bits > 32 ||
        !address_parse(address, &number))
        return gateway;
    return arena_printf(arena, "%s/%u", address_text(number & (UINT32_MAX << (32 - bits))).text, (unsigned)bits);
}

static struct host_network_interface *interface_of(const struct agent_elastic_network_interfaces *all,
                                                   struct arena *arena)
{
    const struct agent_elastic_network_interface *from = all->items;
    struct host_network_interface *to;

    if (all->count == 0 || from->ipv4_addresses.count == 0)
        return NULL;
    to = arena_new(arena, struct host_network_interface);
    *to = (struct host_network_interface){.network_interface_id = from->ec2_id,
                                          .address = from->ipv4_addresses.items[0].private_address,
                                          .mac_address = from->mac_address,
                                          .private_dns_name = from->private_dns_name,
                                          .subnet_cidr = subnet_of(from->subnet_gateway_ipv4_address, arena)};
    if (from->domain_name_servers.count > 0)
        to->resolver_address = from->domain_name_servers.items[0];
    return to;
}

struct host_credentials *agent_payload_credentials(const struct agent_iam_role_credentials *from, struct arena *arena)
{
    struct host_credentials *to;
    int64_t expiration;

    if (from == NULL || from->access_key_id.len == 0)
        return NULL;
    to = arena_new(arena, struct host_credentials);
    *to = (struct host_credentials){.access_key_id = from->access_key_id,
                                    .secret_access_key = from->secret_access_key,
                                    .session_token =
                                        from->session_token.len == 0 ? (struct str){NULL, 0} : from->session_token,
                                    .role_arn = from->role_arn};
    if (when_from_iso8601(from->expiration, &expiration))
        SET(to, expiration, expiration);
    return to;
}

/* What stands behind the last slash; the whole without one. */
static struct str last_of(struct str arn)
{
    size_t slash = str_find_last(arn, '/');

    return slash == arn.len ? arn : str_from(arn, slash + 1);
}

/* "arn:aws:ecs:us-east-1:123456789012:task/web/0123..." */
static void name_task(const struct agent_task *task, struct host_task_assignment *to)
{
    struct str rest = task->arn;

    to->task_arn = task->arn;
    to->task_id = last_of(task->arn);
    for (size_t i = 0; i < 4 && rest.ptr != NULL; i++)
        (void)str_cut(rest, ':', &rest);
    to->account_id = rest.ptr == NULL ? STR("") : str_cut(rest, ':', &rest);
    to->cluster_arn = task->task_cluster_arn;
    to->cluster_name = last_of(task->task_cluster_arn);
    to->desired_status =
        str_is(task->desired_status, "STOPPED") ? HOST_DESIRED_STATUS_STOPPED : HOST_DESIRED_STATUS_RUNNING;
}

static enum ecs_network_mode mode_of(const struct agent_task *task, struct arena *arena)
{
    struct str mode = task->network_mode;
    int value;

    for (size_t i = 0; i < task->containers.count; i++)
        if (task->containers.items[i].docker_config != NULL) {
            struct str docker = agent_docker_config_mode(task->containers.items[i].docker_config, arena);

            mode = str_is(docker, "host") || str_is(docker, "none") ? docker : mode;
        }
    value = mode.len == 0 ? 0 : enum_value(&ecs_network_mode_shape, mode);
    return value == 0 ? ECS_NETWORK_MODE_BRIDGE : (enum ecs_network_mode)value;
}

static bool define(const struct agent_task *task, const struct agent_payload_defaults *defaults, struct arena *arena,
                   struct host_task_assignment *to, struct fail *f)
{
    struct ecs_task_definition *definition = arena_new(arena, struct ecs_task_definition);
    size_t count = task->containers.count;
    int64_t revision = 0;

    definition->family = task->family;
    if (str_to_int64(task->version, &revision))
        SET(definition, revision, (int32_t)revision);
    definition->network_mode = mode_of(task, arena);
    if (task->pid_mode.len > 0)
        definition->pid_mode = (enum ecs_pid_mode)enum_value(&ecs_pid_mode_shape, task->pid_mode);
    if (task->ipc_mode.len > 0)
        definition->ipc_mode = (enum ecs_ipc_mode)enum_value(&ecs_ipc_mode_shape, task->ipc_mode);
    definition->volumes = volumes(&task->volumes, arena);
    definition->container_definitions.items = arena_array(arena, struct ecs_container_definition, count + 1);
    to->container_arns.items = arena_array(arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (!read_container(&task->containers.items[i], defaults, arena, &definition->container_definitions.items[i],
                            f))
            return false;
        to->container_arns.items[i] = task->containers.items[i].container_arn;
    }
    definition->container_definitions.count = to->container_arns.count = count;
    to->task_definition = definition;
    return true;
}

/* Whether a container of the list can start after those that are `placed`. */
static bool can_follow(const struct ecs_container_definitions *all, const bool *placed,
                       const struct ecs_container_definition *container)
{
    for (size_t k = 0; k < container->depends_on.count; k++) {
        bool is_met = false;

        for (size_t i = 0; i < all->count; i++)
            is_met = is_met || (placed[i] && str_eq(all->items[i].name, container->depends_on.items[k].container_name));
        if (!is_met)
            return false;
    }
    return true;
}

/* Whether there is an order in which all can start: no unknown names, no circles. */
static bool has_order(const struct ecs_container_definitions *all)
{
    bool placed[CONTAINERS_MAX] = {false};
    size_t count = 0;
    size_t before;

    do {
        before = count;
        for (size_t i = 0; i < all->count; i++)
            if (!placed[i] && can_follow(all, placed, &all->items[i])) {
                placed[i] = true;
                count++;
            }
    } while (count > before);
    return count == all->count;
}

bool agent_payload_read(struct str text, const struct agent_payload_defaults *defaults, struct arena *arena,
                        struct host_task_assignment *ret, struct fail *f)
{
    struct agent_task task = {.arn = {NULL, 0}};
    struct host_task_assignment to = {.region = defaults->region};
    const char *why;

    *ret = to;
    if (!wire_from_json(&agent_task_shape, text, &task, arena, f))
        return false;
    name_task(&task, &to);
    to.availability_zone = task.zone;
    to.launch_type = task.launch_type;
    to.service_name = task.service_name;
    *ret = to;
    SET(&to, cpu_units, (int32_t)(task.cpu * 1024));
    SET(&to, memory_mib, task.memory);
    to.network_interface = interface_of(&task.elastic_network_interfaces, arena);
    to.execution_credentials = agent_payload_credentials(task.execution_role_credentials, arena);
    to.task_credentials = agent_payload_credentials(task.role_credentials, arena);
    to.credentials_id = task.role_credentials == NULL ? (struct str){NULL, 0} : task.role_credentials->credentials_id;
    if (to.desired_status == HOST_DESIRED_STATUS_STOPPED) {
        *ret = to;
        return true;
    }
    if (task.containers.count == 0 || task.containers.count > CONTAINERS_MAX)
        return fail(f, FAIL_INPUT, "a task has 1 to %d containers, this one has %zu", CONTAINERS_MAX,
                    task.containers.count);
    why = refused(&task);
    if (why != NULL)
        return fail(f, FAIL_INPUT, "Berth's agent does not do %s yet", why);
    SET(&to, enable_execute_command, has_managed_agent(&task));
    if (!define(&task, defaults, arena, &to, f))
        return false;
    if (!has_order(&to.task_definition->container_definitions))
        return fail(f, FAIL_CONFLICT, "Task dependencies cannot be resolved, taskArn: %.*s", STR_ARG(task.arn));
    *ret = to;
    return true;
}
