#include "node/task/metadata_view.h"

#include "base/must.h"
#include "model/interpret.h"
#include "node/network/address.h"

#include <unistd.h>

static json_t *text(struct str s)
{
    return json_stringn(s.ptr == NULL ? "" : s.ptr, s.len);
}

/* Adds a member that is there; one that is absent is left out, as AWS does. */
static void add_text(json_t *to, const char *key, struct str s)
{
    if (s.ptr != NULL)
        must(json_object_set_new(to, key, text(s)) == 0);
}

static void add_time(json_t *to, const char *key, int64_t when_ms)
{
    struct arena arena;

    if (when_ms == 0)
        return;
    arena_init(&arena, 4096);
    add_text(to, key, when_to_iso8601(&arena, when_ms));
    arena_free(&arena);
}

/* ---- containers ---- */

static const char *known_status(const struct task_container *container)
{
    switch (container->phase) {
    case CONTAINER_WAITING:
    case CONTAINER_PULLING:
        return "NONE";
    case CONTAINER_PULLED:
        return "PULLED";
    case CONTAINER_STARTING:
        return "CREATED";
    case CONTAINER_RUNNING:
        return "RUNNING";
    case CONTAINER_EXITED:
    case CONTAINER_DELETING:
    case CONTAINER_DELETED:
        return "STOPPED";
    }
    must_not_happen("a phase of struct task_container");
}

/* The names of Docker labels that ECS sets; those of the definition come beside them. */
static json_t *labels(const struct task *task, const struct ecs_container_definition *definition)
{
    const struct host_task_assignment *assignment = task->assignment;
    json_t *all = json_object();
    char revision[16];

    for (size_t i = 0; i < definition->docker_labels.count; i++) {
        const char *key = definition->docker_labels.items[i].key.ptr;

        must(json_object_setn_new(all, key, definition->docker_labels.items[i].key.len,
                                  text(definition->docker_labels.items[i].value)) == 0);
    }
    (void)snprintf(revision, sizeof(revision), "%d", assignment->task_definition->revision);
    add_text(all, "com.amazonaws.ecs.cluster", assignment->cluster_arn);
    add_text(all, "com.amazonaws.ecs.container-name", definition->name);
    add_text(all, "com.amazonaws.ecs.task-arn", assignment->task_arn);
    add_text(all, "com.amazonaws.ecs.task-definition-family", assignment->task_definition->family);
    add_text(all, "com.amazonaws.ecs.task-definition-version", str_of(revision));
    return all;
}

/* On an instance: the mode that Docker has for it. */
static json_t *docker_network(const struct task *task, const struct task_container *container)
{
    enum ecs_network_mode mode = task->assignment->task_definition->network_mode;
    json_t *all = json_pack("{s:s}", "NetworkMode",
                            mode == ECS_NETWORK_MODE_NONE ? "bridge" : enum_name(&ecs_network_mode_shape, (int)mode));

    if (container->address.ptr != NULL)
        must(json_object_set_new(all, "IPv4Addresses", json_pack("[o]", text(container->address))) == 0);
    return all;
}

static json_t *interface_network(const struct task *task)
{
    const struct host_network_interface *interface = task->assignment->network_interface;
    json_t *all = json_pack("{s:s,s:[o],s:i,s:o}", "NetworkMode", "awsvpc", "IPv4Addresses", text(interface->address),
                            "AttachmentIndex", 0, "MACAddress", text(interface->mac_address));
    struct str domain;
    struct cidr cidr;

    must(all != NULL);
    add_text(all, "IPv4SubnetCIDRBlock", interface->subnet_cidr);
    if (interface->resolver_address.ptr != NULL)
        must(json_object_set_new(all, "DomainNameServers", json_pack("[o]", text(interface->resolver_address))) == 0);
    (void)str_cut(interface->private_dns_name, '.', &domain);
    if (domain.len > 0)
        must(json_object_set_new(all, "DomainNameSearchList", json_pack("[o]", text(domain))) == 0);
    add_text(all, "PrivateDNSName", interface->private_dns_name);
    if (cidr_parse(interface->subnet_cidr, &cidr))
        must(json_object_set_new(all, "SubnetGatewayIpv4Address",
                                 json_sprintf("%s/%u", address_text(cidr.address + 1).text, (unsigned)cidr.bits)) == 0);
    return all;
}

