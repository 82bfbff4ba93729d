#include "node/agent/agent_docker_config.h"

#include "base/must.h"
#include "model/interpret.h"

#include <jansson.h>

#define MEBIBYTE   INT64_C(1048576)
#define NANOSECOND INT64_C(1000000000)

struct reader {
    struct arena *arena;
    struct ecs_container_definition *to;
    struct fail *f;
};

/* ---- JSON ---- */

static struct str copy(const struct reader *r, const json_t *value)
{
    return json_is_string(value)
               ? arena_str(r->arena, (struct str){json_string_value(value), json_string_length(value)})
               : (struct str){NULL, 0};
}

/* Absent where the text is empty: Docker's "not given". */
static struct str text(const struct reader *r, const json_t *object, const char *name)
{
    struct str value = copy(r, json_object_get(object, name));

    return value.len == 0 ? (struct str){NULL, 0} : value;
}

static struct ecs_string_list texts(const struct reader *r, const json_t *object, const char *name)
{
    const json_t *list = json_object_get(object, name);
    struct ecs_string_list to = {NULL, 0};
    const json_t *item;
    size_t i;

    if (json_array_size(list) == 0)
        return to;
    to.items = arena_array(r->arena, struct str, json_array_size(list));
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item))
            to.items[to.count++] = copy(r, item);
    }
    return to;
}

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool flag(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

/* ---- Config ---- */

static int32_t seconds(const json_t *check, const char *name)
{
    return (int32_t)(number(check, name) / NANOSECOND);
}

static bool read_health_check(const struct reader *r, const json_t *config)
{
    const json_t *from = json_object_get(config, "Healthcheck");
    struct ecs_health_check *to;

    if (!json_is_object(from))
        return true;
    to = arena_new(r->arena, struct ecs_health_check);
    to->command = texts(r, from, "Test");
    if (to->command.count < 2)
        return fail(r->f, FAIL_INPUT, "Healthcheck has no Test");
    if (number(from, "Interval") > 0)
        SET(to, interval, seconds(from, "Interval"));
    if (number(from, "Timeout") > 0)
        SET(to, timeout, seconds(from, "Timeout"));
    if (number(from, "Retries") > 0)
        SET(to, retries, (int32_t)number(from, "Retries"));
    if (number(from, "StartPeriod") > 0)
        SET(to, start_period, seconds(from, "StartPeriod"));
    r->to->health_check = to;
    return true;
}

static void read_labels(const struct reader *r, json_t *config)
{
    json_t *labels = json_object_get(config, "Labels");
    struct ecs_docker_labels_map to = {NULL, 0};
    const char *key;
    json_t *value;

    if (json_object_size(labels) == 0)
        return;
    to.items = arena_array(r->arena, struct ecs_docker_labels_map_entry, json_object_size(labels));
    json_object_foreach(labels, key, value)
    {
        to.items[to.count++] = (struct ecs_docker_labels_map_entry){arena_str(r->arena, str_of(key)), copy(r, value)};
    }
    r->to->docker_labels = to;
}

static bool read_config(const struct reader *r, json_t *config)
{
    r->to->user = text(r, config, "User");
    r->to->working_directory = text(r, config, "WorkingDir");
    r->to->hostname = text(r, config, "Hostname");
    SET(r->to, pseudo_terminal, flag(config, "Tty"));
    SET(r->to, interactive, flag(config, "OpenStdin"));
    read_labels(r, config);
    return read_health_check(r, config);
}

/* ---- HostConfig ---- */

/* Options that say where Docker finds the service and its credentials: here they are the engine's business. */
static bool is_of_docker(struct str option)
{
    return str_is(option, "awslogs-endpoint") || str_is(option, "awslogs-credentials-endpoint");
}

static bool read_log(const struct reader *r, const json_t *host)
{
    const json_t *from = json_object_get(host, "LogConfig");
    json_t *options = json_object_get(from, "Config");
    struct str driver = text(r, from, "Type");
    struct ecs_log_configuration *to;
    const char *key;
    json_t *value;

    if (driver.ptr == NULL)
        return true;
    to = arena_new(r->arena, struct ecs_log_configuration);
    to->log_driver = (enum ecs_log_driver)enum_value(&ecs_log_driver_shape, driver);
    if (to->log_driver == ECS_LOG_DRIVER_NONE)
        return fail(r->f, FAIL_INPUT, "Berth does not support log driver '%.*s'", STR_ARG(driver));
    to->options.items = arena_alloc(r->arena, (json_object_size(options) + 1) * sizeof(*to->options.items));
    json_object_foreach(options, key, value)
    {
        if (is_of_docker(str_of(key)))
            continue;
        to->options.items[to->options.count].key = arena_str(r->arena, str_of(key));
        to->options.items[to->options.count++].value = copy(r, value);
    }
    r->to->log_configuration = to;
    return true;
}

static bool read_ulimits(const struct reader *r, const json_t *host)
{
    const json_t *list = json_object_get(host, "Ulimits");
    struct ecs_ulimit_list to = {arena_array(r->arena, struct ecs_ulimit, json_array_size(list) + 1), 0};
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        struct str name = text(r, item, "Name");
        struct ecs_ulimit *limit = &to.items[to.count++];

        limit->name = (enum ecs_ulimit_name)enum_value(&ecs_ulimit_name_shape, name);
        if (limit->name == ECS_ULIMIT_NAME_NONE)
            return fail(r->f, FAIL_INPUT, "there is no ulimit '%.*s'", STR_ARG(name));
        SET(limit, soft_limit, (int32_t)number(item, "Soft"));
        SET(limit, hard_limit, (int32_t)number(item, "Hard"));
    }
    r->to->ulimits = to;
    return true;
}

