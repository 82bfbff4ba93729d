#include "node/agent/agent_container.h"

#include "base/must.h"
#include "os/files.h"

#include <errno.h>
#include <sys/stat.h>

enum { CPU_SHARES_MIN = 2, PIDS_MAX = 4096, LOG_BYTES_MAX = 10 << 20 };

/* ---- reading JSON ---- */

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool is_given(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return value != NULL && !json_is_null(value) && !(json_is_array(value) && json_array_size(value) == 0) &&
           !(json_is_object(value) && json_object_size(value) == 0);
}

/* dockerConfig's members are JSON in texts. The caller decrefs. */
static json_t *docker(const json_t *container, const char *which)
{
    const char *config = text(json_object_get(container, "dockerConfig"), which);
    json_error_t error;

    return config == NULL ? NULL : json_loads(config, 0, &error);
}

/* ---- what is refused ---- */

static const struct {
    const char *member;
    const char *why;
} refused[] = {
    {"dependsOn", "container dependencies (dependsOn)"},
    {"links", "links"},
    {"volumesFrom", "volumesFrom"},
    {"secrets", "secrets"},
    {"environmentFiles", "environmentFiles"},
    {"firelensConfiguration", "FireLens"},
    {"managedAgents", "ECS Exec"},
    {"credentialSpecs", "credentialSpecs"},
};

static const char *refused_volume(const json_t *task)
{
    const json_t *volume;
    size_t i;

    json_array_foreach(json_object_get(task, "volumes"), i, volume)
    {
        const char *type = text(volume, "type");

        if (type != NULL && strcmp(type, "host") != 0)
            return "volumes other than of the host";
    }
    return NULL;
}

const char *agent_container_refusal(const json_t *task, const json_t *container)
{
    const char *mode = text(task, "networkMode");

    if (mode != NULL && strcmp(mode, "awsvpc") == 0)
        return "the network mode awsvpc";
    if (is_given(task, "roleCredentials"))
        return "the credentials of task roles (taskRoleArn)";
    if (text(task, "pidMode") != NULL || text(task, "ipcMode") != NULL)
        return "pidMode and ipcMode";
    if (text(container, "healthCheckType") != NULL)
        return "container health checks";
    if (json_is_true(json_object_get(json_object_get(container, "restartPolicy"), "enabled")))
        return "restart policies";
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        if (is_given(container, refused[i].member))
            return refused[i].why;
    return refused_volume(task);
}

const char *agent_network_mode(const json_t *task, const json_t *container)
{
    json_t *host = docker(container, "hostConfig");
    const char *docker_mode = text(host, "NetworkMode");
    const char *mode = docker_mode != NULL && docker_mode[0] != '\0' ? docker_mode : text(task, "networkMode");
    const char *known = "bridge";

    if (mode != NULL && (strcmp(mode, "host") == 0 || strcmp(mode, "none") == 0))
        known = strcmp(mode, "host") == 0 ? "host" : "none";
    json_decref(host);
    return known;
}

/* ---- the spec ---- */

struct builder {
    const json_t *task, *container;
    json_t *config, *host; /* dockerConfig's */
    const struct agent_site *site;
    struct arena *arena;
    struct container_spec *spec;
    struct container_mount *mounts;
    struct fail *f;
};

static const char *keep(const struct builder *b, const char *value)
{
    return value == NULL ? NULL : arena_str(b->arena, str_of(value)).ptr;
}

static size_t add_all(const struct builder *b, const json_t *list, const char **argv, size_t count)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) if (json_is_string(item) && count < CONTAINER_ARGS_MAX) argv[count++] =
        keep(b, json_string_value(item));
    return count;
}

/* Of an override {"command": [...]}, which is JSON or JSON in a text, else the container's. */
static json_t *command_of(const struct builder *b)
{
    json_t *overrides = json_object_get(b->container, "overrides");
    json_error_t error;
    json_t *read =
        json_is_string(overrides) ? json_loads(json_string_value(overrides), 0, &error) : json_incref(overrides);
    json_t *command = json_incref(json_object_get(read, "command"));

    json_decref(read);
    return command != NULL && json_array_size(command) > 0 ? command
                                                           : json_incref(json_object_get(b->container, "command"));
}

