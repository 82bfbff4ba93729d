#include "plane/ecs/agent_docker.h"

#include "base/buf.h"
#include "base/must.h"
#include "model/interpret.h"

#define MIB        INT64_C(1048576)
#define NANOSECOND INT64_C(1000000000)

/* The defaults of a health check (API reference, "HealthCheck"). */
enum { HEALTH_INTERVAL_S = 30, HEALTH_TIMEOUT_S = 5, HEALTH_RETRIES = 3 };

/* ---- JSON ---- */

static void text(struct buf *out, struct str value)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if (c == '"' || c == '\\')
            buf_add_char(out, '\\');
        if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

/* Before an element: nothing behind the opening bracket. */
static void next(struct buf *out)
{
    int last = out->len == 0 ? '{' : out->ptr[out->len - 1];

    if (last != '{' && last != '[' && last != ':')
        buf_add_char(out, ',');
}

static void name(struct buf *out, const char *member)
{
    next(out);
    buf_printf(out, "\"%s\":", member);
}

static void text_member(struct buf *out, const char *member, struct str value)
{
    if (value.ptr == NULL)
        return;
    name(out, member);
    text(out, value);
}

static void number_member(struct buf *out, const char *member, bool is_there, int64_t value)
{
    if (!is_there)
        return;
    name(out, member);
    buf_printf(out, "%lld", (long long)value);
}

static void flag_member(struct buf *out, const char *member, bool is_there, bool value)
{
    if (!is_there)
        return;
    name(out, member);
    buf_add_cstr(out, value ? "true" : "false");
}

static void list_member(struct buf *out, const char *member, const struct ecs_string_list *list)
{
    if (list->count == 0)
        return;
    name(out, member);
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        next(out);
        text(out, list->items[i]);
    }
    buf_add_char(out, ']');
}

static void pair(struct buf *out, struct str key, struct str value)
{
    next(out);
    text(out, key);
    buf_add_char(out, ':');
    text(out, value);
}

static struct str taken(struct arena *arena, struct buf *out)
{
    struct str whole;

    buf_add_char(out, '}');
    must(!out->overflowed);
    whole = arena_str(arena, buf_str(out));
    buf_free(out);
    return whole;
}

/* ---- Config ---- */

static void health_check(struct buf *out, const struct ecs_health_check *check)
{
    if (check == NULL)
        return;
    name(out, "Healthcheck");
    buf_add_char(out, '{');
    list_member(out, "Test", &check->command);
    number_member(out, "Interval", true, (check->has_interval ? check->interval : HEALTH_INTERVAL_S) * NANOSECOND);
    number_member(out, "Timeout", true, (check->has_timeout ? check->timeout : HEALTH_TIMEOUT_S) * NANOSECOND);
    number_member(out, "Retries", true, check->has_retries ? check->retries : HEALTH_RETRIES);
    number_member(out, "StartPeriod", check->has_start_period, check->start_period * NANOSECOND);
    buf_add_char(out, '}');
}

static void labels(struct buf *out, const struct ecs_docker_labels_map *map)
{
    if (map->count == 0)
        return;
    name(out, "Labels");
    buf_add_char(out, '{');
    for (size_t i = 0; i < map->count; i++)
        pair(out, map->items[i].key, map->items[i].value);
    buf_add_char(out, '}');
}

static struct str config(struct arena *arena, const struct ecs_container_definition *container)
{
    struct buf out = {.ptr = NULL};

    buf_add_char(&out, '{');
    text_member(&out, "User", container->user);
    text_member(&out, "WorkingDir", container->working_directory);
    text_member(&out, "Hostname", container->hostname);
    flag_member(&out, "Tty", container->has_pseudo_terminal, container->pseudo_terminal);
    flag_member(&out, "OpenStdin", container->has_interactive, container->interactive);
    labels(&out, &container->docker_labels);
    health_check(&out, container->health_check);
    return taken(arena, &out);
}

/* ---- HostConfig ---- */

static void log_config(struct buf *out, const struct ecs_log_configuration *log,
                       const struct ecs_log_configuration_options_map *options)
{
    if (log == NULL)
        return;
    name(out, "LogConfig");
    buf_add_char(out, '{');
    text_member(out, "Type", str_of(enum_name(&ecs_log_driver_shape, (int)log->log_driver)));
    name(out, "Config");
    buf_add_char(out, '{');
    for (size_t i = 0; i < options->count; i++)
        pair(out, options->items[i].key, options->items[i].value);
    buf_add_cstr(out, "}}");
}

