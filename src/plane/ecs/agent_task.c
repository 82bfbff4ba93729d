/* A task as the payload of the agent protocol has it (shape Task of agent_protocol.json). */
#include "base/must.h"
#include "plane/ecr/repository_uri.h"
#include "plane/ecs/agent.h"
#include "plane/ecs/agent_docker.h"
#include "plane/ecs/log_mode.h"
#include "plane/ecs/task_instances.h"
#include "plane/iam/access_key.h"
#include "plane/vpc/vpc.h"

/* ---- credentials ---- */

struct agent_iam_role_credentials *agent_credentials(struct transaction *tx, struct str key_id,
                                                     struct str credentials_id)
{
    const struct access_key_record *key = key_id.ptr == NULL ? NULL : transaction_get(tx, &access_key_table, key_id);
    struct agent_iam_role_credentials *credentials;

    if (key == NULL)
        return NULL;
    credentials = arena_new(tx->arena, struct agent_iam_role_credentials);
    credentials->credentials_id = credentials_id;
    credentials->role_arn = key->principal_arn;
    credentials->access_key_id = key->access_key_id;
    credentials->secret_access_key = key->secret;
    credentials->session_token = key->session_token;
    credentials->expiration = when_to_iso8601(tx->arena, (key->has_expires_at ? key->expires_at : tx->now_ms + DAY_MS) /
                                                             SECOND_MS * SECOND_MS);
    return credentials;
}

/* ---- containers ---- */

static struct str *copy_of(const struct ecs_string_list *list)
{
    return list->items;
}

static void set_environment(struct arena *arena, const struct ecs_container_definition *definition,
                            const struct ecs_container_override *override, struct agent_text_map *ret_map)
{
    const struct ecs_environment_variables *lists[] = {&definition->environment, &override->environment};
    struct agent_text_map map = {NULL, 0};

    map.items = arena_alloc(arena, (lists[0]->count + lists[1]->count + 1) * sizeof(*map.items));
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (size_t k = 0; k < lists[i]->count; k++) {
            const struct ecs_key_value_pair *variable = &lists[i]->items[k];
            size_t at = 0;

            while (at < map.count && !str_eq(map.items[at].key, variable->name))
                at++;
            map.count += at == map.count;
            map.items[at].key = variable->name;
            map.items[at].value = variable->value.ptr == NULL ? STR("") : variable->value;
        }
    map.items[map.count].key = STR("AWS_EXECUTION_ENV");
    map.items[map.count++].value = STR("AWS_ECS_EC2");
    *ret_map = map;
}

static struct agent_port_mappings ports_of(struct arena *arena, const struct ecs_port_mapping_list *from, bool is_host)
{
    struct agent_port_mappings to = {arena_array(arena, struct agent_port_mapping, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++) {
        const struct ecs_port_mapping *mapping = &from->items[i];

        to.items[i].protocol = mapping->protocol == ECS_TRANSPORT_PROTOCOL_UDP ? STR("udp") : STR("tcp");
        to.items[i].container_port_range = mapping->container_port_range;
        if (mapping->has_container_port)
            SET(&to.items[i], container_port, mapping->container_port);
        if (mapping->has_container_port)
            SET(&to.items[i], host_port, is_host ? mapping->container_port : mapping->host_port);
    }
    return to;
}

static struct agent_mount_points mounts_of(struct arena *arena, const struct ecs_mount_point_list *from)
{
    struct agent_mount_points to = {arena_array(arena, struct agent_mount_point, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++) {
        to.items[i].source_volume = from->items[i].source_volume;
        to.items[i].container_path = from->items[i].container_path;
        SET(&to.items[i], read_only, from->items[i].read_only);
    }
    return to;
}

static struct agent_volumes_from volumes_from_of(struct arena *arena, const struct ecs_volume_from_list *from)
{
    struct agent_volumes_from to = {arena_array(arena, struct agent_volume_from, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++) {
        to.items[i].source_container = from->items[i].source_container;
        SET(&to.items[i], read_only, from->items[i].read_only);
    }
    return to;
}

static struct agent_dependencies dependencies_of(struct arena *arena, const struct ecs_container_dependencies *from)
{
    struct agent_dependencies to = {arena_array(arena, struct agent_dependency, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++) {
        to.items[i].container_name = from->items[i].container_name;
        to.items[i].condition = str_of(enum_name(&ecs_container_condition_shape, (int)from->items[i].condition));
    }
    return to;
}

static struct agent_restart_policy *restart_of(struct arena *arena, const struct ecs_container_restart_policy *from)
{
    struct agent_restart_policy *to;