/* As Docker: an entry point of its own makes the image's command void. */
static bool fill_argv(struct builder *b)
{
    const struct image_config *image = &b->site->image->config;
    const json_t *entry_point = json_object_get(b->container, "entryPoint");
    const char **argv = arena_array(b->arena, const char *, CONTAINER_ARGS_MAX + 1);
    json_t *command = command_of(b);
    bool own = json_array_size(entry_point) > 0;
    size_t count = 0;

    if (own)
        count = add_all(b, entry_point, argv, count);
    for (size_t i = 0; !own && i < image->entrypoint.count && count < CONTAINER_ARGS_MAX; i++)
        argv[count++] = arena_cstr(b->arena, image->entrypoint.items[i]);
    if (json_array_size(command) > 0)
        count = add_all(b, command, argv, count);
    else
        for (size_t i = 0; !own && i < image->cmd.count && count < CONTAINER_ARGS_MAX; i++)
            argv[count++] = arena_cstr(b->arena, image->cmd.items[i]);
    json_decref(command);
    b->spec->argv = argv;
    b->spec->argc = count;
    return count > 0 || fail(b->f, FAIL_INPUT, "no command: neither the image nor the container has one");
}

static void fill_env(struct builder *b)
{
    const struct image_config *image = &b->site->image->config;
    json_t *environment = json_object_get(b->container, "environment");
    const char **env = arena_array(b->arena, const char *, image->env.count + json_object_size(environment) + 1);
    const char *key;
    json_t *value;

    json_object_foreach(environment, key, value) if (json_is_string(value)) env[b->spec->env_count++] =
        arena_printf(b->arena, "%s=%s", key, json_string_value(value)).ptr;
    for (size_t i = 0; i < image->env.count; i++) {
        struct str name = str_to(image->env.items[i], str_find(image->env.items[i], '='));

        if (json_object_get(environment, arena_cstr(b->arena, name)) == NULL)
            env[b->spec->env_count++] = arena_cstr(b->arena, image->env.items[i]);
    }
    b->spec->env = env;
}

/* ---- mounts ---- */

static const json_t *volume_named(const struct builder *b, const char *name)
{
    const json_t *volume;
    size_t i;

    json_array_foreach(json_object_get(b->task, "volumes"), i,
                       volume) if (name != NULL && text(volume, "name") != NULL &&
                                   strcmp(text(volume, "name"), name) == 0) return volume;
    return NULL;
}

static bool add_mount(struct builder *b, const json_t *point)
{
    const char *name = text(point, "sourceVolume");
    const char *target = text(point, "containerPath");
    const json_t *volume = volume_named(b, name);
    const char *source = text(json_object_get(volume, "host"), "sourcePath");
    bool own = source == NULL || source[0] == '\0';

    if (volume == NULL || target == NULL)
        return fail(b->f, FAIL_INPUT, "the volume '%s' is not in the task", name == NULL ? "" : name);
    if (b->spec->mount_count >= CONTAINER_MOUNTS_MAX)
        return fail(b->f, FAIL_LIMIT, "a container has at most %d mounts", CONTAINER_MOUNTS_MAX);
    if (own) /* the task's: beside its containers */
        source = arena_printf(b->arena, "%s/../volume-%s", b->site->directory, name).ptr;
    if (!directory_make(source, 0755, b->f))
        return false;
    b->mounts[b->spec->mount_count++] =
        (struct container_mount){.kind = CONTAINER_MOUNT_BIND,
                                 .source = keep(b, source),
                                 .target = keep(b, target),
                                 .read_only = json_is_true(json_object_get(point, "readOnly")),
                                 .fill = own};
    return true;
}

/* The names of the instance's resolver; a container in the mode bridge reaches it as any other address. */
static void add_name_files(struct builder *b)
{
    static const char *const files[] = {"/etc/resolv.conf"};

    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (access(files[i], F_OK) == 0)
            b->mounts[b->spec->mount_count++] = (struct container_mount){
                .kind = CONTAINER_MOUNT_BIND, .source = files[i], .target = files[i], .read_only = true};
}

