#include "node/task/launch.h"

#include "base/must.h"
#include "model/interpret.h"
#include "node/task/env_file.h"
#include "node/task/metadata_answer.h"
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Fargate's (ECS developer guide, "Task definition parameters for Fargate", resource limits: nofile 65535 is its
 * default hard limit); lowered to what this machine permits. */
enum { NOFILE_DEFAULT = 65535, SHARES_MIN = 2, PIDS_MAX = 4096, DOCKER_NAME_CHARACTERS = 12 };

#define MEBIBYTE (UINT64_C(1) << 20)

/* ---- files of the task ---- */

static bool make_dir(const char *path, mode_t mode, struct fail *f)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "make %s: %s", path, strerror(errno));
    return true;
}

/* Gives what the machine's root owns to the containers' root; what a container has given to another user stays. */
static bool hand_over(const char *path, const struct container_id_map *users, struct fail *f)
{
    struct stat st;

    if (users->count == 0)
        return true;
    if (lstat(path, &st) != 0 || (st.st_uid == 0 && lchown(path, users->host_first, users->host_first) != 0))
        return fail(f, FAIL_SYSTEM, "give %s to the container's root: %s", path, strerror(errno));
    return true;
}

static bool write_file(const char *path, struct str text, const struct container_id_map *users, struct fail *f)
{
    auto_fd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len)
        return fail(f, FAIL_SYSTEM, "write %s: %s", path, strerror(errno));
    return hand_over(path, users, f);
}

const char *launch_container_dir(const struct launch_site *site, size_t i, struct arena *arena)
{
    return arena_printf(arena, "%s/%zu", site->storage_dir, i).ptr;
}

struct builder {
    const struct launch_site *site;
    const struct task *task;
    const struct ecs_container_definition *definition;
    struct str runtime_id;
    const char *dir; /* the container's */
    struct arena *arena;
    struct container_spec *spec;
    struct container_mount *mounts;
    struct fail *f;
};

static bool add_mount(struct builder *b, struct container_mount mount)
{
    if (b->spec->mount_count == CONTAINER_MOUNTS_MAX)
        return fail(b->f, FAIL_LIMIT, "a container has at most %d mounts", CONTAINER_MOUNTS_MAX);
    b->mounts[b->spec->mount_count++] = mount;
    return true;
}

static bool add_file(struct builder *b, const char *name, const char *target, struct str text)
{
    const char *path = arena_printf(b->arena, "%s/%s", b->dir, name).ptr;

    return write_file(path, text, &b->site->users, b->f) &&
           add_mount(b, (struct container_mount){.kind = CONTAINER_MOUNT_BIND, .source = path, .target = target});
}

/* Docker's is the beginning of the container's id. */
static struct str host_name(const struct builder *b)
{
    const struct task_place *place = b->site->place;

    if (b->definition->hostname.ptr != NULL)
        return b->definition->hostname;
    return place->host_name.ptr != NULL ? place->host_name : str_to(b->runtime_id, DOCKER_NAME_CHARACTERS);
}

static void add_machine_file(struct buf *text, const char *path)
{
    struct fail ignored;

    (void)!file_read(path, text, &ignored); /* a machine without one has no names */
}

static void write_hosts(const struct builder *b, struct buf *hosts)
{
    const struct task_place *place = b->site->place;

    if (place->address.ptr == NULL)
        add_machine_file(hosts, "/etc/hosts");
    else
        buf_printf(hosts, "127.0.0.1\tlocalhost\n%.*s\t%.*s\n", STR_ARG(place->address), STR_ARG(host_name(b)));
    buf_add(hosts, place->hosts);
    for (size_t i = 0; i < b->definition->extra_hosts.count; i++)
        buf_printf(hosts, "%.*s\t%.*s\n", STR_ARG(b->definition->extra_hosts.items[i].ip_address),
                   STR_ARG(b->definition->extra_hosts.items[i].hostname));
}