    if (from == NULL)
        return NULL;
    to = arena_new(arena, struct agent_restart_policy);
    SET(to, enabled, from->enabled);
    to->ignored_exit_codes = (struct agent_integers){from->ignored_exit_codes.items, from->ignored_exit_codes.count};
    if (from->has_restart_attempt_period)
        SET(to, restart_attempt_period, from->restart_attempt_period);
    return to;
}

/* Behind those already there. */
static void add_secrets(const struct ecs_secret_list *from, struct str region, const char *target,
                        struct agent_secrets *to)
{
    for (size_t i = 0; i < from->count; i++) {
        bool is_secret = str_search(from->items[i].value_from, STR(":secretsmanager:")) < from->items[i].value_from.len;

        to->items[to->count++] = (struct agent_container_secret){.name = from->items[i].name,
                                                                 .value_from = from->items[i].value_from,
                                                                 .type = STR("ENVIRONMENT_VARIABLE"),
                                                                 .region = region,
                                                                 .provider = is_secret ? STR("asm") : STR("ssm"),
                                                                 .target = str_of(target)};
    }
}

/* Those of the environment, and those of the log driver's options. */
static struct agent_secrets secrets_of(struct arena *arena, const struct ecs_container_definition *container,
                                       struct str region)
{
    static const struct ecs_secret_list none = {NULL, 0};
    const struct ecs_log_configuration *log = container->log_configuration;
    const struct ecs_secret_list *options = log == NULL ? &none : &log->secret_options;
    struct agent_secrets to = {
        arena_array(arena, struct agent_container_secret, container->secrets.count + options->count + 1), 0};

    add_secrets(&container->secrets, region, "CONTAINER", &to);
    add_secrets(options, region, "LOG_DRIVER", &to);
    return to;
}

/* Files of an override stand in the place of the definition's. */
static struct agent_environment_files files_of(struct arena *arena, const struct ecs_container_definition *definition,
                                               const struct ecs_container_override *override)
{
    const struct ecs_environment_files *from =
        override->environment_files.items != NULL ? &override->environment_files : &definition->environment_files;
    struct agent_environment_files to = {arena_array(arena, struct agent_environment_file, from->count + 1),
                                         from->count};

    for (size_t i = 0; i < from->count; i++)
        to.items[i] = (struct agent_environment_file){.value = from->items[i].value, .type = STR("s3")};
    return to;
}

/* ---- where the agent finds us ---- */

/* "http://169.254.170.10": the address that its agent came by reaches us from there, and perhaps no other does. */
static struct str endpoint_of(const struct transaction *tx, const struct task_record *task)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);

    if (instance != NULL && instance->endpoint.ptr != NULL)
        return instance->endpoint;
    return arena_printf(tx->arena, "http://%.*s", STR_ARG(transaction_settings(tx)->endpoint));
}

/* An image of the built-in registry by that address, others as they are. */
static struct str image_of(const struct transaction *tx, const struct task_record *task, struct str image)
{
    struct str endpoint = endpoint_of(tx, task);
    struct str path;
    struct str host = str_cut(image, '/', &path);