static bool fill_mounts(struct builder *b)
{
    const json_t *point;
    size_t i;

    b->mounts = arena_array(b->arena, struct container_mount, CONTAINER_MOUNTS_MAX + 4);
    b->spec->mounts = b->mounts;
    add_name_files(b);
    json_array_foreach(json_object_get(b->container, "mountPoints"), i, point)
    {
        if (!add_mount(b, point))
            return false;
    }
    return true;
}

/* ---- what Docker's words say ---- */

static void fill_capabilities(struct builder *b, const char *name, const char *const **ret_items, size_t *ret_count)
{
    const json_t *list = json_object_get(b->host, name);
    const char **items = arena_array(b->arena, const char *, json_array_size(list) + 1);

    *ret_count = add_all(b, list, items, 0);
    *ret_items = items;
}

static void fill_docker(struct builder *b)
{
    struct container_spec *spec = b->spec;
    const char *user = text(b->config, "User");
    const char *directory = text(b->config, "WorkingDir");
    json_int_t shm = json_integer_value(json_object_get(b->host, "ShmSize"));

    spec->user = user != NULL && user[0] != '\0' ? keep(b, user) : arena_cstr(b->arena, b->site->image->config.user);
    spec->directory = directory != NULL && directory[0] != '\0'
                          ? keep(b, directory)
                          : arena_cstr(b->arena, b->site->image->config.working_dir);
    if (spec->directory[0] == '\0')
        spec->directory = NULL;
    spec->hostname = keep(b, text(b->config, "Hostname"));
    spec->privileged = json_is_true(json_object_get(b->host, "Privileged"));
    spec->read_only_root = json_is_true(json_object_get(b->host, "ReadonlyRootfs"));
    spec->init = json_is_true(json_object_get(b->host, "Init"));
    spec->shm_bytes = shm > 0 ? (uint64_t)shm : 0;
    fill_capabilities(b, "CapAdd", &spec->capabilities_add, &spec->capabilities_add_count);
    fill_capabilities(b, "CapDrop", &spec->capabilities_drop, &spec->capabilities_drop_count);
}

static void fill_limits(struct builder *b)
{
    json_int_t shares = json_integer_value(json_object_get(b->container, "cpu"));
    json_int_t memory = json_integer_value(json_object_get(b->container, "memory"));
    json_int_t reservation = json_integer_value(json_object_get(b->host, "MemoryReservation"));

    b->spec->limits.cpu_shares = shares < CPU_SHARES_MIN ? CPU_SHARES_MIN : (uint64_t)shares;
    b->spec->limits.memory_bytes = memory > 0 ? (uint64_t)memory << 20 : 0;
    b->spec->limits.memory_reservation = reservation > 0 ? (uint64_t)reservation : 0;
    b->spec->limits.pids_max = PIDS_MAX;
}

bool agent_container_spec(const json_t *task, const json_t *container, const struct agent_site *site,
                          struct arena *arena, struct container_spec *ret_spec, struct fail *f)
{
    struct container_spec spec = {
        .id = site->id,
        .task_id = site->task_id,
        .lower_dirs = site->lower_dirs,
        .upper_dir = arena_printf(arena, "%s/upper", site->directory).ptr,
        .work_dir = arena_printf(arena, "%s/work", site->directory).ptr,
        .network_namespace = site->network_namespace,
        .log_path = arena_printf(arena, "%s/log", site->directory).ptr,
        .log_max_bytes = LOG_BYTES_MAX,
    };
    struct builder b = {.task = task, .container = container, .site = site, .arena = arena, .spec = &spec, .f = f};
    bool good;

    b.config = docker(container, "config");
    b.host = docker(container, "hostConfig");
    good = directory_make(spec.upper_dir, 0755, f) && directory_make(spec.work_dir, 0700, f) && fill_argv(&b) &&
           fill_mounts(&b);
    if (good) {
        fill_env(&b);
        fill_docker(&b);
        fill_limits(&b);
        *ret_spec = spec;
    }
    json_decref(b.config);
    json_decref(b.host);
    return good;
}