static void write_resolv(const struct builder *b, struct buf *resolv)
{
    const struct task_place *place = b->site->place;
    const struct ecs_string_list *search = &b->definition->dns_search_domains;
    const struct ecs_string_list *servers = &b->definition->dns_servers;

    if (servers->count == 0 && place->resolver.ptr == NULL && !b->site->is_fargate) {
        add_machine_file(resolv, "/etc/resolv.conf");
        return;
    }
    if (search->count == 0 && place->domain.len > 0)
        buf_printf(resolv, "search %.*s\n", STR_ARG(place->domain));
    for (size_t i = 0; i < search->count; i++)
        buf_printf(resolv, "%s %.*s%s", i == 0 ? "search" : "", STR_ARG(search->items[i]),
                   i + 1 == search->count ? "\n" : "");
    for (size_t i = 0; i < servers->count; i++)
        buf_printf(resolv, "nameserver %.*s\n", STR_ARG(servers->items[i]));
    if (servers->count == 0 && place->resolver.ptr != NULL)
        buf_printf(resolv, "nameserver %.*s\n", STR_ARG(place->resolver));
}

static bool add_name_files(struct builder *b)
{
    auto_buf hosts = {.ptr = NULL};
    auto_buf resolv = {.ptr = NULL};

    write_hosts(b, &hosts);
    write_resolv(b, &resolv);
    return add_file(b, "hosts", "/etc/hosts", buf_str(&hosts)) &&
           add_file(b, "resolv.conf", "/etc/resolv.conf", buf_str(&resolv)) &&
           add_file(b, "hostname", "/etc/hostname", arena_printf(b->arena, "%.*s\n", STR_ARG(host_name(b))));
}

/* ---- volumes ---- */

static const struct ecs_volume *volume_named(const struct builder *b, struct str name)
{
    const struct ecs_volume_list *volumes = &b->task->assignment->task_definition->volumes;

    for (size_t i = 0; i < volumes->count; i++)
        if (str_eq(volumes->items[i].name, name))
            return &volumes->items[i];
    return NULL;
}