    if (path.ptr == NULL || !str_eq(host, transaction_settings(tx)->endpoint))
        return image;
    return arena_printf(tx->arena, "%.*s/%.*s", STR_ARG(str_from(endpoint, str_search(endpoint, STR("//")) + 2)),
                        STR_ARG(path));
}

/* Whose registry the image is of, when it is one of ours or of ECR's. */
static bool registry_of_image(const struct transaction *tx, struct str image, struct registry_id *ret_id)
{
    const struct settings *settings = transaction_settings(tx);
    const struct registry_id fallback = {settings->default_account, settings->default_region};
    struct repository_ref ref;
    struct str path;
    struct str host = str_cut(image, '/', &path);

    if (path.ptr == NULL || (!str_eq(host, settings->endpoint) && !registry_id_from_host(host, ret_id)))
        return false;
    path = str_cut(str_cut(path, '@', &image), ':', &image);
    if (!repository_ref_parse(host, path, &fallback, &ref))
        return false;
    *ret_id = ref.registry;
    return true;
}

static struct agent_registry_authentication *registry_of(const struct transaction *tx, const struct task_record *task,
                                                         const struct ecs_container_definition *container)
{
    struct agent_registry_authentication *to = arena_new(tx->arena, struct agent_registry_authentication);
    struct registry_id registry;

    if (container->repository_credentials != NULL) {
        to->type = STR("asm");
        to->asm_auth_data = arena_new(tx->arena, struct agent_asm_auth_data);
        to->asm_auth_data->credentials_parameter = container->repository_credentials->credentials_parameter;
        to->asm_auth_data->region = task->region;
        return to;
    }
    if (!registry_of_image(tx, container->image, &registry))
        return NULL;
    to->type = STR("ecr");
    to->ecr_auth_data = arena_new(tx->arena, struct agent_ecr_auth_data);
    to->ecr_auth_data->registry_id = registry.account;
    to->ecr_auth_data->region = registry.region;
    to->ecr_auth_data->endpoint_override = endpoint_of(tx, task);
    SET(to->ecr_auth_data, use_execution_role, task->execution_key_id.ptr != NULL);
    return to;
}

/* ECS's own option names the stream; Docker's driver wants the stream's name, and where our logs are. */
static struct ecs_log_configuration_options_map log_options(const struct transaction *tx,
                                                            const struct task_record *task,
                                                            const struct ecs_container_definition *container)
{
    const struct ecs_log_configuration *log = container->log_configuration;
    struct ecs_log_configuration_options_map to = {NULL, 0};

    if (log == NULL)
        return to;
    to.items = arena_alloc(tx->arena, (log->options.count + 1) * sizeof(*to.items));
    for (size_t i = 0; i < log->options.count; i++) {
        to.items[to.count].key = log->options.items[i].key;
        to.items[to.count].value = log->options.items[i].value;
        if (log->log_driver == ECS_LOG_DRIVER_AWSLOGS && str_is(log->options.items[i].key, "awslogs-stream-prefix")) {
            to.items[to.count].key = STR("awslogs-stream");
            to.items[to.count].value = arena_printf(tx->arena, "%.*s/%.*s/%.*s", STR_ARG(log->options.items[i].value),
                                                    STR_ARG(container->name), STR_ARG(task->task_id));
        }
        to.count++;
    }
    if (log->log_driver == ECS_LOG_DRIVER_AWSLOGS) {
        to.items[to.count].key = STR("awslogs-endpoint");
        to.items[to.count++].value = endpoint_of(tx, task);
    }
    return to;
}

/* The network mode that the agent is told, and that Docker is told; awsvpc is the agent's own work. */
static struct str mode_of(const struct ecs_task_definition *definition)
{
    if (definition->network_mode == ECS_NETWORK_MODE_NONE)
        return STR("bridge");
    return str_of(enum_name(&ecs_network_mode_shape, (int)definition->network_mode));
}

static void set_size(const struct ecs_container_definition *definition, const struct ecs_container_override *override,
                     struct agent_container *to)
{
    SET(to, cpu, override->has_cpu ? override->cpu : definition->cpu);
    if (override->has_memory || definition->has_memory)
        SET(to, memory, override->has_memory ? override->memory : definition->memory);
}

static struct agent_managed_agent execute_command_agent = {.name = STR_INIT("ExecuteCommandAgent")};

static struct agent_container container_of(struct transaction *tx, const struct task_record *task,
                                           const struct ecs_task_definition *of, size_t number)
{
    const struct ecs_container_definition *definition = &of->container_definitions.items[number];
    const struct ecs_container_override *override = &task->task->overrides->container_overrides.items[number];
    struct ecs_container_definition shown = *definition;
    struct agent_docker_options docker = {.log_options = log_options(tx, task, definition)};
    bool is_awsvpc = of->network_mode == ECS_NETWORK_MODE_AWSVPC;
    struct agent_container to = {
        .name = definition->name,
        .image = image_of(tx, task, definition->image),
        .container_arn = task->task->containers.items[number].container_arn,
        .links = {copy_of(&definition->links), definition->links.count},
        .entry_point = {copy_of(&definition->entry_point), definition->entry_point.count},
        .mount_points = mounts_of(tx->arena, &definition->mount_points),
        .volumes_from = volumes_from_of(tx->arena, &definition->volumes_from),
        .depends_on = dependencies_of(tx->arena, &definition->depends_on),
        .restart_policy = restart_of(tx->arena, definition->restart_policy),
        .health_check_type = definition->health_check != NULL ? STR("docker") : (struct str){NULL, 0},
        .registry_authentication = registry_of(tx, task, definition),
        .secrets = secrets_of(tx->arena, definition, task->region),
        .environment_files = files_of(tx->arena, definition, override),
        .overrides = STR("{}"),
    };

    if (override->command.items != NULL)
        to.command = (struct agent_strings){copy_of(&override->command), override->command.count};
    else
        to.command = (struct agent_strings){copy_of(&definition->command), definition->command.count};
    if (override->has_memory_reservation)
        SET(&shown, memory_reservation, override->memory_reservation);
    set_environment(tx->arena, definition, override, &to.environment);
    set_size(definition, override, &to);
    SET(&to, essential, !definition->has_essential || definition->essential);
    if (definition->has_start_timeout)
        SET(&to, start_timeout, definition->start_timeout);
    if (definition->has_stop_timeout)
        SET(&to, stop_timeout, definition->stop_timeout);
    if (!is_awsvpc) {
        to.port_mappings = ports_of(tx->arena, &definition->port_mappings, of->network_mode == ECS_NETWORK_MODE_HOST);
        docker.network_mode = mode_of(of);
    }
    if (task->task->containers.items[number].managed_agents.count > 0)
        to.managed_agents = (struct agent_managed_agents){&execute_command_agent, 1};
    if (task->execution_key_id.ptr != NULL && definition->log_configuration != NULL &&
        definition->log_configuration->log_driver == ECS_LOG_DRIVER_AWSLOGS)
        to.logs_auth_strategy = STR("ExecutionRole");
    to.docker_config = agent_docker_config(tx->arena, &shown, &docker);
    return to;
}

/* ---- volumes ---- */

static void docker_volume(struct arena *arena, const struct ecs_docker_volume_configuration *from,
                          struct agent_volume *to)
{
    struct agent_docker_volume *docker = arena_new(arena, struct agent_docker_volume);