static void add_network(json_t *to, const struct task *task, const struct task_container *container)
{
    const struct ecs_network_bindings *bindings = &container->network_bindings;
    json_t *ports = json_array();

    must(json_object_set_new(to, "Networks",
                             json_pack("[o]", task->assignment->network_interface != NULL
                                                  ? interface_network(task)
                                                  : docker_network(task, container))) == 0);
    for (size_t i = 0; i < bindings->count; i++)
        must(json_array_append_new(
                 ports,
                 json_pack("{s:i,s:s,s:i,s:o}", "ContainerPort", (int)bindings->items[i].container_port, "Protocol",
                           enum_name(&ecs_transport_protocol_shape, (int)bindings->items[i].protocol), "HostPort",
                           (int)bindings->items[i].host_port, "HostIp", text(bindings->items[i].bind_ip))) == 0);
    if (json_array_size(ports) > 0)
        must(json_object_set(to, "Ports", ports) == 0);
    json_decref(ports);
}

static void add_log(json_t *to, const struct ecs_log_configuration *log)
{
    json_t *options = json_object();

    for (size_t i = 0; log != NULL && i < log->options.count; i++)
        must(json_object_setn_new(options, log->options.items[i].key.ptr, log->options.items[i].key.len,
                                  text(log->options.items[i].value)) == 0);
    must(json_object_set_new(to, "LogOptions", options) == 0);
    must(json_object_set_new(
             to, "LogDriver",
             json_string(log == NULL ? "json-file" : enum_name(&ecs_log_driver_shape, (int)log->log_driver))) == 0);
}

static void add_health(json_t *to, const struct task_container *container)
{
    if (container->definition->health_check != NULL)
        must(json_object_set_new(to, "Health",
                                 json_pack("{s:s}", "status",
                                           enum_name(&ecs_health_status_shape, (int)container->memory.health))) == 0);
}

/* "The RestartCount metadata is included only if a restart policy is enabled" (developer guide, "Task metadata
 * available for tasks on Fargate"). */
static void add_restarts(json_t *to, const struct task_container *container)
{
    const struct ecs_container_restart_policy *policy = container->definition->restart_policy;

    if (policy != NULL && policy->enabled)
        must(json_object_set_new(to, "RestartCount", json_integer(container->memory.restart_count)) == 0);
}

json_t *metadata_container(const struct task *task, size_t i, const struct image *image)
{
    const struct task_container *container = &task->containers[i];
    const struct ecs_container_definition *definition = container->definition;
    json_t *all = json_object();

    add_text(all, "DockerId", container->runtime_id);
    add_text(all, "Name", definition->name);
    add_text(all, "DockerName", definition->name);
    add_text(all, "Image", definition->image);
    if (image != NULL)
        add_text(all, "ImageID", image->config_digest);
    must(json_object_set_new(all, "Labels", labels(task, definition)) == 0);
    must(json_object_set_new(all, "DesiredStatus", json_string(task->wanted ? "RUNNING" : "STOPPED")) == 0);
    must(json_object_set_new(all, "KnownStatus", json_string(known_status(container))) == 0);
    if (container->has_exit_code)
        must(json_object_set_new(all, "ExitCode", json_integer(container->exit_code)) == 0);
    add_restarts(all, container);
    must(json_object_set_new(all, "Limits",
                             json_pack("{s:i,s:i}", "CPU", definition->has_cpu ? definition->cpu : 0, "Memory",
                                       definition->has_memory ? definition->memory : task->assignment->memory_mib)) ==
         0);
    add_time(all, "CreatedAt", container->started.wall_ms);
    add_time(all, "StartedAt", container->started.wall_ms);
    add_time(all, "FinishedAt", container->exited.wall_ms);
    add_health(all, container);
    must(json_object_set_new(all, "Type", json_string("NORMAL")) == 0);
    add_network(all, task, container);
    if (i < task->assignment->container_arns.count)
        add_text(all, "ContainerARN", task->assignment->container_arns.items[i]);
    add_log(all, definition->log_configuration);
    must(json_object_set_new(all, "Snapshotter", json_string("overlayfs")) == 0);
    return all;
}

/* ---- the task ---- */