/* "/data/" is "/data". */
static struct str plain_path(struct str path)
{
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

static bool is_volume_of_image(const struct builder *b, struct str path)
{
    const struct strs *volumes = &b->site->image->config.volumes;

    for (size_t i = 0; i < volumes->count; i++)
        if (str_eq(plain_path(volumes->items[i]), plain_path(path)))
            return true;
    return false;
}

/* A volume that outlives tasks is found by its name; whether it may be made is the definition's to say. */
static bool shared_volume(struct builder *b, const struct ecs_volume *volume, const char **ret_path)
{
    const char *path = arena_printf(b->arena, "%s/%.*s", b->site->volumes_dir, STR_ARG(volume->name)).ptr;

    if (!volume->docker_volume_configuration->autoprovision && access(path, F_OK) != 0)
        return fail(b->f, FAIL_INPUT, "get %.*s: no such volume", STR_ARG(volume->name));
    *ret_path = path;
    return directory_make(path, 0755, b->f);
}

static bool docker_volume_possible(const struct builder *b, const struct ecs_docker_volume_configuration *docker)
{
    if (docker->driver.ptr != NULL && !str_is(docker->driver, "local"))
        return fail(b->f, FAIL_INPUT, "Berth has no volume driver '%.*s'", STR_ARG(docker->driver));
    return docker->driver_opts.count == 0 ||
           fail(b->f, FAIL_INPUT, "Berth's volume driver takes no driverOpts ('%.*s')",
                STR_ARG(docker->driver_opts.items[0].key));
}

/* A volume without a host path is a folder of the task, gone with it. */
static bool own_volume(struct builder *b, const struct ecs_volume *volume, const char **ret_path)
{
    const char *path = arena_printf(b->arena, "%s/volume-%.*s", b->site->storage_dir, STR_ARG(volume->name)).ptr;

    *ret_path = path;
    return make_dir(path, 0755, b->f) && hand_over(path, &b->site->users, b->f);
}

static bool volume_path(struct builder *b, const struct ecs_volume *volume, bool *ret_named, const char **ret_path)
{
    const struct ecs_docker_volume_configuration *docker = volume->docker_volume_configuration;

    *ret_named = true;
    if (docker != NULL)
        return docker_volume_possible(b, docker) &&
               (docker->scope == ECS_SCOPE_SHARED ? shared_volume(b, volume, ret_path)
                                                  : own_volume(b, volume, ret_path));
    if (volume->host == NULL || volume->host->source_path.len == 0)
        return own_volume(b, volume, ret_path);
    *ret_named = false;
    *ret_path = arena_cstr(b->arena, volume->host->source_path);
    /* As Docker: a path that is not there is made. */
    return b->site->is_fargate || access(*ret_path, F_OK) == 0 || directory_make(*ret_path, 0755, b->f);
}

/* Docker fills every new volume from the image, Fargate those that the image names. */
static bool add_volume(struct builder *b, const struct ecs_mount_point *point, bool read_only)
{
    const struct ecs_volume *volume = volume_named(b, point->source_volume);
    const char *source;
    bool named;

    if (volume == NULL)
        return fail(b->f, FAIL_INPUT, "volume %.*s is not in the task definition", STR_ARG(point->source_volume));
    if (!volume_path(b, volume, &named, &source))
        return false;
    return add_mount(b, (struct container_mount){
                            .kind = CONTAINER_MOUNT_BIND,
                            .source = source,
                            .target = arena_cstr(b->arena, point->container_path),
                            .read_only = read_only || point->read_only,
                            .fill = named && (!b->site->is_fargate || is_volume_of_image(b, point->container_path))});
}

static bool add_volumes_of(struct builder *b, const struct ecs_container_definition *from, bool read_only)
{
    for (size_t i = 0; i < from->mount_points.count; i++)
        if (!add_volume(b, &from->mount_points.items[i], read_only))
            return false;
    return true;
}

static bool add_volumes(struct builder *b)
{
    const struct ecs_volume_from_list *from = &b->definition->volumes_from;

    if (!add_volumes_of(b, b->definition, false))
        return false;
    for (size_t i = 0; i < from->count; i++)
        for (size_t k = 0; k < b->task->container_count; k++) {
            const struct ecs_container_definition *other = b->task->containers[k].definition;

            if (str_eq(other->name, from->items[i].source_container) &&
                !add_volumes_of(b, other, from->items[i].read_only))
                return false;
        }
    return true;
}

static bool add_tmpfs(struct builder *b, const struct ecs_linux_parameters *linux_parameters)
{
    for (size_t i = 0; i < linux_parameters->tmpfs.count; i++) {
        const struct ecs_tmpfs *tmpfs = &linux_parameters->tmpfs.items[i];
        auto_buf options = {.ptr = NULL};

        buf_printf(&options, "size=%dm", tmpfs->size);
        for (size_t k = 0; k < tmpfs->mount_options.count; k++)
            buf_printf(&options, ",%.*s", STR_ARG(tmpfs->mount_options.items[k]));
        if (!add_mount(b, (struct container_mount){.kind = CONTAINER_MOUNT_TMPFS,
                                                   .target = arena_cstr(b->arena, tmpfs->container_path),
                                                   .options = arena_cstr(b->arena, buf_str(&options))}))
            return false;
    }
    return true;
}

/* ---- the process ---- */

static const char **texts(struct arena *arena, const struct str *items, size_t count)
{
    const char **list = arena_array(arena, const char *, count + 1);

    for (size_t i = 0; i < count; i++)
        list[i] = arena_cstr(arena, items[i]);
    return list;
}

/* Docker's rule: an entry point of the definition also takes away the image's command. */
static bool set_arguments(struct builder *b)
{
    const struct image_config *config = &b->site->image->config;
    bool own_entry = b->definition->entry_point.count > 0;
    bool own_command = b->definition->command.count > 0;
    const struct str *entry = own_entry ? b->definition->entry_point.items : config->entrypoint.items;
    size_t entry_count = own_entry ? b->definition->entry_point.count : config->entrypoint.count;
    const struct str *command = own_command ? b->definition->command.items : config->cmd.items;
    size_t command_count = own_command ? b->definition->command.count : own_entry ? 0 : config->cmd.count;
    struct str *all = arena_array(b->arena, struct str, entry_count + command_count + 1);

    for (size_t i = 0; i < entry_count; i++)
        all[i] = entry[i];
    for (size_t i = 0; i < command_count; i++)
        all[entry_count + i] = command[i];
    b->spec->argc = entry_count + command_count;
    b->spec->argv = texts(b->arena, all, b->spec->argc);
    if (b->spec->argc == 0)
        return fail(b->f, FAIL_INPUT, "no command specified");
    return true;
}

struct environment {
    struct str *items;
    size_t count;
};

static void set_variable(struct environment *environment, struct str line)
{
    size_t name = str_find(line, '=');

    for (size_t i = 0; i < environment->count; i++)
        if (str_find(environment->items[i], '=') == name &&
            str_eq(str_to(environment->items[i], name), str_to(line, name))) {
            environment->items[i] = line;
            return;
        }
    environment->items[environment->count++] = line;
}

static void set_region(const struct builder *b, struct environment *all)
{
    struct str region = b->task->assignment->region;

    set_variable(all, arena_printf(b->arena, "AWS_REGION=%.*s", STR_ARG(region)));
    set_variable(all, arena_printf(b->arena, "AWS_DEFAULT_REGION=%.*s", STR_ARG(region)));
}

/* Whatever comes later counts more: what the definition says beats environment files, and those beat the image. */
static bool set_environment(struct builder *b, size_t container)
{
    const struct host_task_assignment *assignment = b->task->assignment;
    const struct image_config *config = &b->site->image->config;
    const struct ecs_environment_variables *own = &b->definition->environment;
    const struct host_container_secrets *secrets = &assignment->secrets;
    struct env_lines files;
    struct environment all = {.count = 0};

    if (!env_files_read(b->site->task_dir, container, &b->definition->environment_files, b->arena, &files, b->f))
        return false;
    all.items = arena_array(b->arena, struct str, config->env.count + files.count + own->count + secrets->count + 11);
    if (!b->site->is_fargate) /* the image may have another */
        set_region(b, &all);
    for (size_t i = 0; i < config->env.count; i++)
        set_variable(&all, config->env.items[i]);
    if (b->site->is_fargate) {
        set_variable(&all, STR("AWS_EXECUTION_ENV=AWS_ECS_FARGATE"));
        set_region(b, &all);
    }
    if (b->site->api_url != NULL)
        set_variable(&all, arena_printf(b->arena, "AWS_ENDPOINT_URL=%s", b->site->api_url));
    set_variable(&all, arena_printf(b->arena, "ECS_CONTAINER_METADATA_URI=%.*s",
                                    STR_ARG(metadata_uri(b->arena, "v3", b->runtime_id))));
    set_variable(&all, arena_printf(b->arena, "ECS_CONTAINER_METADATA_URI_V4=%.*s",
                                    STR_ARG(metadata_uri(b->arena, "v4", b->runtime_id))));
    set_variable(&all,
                 arena_printf(b->arena, "ECS_AGENT_URI=%.*s", STR_ARG(metadata_uri(b->arena, "api", b->runtime_id))));
    if (assignment->credentials_id.ptr != NULL)
        set_variable(&all, arena_printf(b->arena, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=" CREDENTIALS_PATH "%.*s",
                                        STR_ARG(assignment->credentials_id)));
    for (size_t i = 0; i < files.count; i++)
        set_variable(&all, files.items[i]);
    for (size_t i = 0; i < own->count; i++)
        set_variable(&all,
                     arena_printf(b->arena, "%.*s=%.*s", STR_ARG(own->items[i].name), STR_ARG(own->items[i].value)));
    for (size_t i = 0; i < secrets->count; i++)
        if (str_eq(secrets->items[i].container_name, b->definition->name))
            set_variable(&all, arena_printf(b->arena, "%.*s=%.*s", STR_ARG(secrets->items[i].name),
                                            STR_ARG(secrets->items[i].value)));
    b->spec->env = texts(b->arena, all.items, all.count);
    b->spec->env_count = all.count;
    return true;
}

static void set_identity(struct builder *b)
{
    const struct image_config *config = &b->site->image->config;
    struct str user = b->definition->user.ptr != NULL ? b->definition->user : config->user;
    struct str directory =
        b->definition->working_directory.ptr != NULL ? b->definition->working_directory : config->working_dir;

    b->spec->user = user.len == 0 ? NULL : arena_cstr(b->arena, user);
    b->spec->directory = directory.len == 0 ? NULL : arena_cstr(b->arena, directory);
    b->spec->hostname = arena_cstr(b->arena, host_name(b));
}

/* ---- limits ---- */

static void set_ulimits(struct builder *b)
{
    const struct ecs_ulimit_list *own = &b->definition->ulimits;
    struct container_ulimit *all = arena_array(b->arena, struct container_ulimit, own->count + 1);
    bool has_nofile = false;
    size_t count = 0;

    for (size_t i = 0; i < own->count; i++) {
        const char *name = enum_name(&ecs_ulimit_name_shape, (int)own->items[i].name);

        has_nofile = has_nofile || own->items[i].name == ECS_ULIMIT_NAME_NOFILE;
        all[count++] = (struct container_ulimit){
            .name = name,
            .soft = own->items[i].soft_limit < 0 ? CONTAINER_NO_LIMIT : (uint64_t)own->items[i].soft_limit,
            .hard = own->items[i].hard_limit < 0 ? CONTAINER_NO_LIMIT : (uint64_t)own->items[i].hard_limit};
    }
    if (!has_nofile)
        all[count++] = (struct container_ulimit){
            .name = "nofile", .soft = NOFILE_DEFAULT, .hard = NOFILE_DEFAULT, .is_default = true};
    b->spec->ulimits = all;
    b->spec->ulimit_count = count;
}

static void set_devices(struct builder *b, const struct ecs_devices_list *own)
{
    struct container_device *all = arena_array(b->arena, struct container_device, own->count + 1);

    for (size_t i = 0; i < own->count; i++) {
        const struct ecs_device *from = &own->items[i];
        bool everything = from->permissions.count == 0;

        all[i] = (struct container_device){
            .host_path = arena_cstr(b->arena, from->host_path),
            .container_path = from->container_path.ptr == NULL ? NULL : arena_cstr(b->arena, from->container_path),
            .read = everything,
            .write = everything,
            .mknod = everything};
        for (size_t k = 0; k < from->permissions.count; k++) {
            all[i].read = all[i].read || from->permissions.items[k] == ECS_DEVICE_CGROUP_PERMISSION_READ;
            all[i].write = all[i].write || from->permissions.items[k] == ECS_DEVICE_CGROUP_PERMISSION_WRITE;
            all[i].mknod = all[i].mknod || from->permissions.items[k] == ECS_DEVICE_CGROUP_PERMISSION_MKNOD;
        }
    }
    b->spec->devices = all;
    b->spec->device_count = own->count;
}

static bool set_linux_parameters(struct builder *b)
{
    const struct ecs_linux_parameters *parameters = b->definition->linux_parameters;

    if (parameters == NULL)
        return true;
    b->spec->init = parameters->init_process_enabled;
    b->spec->shm_bytes = parameters->has_shared_memory_size ? (uint64_t)parameters->shared_memory_size * MEBIBYTE : 0;
    if (parameters->capabilities != NULL) {
        b->spec->capabilities_add =
            texts(b->arena, parameters->capabilities->add.items, parameters->capabilities->add.count);
        b->spec->capabilities_add_count = parameters->capabilities->add.count;
        b->spec->capabilities_drop =
            texts(b->arena, parameters->capabilities->drop.items, parameters->capabilities->drop.count);
        b->spec->capabilities_drop_count = parameters->capabilities->drop.count;
    }
    set_devices(b, &parameters->devices);
    return add_tmpfs(b, parameters);
}

static void set_limits(struct builder *b)
{
    struct cgroup_limits *limits = &b->spec->limits;

    limits->cpu_shares = b->definition->cpu > SHARES_MIN ? (uint64_t)b->definition->cpu : SHARES_MIN;
    limits->memory_bytes = b->definition->has_memory ? (uint64_t)b->definition->memory * MEBIBYTE : 0;
    limits->memory_reservation =
        b->definition->has_memory_reservation ? (uint64_t)b->definition->memory_reservation * MEBIBYTE : 0;
    limits->pids_max = PIDS_MAX;
}

static void set_sysctls(struct builder *b)
{
    const struct ecs_system_controls *own = &b->definition->system_controls;
    struct container_sysctl *all = arena_array(b->arena, struct container_sysctl, own->count + 1);

    b->spec->sysctls = all;
    for (size_t i = 0; i < own->count; i++)
        if (!shared_namespaces_have(b->task->assignment->task_definition, &own->items[i]))
            all[b->spec->sysctl_count++] = (struct container_sysctl){arena_cstr(b->arena, own->items[i].namespace),
                                                                     arena_cstr(b->arena, own->items[i].value)};
}

/* "no-new-privileges", also with ":true", as Docker takes it. */
static bool wants_no_new_privileges(const struct ecs_container_definition *definition)
{
    for (size_t i = 0; i < definition->docker_security_options.count; i++)
        if (str_is(definition->docker_security_options.items[i], "no-new-privileges") ||
            str_is(definition->docker_security_options.items[i], "no-new-privileges:true"))
            return true;
    return false;
}

static bool set_namespaces(struct builder *b)
{
    const struct shared_namespaces *shared = &b->site->shared;

    b->spec->pid_namespace = shared->pid;
    b->spec->ipc_namespace = shared->ipc;
    b->spec->no_shm = shared->no_shm;
    return shared->shm_dir == NULL ||
           add_mount(b, (struct container_mount){
                            .kind = CONTAINER_MOUNT_BIND, .source = shared->shm_dir, .target = "/dev/shm"});
}

static bool make_folders(struct builder *b)
{
    const char *upper = arena_printf(b->arena, "%s/upper", b->dir).ptr;
    const char *work = arena_printf(b->arena, "%s/work", b->dir).ptr;

    b->spec->upper_dir = upper;
    b->spec->work_dir = work;
    b->spec->log_path = b->site->log_path;
    return make_dir(b->dir, 0755, b->f) && make_dir(upper, 0755, b->f) && make_dir(work, 0755, b->f);
}

bool launch_spec(const struct launch_site *site, const struct task *task, size_t i, struct arena *arena,
                 struct container_spec *ret_spec, struct fail *f)
{
    struct container_spec spec = {0};
    struct builder b = {
        .site = site,
        .task = task,
        .definition = task->containers[i].definition,
        .runtime_id = task->containers[i].runtime_id,
        .dir = launch_container_dir(site, i, arena),
        .arena = arena,
        .spec = &spec,
        .mounts = arena_array(arena, struct container_mount, CONTAINER_MOUNTS_MAX),
        .f = f,
    };

    spec.id = arena_cstr(arena, task->containers[i].runtime_id);
    spec.task_id = arena_cstr(arena, task->assignment->task_id);
    spec.lower_dirs = site->lower_dirs;
    spec.id_map = site->users;
    spec.terminal = b.definition->pseudo_terminal;
    spec.open_stdin = b.definition->interactive;
    spec.read_only_root = b.definition->readonly_root_filesystem;
    spec.network_namespace = site->place->netns;
    spec.privileged = b.definition->privileged; /* which Fargate refuses */
    spec.no_new_privileges = site->is_fargate || wants_no_new_privileges(b.definition);
    spec.mounts = b.mounts;
    if (!make_folders(&b) || !set_arguments(&b) || !add_name_files(&b) || !add_volumes(&b) ||
        !set_linux_parameters(&b) || !set_environment(&b, i) || !set_namespaces(&b))
        return false;
    set_identity(&b);
    set_ulimits(&b);
    set_limits(&b);
    set_sysctls(&b);
    *ret_spec = spec;
    return true;
}