    docker->scope = from->scope == ECS_SCOPE_SHARED ? STR("shared") : STR("task");
    SET(docker, autoprovision, from->autoprovision);
    docker->driver = from->driver.ptr == NULL ? STR("local") : from->driver;
    docker->driver_opts.items = (void *)from->driver_opts.items;
    docker->driver_opts.count = from->driver_opts.count;
    docker->labels.items = (void *)from->labels.items;
    docker->labels.count = from->labels.count;
    to->type = STR("docker");
    to->docker_volume_configuration = docker;
}

static struct agent_volumes volumes_of(struct arena *arena, const struct ecs_volume_list *from)
{
    struct agent_volumes to = {arena_array(arena, struct agent_volume, from->count + 1), from->count};

    for (size_t i = 0; i < from->count; i++) {
        to.items[i].name = from->items[i].name;
        if (from->items[i].docker_volume_configuration != NULL) {
            docker_volume(arena, from->items[i].docker_volume_configuration, &to.items[i]);
            continue;
        }
        to.items[i].type = STR("host");
        to.items[i].host = arena_new(arena, struct agent_host_volume);
        to.items[i].host->source_path = from->items[i].host == NULL || from->items[i].host->source_path.ptr == NULL
                                            ? STR("")
                                            : from->items[i].host->source_path;
    }
    return to;
}

/* ---- interfaces ---- */

/* The first address of the subnet is its router's, with the length of the subnet's prefix behind it. */
static struct str gateway_of(struct transaction *tx, const struct host_network_interface *interface)
{
    struct str length;
    struct str network = str_cut(interface->subnet_cidr, '/', &length);
    size_t dot = str_find_last(network, '.');
    int64_t last = 0;

    must(dot < network.len);
    must(str_to_int64(str_from(network, dot + 1), &last));
    return arena_printf(tx->arena, "%.*s.%lld/%.*s", (int)dot, network.ptr, (long long)last + 1, STR_ARG(length));
}

struct agent_elastic_network_interfaces agent_interfaces(struct transaction *tx, const struct task_record *task)
{
    const struct network_interface_record *record =
        task->network_interface_id.ptr == NULL
            ? NULL
            : transaction_get(tx, &network_interface_table,
                              KEY(tx->arena, task->account_id, task->region, task->network_interface_id));
    struct agent_elastic_network_interface *interface;
    struct agent_ipv4_address *address;
    struct host_assignment networks = {0};
    const struct host_network_interface *made;