/* "rwm" */
static struct ecs_device_cgroup_permissions permissions(const struct reader *r, struct str letters)
{
    static const struct {
        char letter;
        enum ecs_device_cgroup_permission permission;
    } rows[] = {{'r', ECS_DEVICE_CGROUP_PERMISSION_READ},
                {'w', ECS_DEVICE_CGROUP_PERMISSION_WRITE},
                {'m', ECS_DEVICE_CGROUP_PERMISSION_MKNOD}};
    struct ecs_device_cgroup_permissions to = {arena_array(r->arena, enum ecs_device_cgroup_permission, COUNT_OF(rows)),
                                               0};

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_find(letters, rows[i].letter) < letters.len)
            to.items[to.count++] = rows[i].permission;
    return to;
}

static struct ecs_devices_list devices(const struct reader *r, const json_t *host)
{
    const json_t *list = json_object_get(host, "Devices");
    struct ecs_devices_list to = {arena_array(r->arena, struct ecs_device, json_array_size(list) + 1), 0};
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        to.items[to.count++] = (struct ecs_device){.host_path = text(r, item, "PathOnHost"),
                                                   .container_path = text(r, item, "PathInContainer"),
                                                   .permissions = permissions(r, text(r, item, "CgroupPermissions"))};
    }
    return to;
}

/* "size=64m,rw,noexec" */
static bool read_tmpfs_options(const struct reader *r, struct str options, struct ecs_tmpfs *to)
{
    struct ecs_string_list list = {arena_array(r->arena, struct str, options.len / 2 + 1), 0};
    struct str rest = options;
    int64_t size;

    while (rest.ptr != NULL && rest.len > 0) {
        struct str option = str_cut(rest, ',', &rest);

        if (!str_starts(option, STR("size="))) {
            if (option.len > 0)
                list.items[list.count++] = option;
            continue;
        }
        option = str_from(option, strlen("size="));
        if (!str_ends(option, STR("m")) || !str_to_int64(str_to(option, option.len - 1), &size) || size < 1 ||
            size > INT32_MAX)
            return fail(r->f, FAIL_INPUT, "the tmpfs at %.*s has no size in MiB", STR_ARG(to->container_path));
        SET(to, size, (int32_t)size);
    }
    to->mount_options = list;
    return to->has_size || fail(r->f, FAIL_INPUT, "the tmpfs at %.*s has no size", STR_ARG(to->container_path));
}