json_t *metadata_task(const struct task *task, struct image *const *images)
{
    static const char *const known[] = {
        [TASK_PREPARING] = "PENDING", [TASK_ACTIVATING] = "ACTIVATING", [TASK_RUNNING] = "RUNNING",
        [TASK_STOPPING] = "STOPPING", [TASK_CLEANING] = "STOPPED",      [TASK_GONE] = "STOPPED",
    };
    const struct host_task_assignment *assignment = task->assignment;
    json_t *containers = json_array();
    json_t *all = json_object();

    add_text(all, "Cluster", assignment->cluster_arn);
    add_text(all, "TaskARN", assignment->task_arn);
    add_text(all, "Family", assignment->task_definition->family);
    must(json_object_set_new(all, "Revision", json_sprintf("%d", assignment->task_definition->revision)) == 0);
    add_text(all, "ServiceName", assignment->service_name);
    must(json_object_set_new(all, "DesiredStatus", json_string(task->wanted ? "RUNNING" : "STOPPED")) == 0);
    must(json_object_set_new(all, "KnownStatus", json_string(known[task->phase])) == 0);
    if (assignment->cpu_units > 0 || assignment->memory_mib > 0)
        must(json_object_set_new(all, "Limits",
                                 json_pack("{s:f,s:i}", "CPU", (double)assignment->cpu_units / 1024, "Memory",
                                           assignment->memory_mib)) == 0);
    add_time(all, "PullStartedAt", task->pull_started_ms);
    add_time(all, "PullStoppedAt", task->pull_stopped_ms);
    add_time(all, "ExecutionStoppedAt", task->execution_stopped_ms);
    add_text(all, "AvailabilityZone", assignment->availability_zone);
    add_text(all, "LaunchType", assignment->launch_type);
    for (size_t i = 0; i < task->container_count; i++)
        must(json_array_append_new(containers, metadata_container(task, i, images[i])) == 0);
    must(json_object_set_new(all, "Containers", containers) == 0);
    return all;
}

/* ---- statistics, in the shape of Docker's API (ContainerStats) ---- */

static json_t *cpu(const struct metadata_sample *sample)
{
    const struct cgroup_stats *stats = &sample->stats;

    if (sample->when_ms == 0)
        return json_object();
    return json_pack("{s:{s:I,s:I,s:I},s:I,s:I,s:{s:I,s:I,s:I}}", "cpu_usage", "total_usage", (json_int_t)stats->cpu_ns,
                     "usage_in_kernelmode", (json_int_t)stats->cpu_system_ns, "usage_in_usermode",
                     (json_int_t)stats->cpu_user_ns, "system_cpu_usage", (json_int_t)sample->machine_cpu_ns,
                     "online_cpus", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "throttling_data", "periods",
                     (json_int_t)stats->cpu_periods, "throttled_periods", (json_int_t)stats->cpu_throttled_periods,
                     "throttled_time", (json_int_t)stats->cpu_throttled_ns);
}

static json_t *memory(const struct cgroup_stats *stats)
{
    json_t *all = json_pack("{s:I,s:I,s:{s:I,s:I,s:I}}", "usage", (json_int_t)stats->memory_bytes, "max_usage",
                            (json_int_t)stats->memory_max_bytes, "stats", "cache",
                            (json_int_t)stats->memory_cache_bytes, "rss", (json_int_t)stats->memory_rss_bytes,
                            "total_inactive_file", (json_int_t)stats->memory_inactive_file_bytes);

    must(all != NULL);
    if (stats->memory_limit_bytes <= INT64_MAX)
        must(json_object_set_new(all, "limit", json_integer((json_int_t)stats->memory_limit_bytes)) == 0);
    return all;
}

static json_t *block_io(const struct cgroup_stats *stats)
{
    return json_pack("{s:[{s:s,s:I},{s:s,s:I}]}", "io_service_bytes_recursive", "op", "Read", "value",
                     (json_int_t)stats->io_read_bytes, "op", "Write", "value", (json_int_t)stats->io_write_bytes);
}

json_t *metadata_stats(struct str name, struct str id, const struct metadata_sample *now,
                       const struct metadata_sample *before)
{
    json_t *all = json_object();

    add_time(all, "read", now->when_ms);
    add_time(all, "preread", before->when_ms);
    add_text(all, "name", name);
    add_text(all, "id", id);
    must(json_object_set_new(all, "pids_stats", json_pack("{s:I}", "current", (json_int_t)now->stats.pids)) == 0);
    must(json_object_set_new(all, "cpu_stats", cpu(now)) == 0);
    must(json_object_set_new(all, "precpu_stats", cpu(before)) == 0);
    must(json_object_set_new(all, "memory_stats", memory(&now->stats)) == 0);
    must(json_object_set_new(all, "blkio_stats", block_io(&now->stats)) == 0);
    return all;
}

json_t *metadata_credentials(const struct host_credentials *credentials)
{
    json_t *all = json_object();

    add_text(all, "RoleArn", credentials->role_arn);
    add_text(all, "AccessKeyId", credentials->access_key_id);
    add_text(all, "SecretAccessKey", credentials->secret_access_key);
    add_text(all, "Token", credentials->session_token);
    add_time(all, "Expiration", credentials->expiration / SECOND_MS * SECOND_MS);
    return all;
}