    if (record == NULL || task->task->attachments.count == 0)
        return (struct agent_elastic_network_interfaces){NULL, 0};
    vpc_assign_begin(tx, &networks);
    made = vpc_assign(tx, record, &networks);
    interface = arena_new(tx->arena, struct agent_elastic_network_interface);
    address = arena_new(tx->arena, struct agent_ipv4_address);
    address->private_address = made->address;
    SET(address, primary, true);
    *interface = (struct agent_elastic_network_interface){
        .ec2_id = made->network_interface_id,
        .mac_address = made->mac_address,
        .attachment_arn = arena_printf(tx->arena, "arn:aws:ecs:%.*s:%.*s:attachment/%.*s", STR_ARG(task->region),
                                       STR_ARG(task->account_id), STR_ARG(task->task->attachments.items[0].id)),
        .ipv4_addresses = {address, 1},
        .subnet_gateway_ipv4_address = gateway_of(tx, made),
        .private_dns_name = made->private_dns_name,
    };
    interface->domain_name_servers.items = arena_new(tx->arena, struct str);
    interface->domain_name_servers.items[0] = made->resolver_address;
    interface->domain_name_servers.count = made->resolver_address.ptr != NULL;
    return (struct agent_elastic_network_interfaces){interface, 1};
}

/* ---- the task ---- */

static struct agent_associations gpus_of(struct transaction *tx, const struct task_record *task,
                                         const struct ecs_task_definition *definition)
{
    struct agent_associations to = {arena_array(tx->arena, struct agent_association, task->gpu_ids.count + 1), 0};

    for (size_t i = 0; i < definition->container_definitions.count; i++) {
        const struct ecs_container_definition *container = &definition->container_definitions.items[i];
        int64_t count = task_instances_gpus(container, &task->task->overrides->container_overrides.items[i]);

        for (; count > 0 && to.count < task->gpu_ids.count; count--, to.count++)
            to.items[to.count] =
                (struct agent_association){.name = task->gpu_ids.items[to.count],
                                           .type = STR("gpu"),
                                           .containers = {(struct str *)(uintptr_t)&container->name, 1}};
    }
    return to;
}

static void assign_definition(struct transaction *tx, const struct task_record *task,
                              const struct task_definition_record *record, struct agent_task *to)
{
    const struct ecs_task_definition *definition =
        task->logs_non_blocking ? log_mode_non_blocking(record->task_definition, tx->arena) : record->task_definition;
    size_t count = definition->container_definitions.count;

    to->network_mode = mode_of(definition);
    if (definition->pid_mode != ECS_PID_MODE_NONE)
        to->pid_mode = str_of(enum_name(&ecs_pid_mode_shape, (int)definition->pid_mode));
    if (definition->ipc_mode != ECS_IPC_MODE_NONE)
        to->ipc_mode = str_of(enum_name(&ecs_ipc_mode_shape, (int)definition->ipc_mode));
    if (definition->cpu.ptr != NULL)
        SET(to, cpu, (double)task->cpu_units / 1024);
    if (definition->memory.ptr != NULL)
        SET(to, memory, task->memory_mib);
    to->containers.items = arena_array(tx->arena, struct agent_container, count + 1);
    for (size_t i = 0; i < count; i++)
        to->containers.items[to->containers.count++] = container_of(tx, task, definition, i);
    to->volumes = volumes_of(tx->arena, &definition->volumes);
    to->associations = gpus_of(tx, task, definition);
    to->elastic_network_interfaces = agent_interfaces(tx, task);
    to->role_credentials = agent_credentials(tx, task->task_key_id, task->credentials_id);
    if (to->role_credentials != NULL)
        to->role_credentials->role_arn = task_credentials_role(tx, task);
    to->execution_role_credentials = agent_credentials(tx, task->execution_key_id, task->execution_credentials_id);
}

void agent_task_assign(struct transaction *tx, const struct task_record *task, struct agent_task *ret_task)
{
    const struct task_definition_record *definition = transaction_get(
        tx, &task_definition_table, task_definition_key_of_arn(tx->arena, task->task->task_definition_arn));
    struct agent_task to = {
        .arn = task->task->task_arn,
        .task_cluster_arn = task->task->cluster_arn,
        .family = task->family,
        .desired_status = task->task->desired_status,
        .task_definition_account_id = task->account_id,
        .zone = task->task->availability_zone,
        .group = task->task->group,
        .launch_type = str_of(enum_name(&ecs_launch_type_shape, (int)task->task->launch_type)),
    };

    must(definition != NULL); /* kept as long as tasks name it */
    to.version = arena_printf(tx->arena, "%d", definition->task_definition->revision);
    if (str_starts(to.group, STR("service:")))
        to.service_name = str_from(to.group, STR("service:").len);
    to.containers.items = arena_alloc(tx->arena, 0);
    if (task_wants_to_run(task))
        assign_definition(tx, task, definition, &to);
    *ret_task = to;
}