static void ulimits(struct buf *out, const struct ecs_ulimit_list *list)
{
    if (list->count == 0)
        return;
    name(out, "Ulimits");
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        next(out);
        buf_add_char(out, '{');
        text_member(out, "Name", str_of(enum_name(&ecs_ulimit_name_shape, (int)list->items[i].name)));
        number_member(out, "Soft", true, list->items[i].soft_limit);
        number_member(out, "Hard", true, list->items[i].hard_limit);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void device_permissions(struct buf *out, const struct ecs_device_cgroup_permissions *permissions)
{
    name(out, "CgroupPermissions");
    buf_add_char(out, '"');
    for (size_t i = 0; i < permissions->count; i++) /* read, write, mknod */
        buf_add_char(out, enum_name(&ecs_device_cgroup_permission_shape, (int)permissions->items[i])[0]);
    if (permissions->count == 0)
        buf_add_cstr(out, "rwm");
    buf_add_char(out, '"');
}

static void devices(struct buf *out, const struct ecs_devices_list *list)
{
    if (list->count == 0)
        return;
    name(out, "Devices");
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct ecs_device *device = &list->items[i];

        next(out);
        buf_add_char(out, '{');
        text_member(out, "PathOnHost", device->host_path);
        text_member(out, "PathInContainer",
                    device->container_path.ptr != NULL ? device->container_path : device->host_path);
        device_permissions(out, &device->permissions);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void tmpfs(struct buf *out, const struct ecs_tmpfs_list *list)
{
    if (list->count == 0)
        return;
    name(out, "Tmpfs");
    buf_add_char(out, '{');
    for (size_t i = 0; i < list->count; i++) {
        next(out);
        text(out, list->items[i].container_path);
        buf_printf(out, ":\"size=%dm", list->items[i].size);
        for (size_t k = 0; k < list->items[i].mount_options.count; k++)
            buf_printf(out, ",%.*s", STR_ARG(list->items[i].mount_options.items[k]));
        buf_add_char(out, '"');
    }
    buf_add_char(out, '}');
}

/* Docker counts memory and swap together. */
static void linux_parameters(struct buf *out, const struct ecs_container_definition *container)
{
    const struct ecs_linux_parameters *parameters = container->linux_parameters;

    if (parameters == NULL)
        return;
    if (parameters->capabilities != NULL) {
        list_member(out, "CapAdd", &parameters->capabilities->add);
        list_member(out, "CapDrop", &parameters->capabilities->drop);
    }
    devices(out, &parameters->devices);
    flag_member(out, "Init", parameters->has_init_process_enabled, parameters->init_process_enabled);
    number_member(out, "ShmSize", parameters->has_shared_memory_size, parameters->shared_memory_size * MIB);
    tmpfs(out, &parameters->tmpfs);
    number_member(out, "MemorySwap", parameters->has_max_swap && container->has_memory,
                  ((int64_t)container->memory + parameters->max_swap) * MIB);
    number_member(out, "MemorySwappiness", parameters->has_swappiness, parameters->swappiness);
}

static void sysctls(struct buf *out, const struct ecs_system_controls *controls)
{
    if (controls->count == 0)
        return;
    name(out, "Sysctls");
    buf_add_char(out, '{');
    for (size_t i = 0; i < controls->count; i++)
        pair(out, controls->items[i].namespace, controls->items[i].value);
    buf_add_char(out, '}');
}

static void extra_hosts(struct buf *out, const struct ecs_host_entry_list *hosts, struct arena *arena)
{
    struct ecs_string_list texts = {arena_array(arena, struct str, hosts->count + 1), hosts->count};

    for (size_t i = 0; i < hosts->count; i++)
        texts.items[i] =
            arena_printf(arena, "%.*s:%.*s", STR_ARG(hosts->items[i].hostname), STR_ARG(hosts->items[i].ip_address));
    list_member(out, "ExtraHosts", &texts);
}

static struct str host_config(struct arena *arena, const struct ecs_container_definition *container,
                              const struct agent_docker_options *options)
{
    struct buf out = {.ptr = NULL};

    buf_add_char(&out, '{');
    text_member(&out, "NetworkMode", options->network_mode);
    log_config(&out, container->log_configuration, &options->log_options);
    flag_member(&out, "Privileged", container->has_privileged, container->privileged);
    flag_member(&out, "ReadonlyRootfs", container->has_readonly_root_filesystem, container->readonly_root_filesystem);
    number_member(&out, "MemoryReservation", container->has_memory_reservation, container->memory_reservation * MIB);
    ulimits(&out, &container->ulimits);
    linux_parameters(&out, container);
    sysctls(&out, &container->system_controls);
    list_member(&out, "Dns", &container->dns_servers);
    list_member(&out, "DnsSearch", &container->dns_search_domains);
    list_member(&out, "SecurityOpt", &container->docker_security_options);
    extra_hosts(&out, &container->extra_hosts, arena);
    return taken(arena, &out);
}

/* The agent takes the oldest API version that can do what is asked. */
static const char *version_for(const struct ecs_container_definition *container)
{
    const struct ecs_linux_parameters *parameters = container->linux_parameters;

    if (parameters != NULL && parameters->init_process_enabled)
        return "1.25";
    if (container->health_check != NULL)
        return "1.24";
    return parameters != NULL ? "1.22" : container->has_memory_reservation ? "1.21" : "1.19";
}

struct agent_docker_config *agent_docker_config(struct arena *arena, const struct ecs_container_definition *container,
                                                const struct agent_docker_options *options)
{
    struct agent_docker_config *docker = arena_new(arena, struct agent_docker_config);

    docker->version = str_of(version_for(container));
    docker->config = config(arena, container);
    docker->host_config = host_config(arena, container, options);
    return docker;
}