static bool read_tmpfs(const struct reader *r, const json_t *host, struct ecs_linux_parameters *parameters)
{
    json_t *map = json_object_get(host, "Tmpfs");
    struct ecs_tmpfs_list to = {arena_array(r->arena, struct ecs_tmpfs, json_object_size(map) + 1), 0};
    const char *key;
    json_t *value;

    json_object_foreach(map, key, value)
    {
        struct ecs_tmpfs *tmpfs = &to.items[to.count++];

        tmpfs->container_path = arena_str(r->arena, str_of(key));
        if (!read_tmpfs_options(r, copy(r, value), tmpfs))
            return false;
    }
    parameters->tmpfs = to;
    return true;
}

static bool read_linux_parameters(const struct reader *r, const json_t *host)
{
    struct ecs_linux_parameters *to = arena_new(r->arena, struct ecs_linux_parameters);

    to->capabilities = arena_new(r->arena, struct ecs_kernel_capabilities);
    to->capabilities->add = texts(r, host, "CapAdd");
    to->capabilities->drop = texts(r, host, "CapDrop");
    to->devices = devices(r, host);
    SET(to, init_process_enabled, flag(host, "Init"));
    if (number(host, "ShmSize") > 0)
        SET(to, shared_memory_size, (int32_t)(number(host, "ShmSize") / MEBIBYTE));
    r->to->linux_parameters = to;
    return read_tmpfs(r, host, to);
}

static void read_sysctls(const struct reader *r, const json_t *host)
{
    json_t *map = json_object_get(host, "Sysctls");
    struct ecs_system_controls to = {arena_array(r->arena, struct ecs_system_control, json_object_size(map) + 1), 0};
    const char *key;
    json_t *value;

    json_object_foreach(map, key, value)
    {
        to.items[to.count++] =
            (struct ecs_system_control){.namespace = arena_str(r->arena, str_of(key)), .value = copy(r, value)};
    }
    r->to->system_controls = to;
}

/* "name:10.0.0.1" */
static void read_extra_hosts(const struct reader *r, const json_t *host)
{
    struct ecs_string_list lines = texts(r, host, "ExtraHosts");
    struct ecs_host_entry_list to = {arena_array(r->arena, struct ecs_host_entry, lines.count + 1), lines.count};

    for (size_t i = 0; i < lines.count; i++)
        to.items[i].hostname = str_cut(lines.items[i], ':', &to.items[i].ip_address);
    r->to->extra_hosts = to;
}

static bool read_host_config(const struct reader *r, json_t *host)
{
    SET(r->to, privileged, flag(host, "Privileged"));
    SET(r->to, readonly_root_filesystem, flag(host, "ReadonlyRootfs"));
    if (number(host, "MemoryReservation") > 0)
        SET(r->to, memory_reservation, (int32_t)(number(host, "MemoryReservation") / MEBIBYTE));
    r->to->dns_servers = texts(r, host, "Dns");
    r->to->dns_search_domains = texts(r, host, "DnsSearch");
    r->to->docker_security_options = texts(r, host, "SecurityOpt");
    read_sysctls(r, host);
    read_extra_hosts(r, host);
    return read_log(r, host) && read_ulimits(r, host) && read_linux_parameters(r, host);
}

/* ---- both ---- */

/* The caller decrefs; NULL where the text is no object. */
static json_t *object(struct str text)
{
    json_error_t ignored;

    return text.len == 0 ? json_object() : json_loadb(text.ptr, text.len, 0, &ignored);
}

bool agent_docker_config_read(const struct agent_docker_config *docker, struct arena *arena,
                              struct ecs_container_definition *definition, struct fail *f)
{
    const struct reader r = {.arena = arena, .to = definition, .f = f};
    json_t *config = object(docker->config);
    json_t *host = object(docker->host_config);
    bool good = json_is_object(config) && json_is_object(host);

    if (!good)
        (void)fail(f, FAIL_INPUT, "dockerConfig is not JSON");
    good = good && read_config(&r, config) && read_host_config(&r, host);
    json_decref(config);
    json_decref(host);
    return good || fail_in(f, "container %.*s", STR_ARG(definition->name));
}

struct str agent_docker_config_mode(const struct agent_docker_config *docker, struct arena *arena)
{
    const struct reader r = {.arena = arena};
    json_t *host = object(docker->host_config);
    struct str mode = text(&r, host, "NetworkMode");

    json_decref(host);
    return mode;
}
