#include "node/host/instance_machine.h"

#include "base/log.h"
#include "base/must.h"
#include "node/disk/limited_disk.h"
#include "node/instance/instance_facts.h"
#include "node/instance/instance_root.h"
#include "node/runtime/container_log.h"
#include "node/runtime/small_file.h"
#include "os/files.h"
#include "wire/base64.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#define PROGRAM "/usr/local/bin/berth" /* inside */

enum { CPU_PERIOD_US = 100000, PIDS_MAX = 32768, LOG_BYTES_MAX = 1 << 20, ASSIGNMENT_BYTES_MAX = 4 << 20 };

void instance_machine_init(struct instance_machine *machine, struct host *host,
                           const struct host_instance_assignment *assignment)
{
    *machine = (struct instance_machine){.host = host};
    (void)snprintf(machine->id, sizeof(machine->id), "%.*s", STR_ARG(assignment->instance_id));
    (void)snprintf(machine->dir, sizeof(machine->dir), "%s/instances/%s", host->dir, machine->id);
    (void)snprintf(machine->interface_id, sizeof(machine->interface_id), "%.*s",
                   STR_ARG(assignment->network_interface->network_interface_id));
}

/* ---- files of the folder ---- */

static bool keep(const struct instance_machine *machine, const struct host_instance_assignment *assignment,
                 struct fail *f)
{
    char path[PATH_BYTES];
    auto_buf bytes = {.ptr = NULL};

    if (mkdir(machine->dir, 0711) != 0 && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "make %s: %s", machine->dir, strerror(errno));
    value_encode(&host_instance_assignment_shape, assignment, &bytes);
    path_format(path, "%s/assignment", machine->dir);
    return file_replace(path, buf_str(&bytes), 0600, f);
}

bool instance_machine_keep_launch(const struct instance_machine *machine, int64_t number, struct fail *f)
{
    char path[PATH_BYTES];
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)number);
    path_format(path, "%s/launch", machine->dir);
    return file_write(path, str_of(text), 0600, f); /* synced: without it the disk is made anew */
}

bool instance_machine_recall(const char *host_dir, const char *id, struct host_instance_assignment **ret_assignment,
                             struct fail *f)
{
    struct host_instance_assignment assignment = {0};
    char path[PATH_BYTES];
    auto_buf bytes = {.limit = ASSIGNMENT_BYTES_MAX};
    struct arena arena;
    size_t size;
    bool good;

    path_format(path, "%s/instances/%s/assignment", host_dir, id);
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    good = file_read(path, &bytes, f) &&
           value_decode(&host_instance_assignment_shape, buf_str(&bytes), &assignment, &arena, f) &&
           ((assignment.network_interface != NULL && assignment.metadata != NULL) ||
            fail(f, FAIL_INPUT, "%s is not an assignment", path));
    if (good)
        *ret_assignment = value_block(&host_instance_assignment_shape, &assignment, &size);
    arena_free(&arena);
    return good;
}

int64_t instance_machine_launch(const struct instance_machine *machine)
{
    char path[PATH_BYTES];
    uint64_t number;
    struct fail f;

    path_format(path, "%s/launch", machine->dir);
    return small_file_read_number(path, &number, &f) ? (int64_t)number : 0;
}

static bool has_run(const struct instance_machine *machine)
{
    char path[PATH_BYTES];

    path_format(path, "%s/launch", machine->dir);
    return access(path, F_OK) == 0 || errno != ENOENT;
}

/* ---- starting ---- */

static bool add_interface(struct instance_machine *machine, const struct host_network_interface *from,
                          char ret_path[NETWORK_PATH_SIZE], struct fail *f)
{
    const struct network_eni eni = host_eni_of(from);

    return network_eni_add(machine->host->network, &eni, ret_path, f);
}

static bool is_assigned(const struct host_instance_assignment *assignment, struct str interface_id)
{
    for (size_t i = 0; assignment != NULL && i < assignment->task_interfaces.count; i++)
        if (str_eq(assignment->task_interfaces.items[i].network_interface_id, interface_id))
            return true;
    return false;
}

/* Those of tasks that are not in the assignment; with none, all. */
static bool drop_task_interfaces(struct instance_machine *machine, const struct host_instance_assignment *assignment,
                                 struct fail *f)
{
    struct network *network = machine->host->network;
    const struct network_eni *enis;
    struct arena arena;
    size_t count;
    bool good;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    good = network_list(network, &arena, &enis, &count, f);
    for (size_t i = 0; good && i < count; i++)
        if (str_is(enis[i].inside, machine->interface_id) && !is_assigned(assignment, enis[i].id))
            good = network_eni_remove(network, enis[i].id, f);
    arena_free(&arena);
    return good;
}

/* They are put beside its own, down and without an address: its agent finds them by their MAC. */
static bool add_task_interfaces(struct instance_machine *machine, const struct host_instance_assignment *assignment,
                                struct fail *f)
{
    char path[NETWORK_PATH_SIZE];

    for (size_t i = 0; i < assignment->task_interfaces.count; i++) {
        struct network_eni eni = host_eni_of(&assignment->task_interfaces.items[i]);

        eni.inside = str_of(machine->interface_id);
        if (!network_eni_add(machine->host->network, &eni, path, f))
            return false;
    }
    return true;
}

static struct cgroup_limits limits_of(const struct host_instance_assignment *assignment)
{
    return (struct cgroup_limits){
        .cpu_shares = (uint64_t)assignment->vcpus * 1024,
        .cpu_quota_us = (uint64_t)assignment->vcpus * CPU_PERIOD_US,
        .cpu_period_us = CPU_PERIOD_US,
        .memory_bytes = (uint64_t)assignment->memory_mib << 20,
        .pids_max = PIDS_MAX,
    };
}

/* Where containers inside put their files: on the disk itself, since no overlay takes another's files as its upper. */
static const char *const data_directories[] = {"/var/lib/berth", "/var/lib/docker", "/var/lib/containerd",
                                               "/var/lib/ecs"};

static bool data_mounts(const char *data, struct arena *arena, struct container_mount *mounts, size_t *count,
                        struct fail *f)
{
    for (size_t i = 0; i < COUNT_OF(data_directories); i++) {
        const char *name = strrchr(data_directories[i], '/');
        const char *source = arena_printf(arena, "%s%s", data, name).ptr;

        if (mkdir(source, 0755) != 0 && errno != EEXIST)
            return fail(f, FAIL_SYSTEM, "make %s: %s", source, strerror(errno));
        mounts[(*count)++] =
            (struct container_mount){.kind = CONTAINER_MOUNT_BIND, .source = source, .target = data_directories[i]};
    }
    return true;
}

static size_t devices_here(struct container_device *devices)
{
    static const char *const paths[] = {"/dev/fuse", "/dev/net/tun"};
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(paths); i++)
        if (access(paths[i], F_OK) == 0)
            devices[count++] =
                (struct container_device){.host_path = paths[i], .read = true, .write = true, .mknod = true};
    return count;
}

struct start {
    struct instance_machine *machine;
    const struct host_instance_assignment *assignment;
    char upper[DISK_PATH_BYTES + 8], work[DISK_PATH_BYTES + 8], data[DISK_PATH_BYTES + 8]; /* on its disk */
    char netns[NETWORK_PATH_SIZE];
    char program[PATH_BYTES]; /* what we run: inside, too */
    struct arena arena;
};

static bool find_program(struct start *start, struct fail *f)
{
    ssize_t len = readlink("/proc/self/exe", start->program, sizeof(start->program) - 1);

    if (len < 0)
        return fail(f, FAIL_SYSTEM, "readlink /proc/self/exe: %s", strerror(errno));
    start->program[len] = '\0';
    return true;
}

static bool run_container(struct start *start, struct fail *f)
{
    struct instance_machine *machine = start->machine;
    const char *const argv[] = {PROGRAM, "instance-init"};
    const char *const env[] = {
        "AWS_ENDPOINT_URL=" API_URL, "ECS_BACKEND_HOST=" API_URL,
        arena_printf(&start->arena, "AWS_DEFAULT_REGION=%.*s", STR_ARG(start->assignment->region)).ptr};
    struct container_device devices[2];
    struct container_mount mounts[8] = {
        {.kind = CONTAINER_MOUNT_TMPFS, .target = "/run", .options = "mode=755"},
        {.kind = CONTAINER_MOUNT_TMPFS, .target = "/tmp", .options = "mode=1777"},
        {.kind = CONTAINER_MOUNT_BIND, .source = start->program, .target = PROGRAM, .read_only = true},
    };
    struct container_spec spec = {
        .id = machine->id,
        .task_id = machine->id,
        .lower_dirs = "/",
        .upper_dir = start->upper,
        .work_dir = start->work,
        .network_namespace = start->netns,
        .hostname = arena_cstr(&start->arena, start->assignment->network_interface->private_dns_name),
        .argv = argv,
        .argc = COUNT_OF(argv),
        .env = env,
        .env_count = COUNT_OF(env),
        .mounts = mounts,
        .mount_count = 3,
        .devices = devices,
        .device_count = devices_here(devices),
        .privileged = true,
        .is_system = true,
        .limits = limits_of(start->assignment), /* so that they show inside */
        .log_path = arena_printf(&start->arena, "%s/console", machine->dir).ptr,
        .log_max_bytes = LOG_BYTES_MAX,
    };

    return data_mounts(start->data, &start->arena, mounts, &spec.mount_count, f) &&
           runtime_start(machine->host->runtime, &spec, f);
}

/* What a launch left that came to no end: nobody has used it, but its user data may have begun. */
static bool discard_disk(const struct instance_machine *machine, struct fail *f)
{
    static const char *const unlimited[] = {"upper", "work", "data"};

    if (!limited_disk_remove(machine->dir, f))
        return false;
    for (size_t i = 0; i < COUNT_OF(unlimited); i++) {
        char path[PATH_BYTES];

        path_format(path, "%s/%s", machine->dir, unlimited[i]);
        if (!path_remove(path, f))
            return false;
    }
    return true;
}

static bool open_disk(struct start *start, struct fail *f)
{
    char place[DISK_PATH_BYTES];

    if (!has_run(start->machine) && !discard_disk(start->machine, f))
        return false;
    if (!limited_disk_open(start->machine->dir, start->assignment->root_gib, place, f))
        return false;
    (void)snprintf(start->upper, sizeof(start->upper), "%s/upper", place);
    (void)snprintf(start->work, sizeof(start->work), "%s/work", place);
    (void)snprintf(start->data, sizeof(start->data), "%s/data", place);
    return directory_make(start->upper, 0755, f) && directory_make(start->work, 0700, f) &&
           directory_make(start->data, 0755, f);
}

/* Anything may be there from a launch that was cut short. Its number is kept last: then, and only then, it has run. */
static bool start_parts(struct start *start, struct fail *f)
{
    struct instance_machine *machine = start->machine;
    struct cgroup_limits limits = limits_of(start->assignment);

    return find_program(start, f) && keep(machine, start->assignment, f) && open_disk(start, f) &&
           add_interface(machine, start->assignment->network_interface, start->netns, f) &&
           add_task_interfaces(machine, start->assignment, f) &&
           instance_root_prepare(start->upper, start->assignment, f) &&
           runtime_task_cgroup_create(machine->host->runtime, machine->id, &limits, f) && run_container(start, f) &&
           instance_machine_keep_launch(machine, start->assignment->launch_number, f);
}

bool instance_machine_start(struct instance_machine *machine, const struct host_instance_assignment *assignment,
                            struct fail *f)
{
    struct start start = {.machine = machine, .assignment = assignment};
    bool good;

    arena_init(&start.arena, (size_t)1 << 20);
    good = start_parts(&start, f);
    arena_free(&start.arena);
    if (!good)
        instance_machine_clean(machine);
    return good;
}

bool instance_machine_update(struct instance_machine *machine, const struct host_instance_assignment *assignment,
                             struct fail *f)
{
    char path[NETWORK_PATH_SIZE];

    return keep(machine, assignment, f) && add_interface(machine, assignment->network_interface, path, f) &&
           drop_task_interfaces(machine, assignment, f) && add_task_interfaces(machine, assignment, f);
}

/* ---- ending ---- */

void instance_machine_signal(struct instance_machine *machine, bool kill)
{
    struct runtime *runtime = machine->host->runtime;
    struct fail f;

    if (!(kill ? runtime_kill(runtime, machine->id, &f) : runtime_signal(runtime, machine->id, SIGTERM, &f)))
        log_warning("instance %s: %s", machine->id, f.message);
}

void instance_machine_clean(struct instance_machine *machine)
{
    struct host *host = machine->host;
    struct fail f;

    if (!runtime_delete(host->runtime, machine->id, &f) && f.code != FAIL_NOT_FOUND)
        log_error("instance %s: its container stays: %s", machine->id, f.message);
    if (!runtime_task_cgroup_delete(host->runtime, machine->id, &f))
        log_error("instance %s: its cgroup stays: %s", machine->id, f.message);
    if (!drop_task_interfaces(machine, NULL, &f))
        log_error("instance %s: interfaces of its tasks stay: %s", machine->id, f.message);
    if (!network_eni_remove(host->network, str_of(machine->interface_id), &f))
        log_error("instance %s: its interface stays: %s", machine->id, f.message);
    if (!limited_disk_close(machine->dir, &f))
        log_error("instance %s: its disk stays mounted: %s", machine->id, f.message);
}

bool instance_machine_remove_files(const char *host_dir, const char *id, struct fail *f)
{
    char path[PATH_BYTES];

    path_format(path, "%s/instances/%s", host_dir, id);
    return limited_disk_close(path, f) && path_remove(path, f);
}

void instance_machine_remove(struct instance_machine *machine)
{
    struct fail f;

    if (!instance_machine_remove_files(machine->host->dir, machine->id, &f))
        log_error("instance %s: its files stay: %s", machine->id, f.message);
}

/* ---- the metadata service ---- */

static struct instance_role *role_of(const struct host_instance_assignment *assignment, struct arena *arena)
{
    struct instance_role *role = arena_new(arena, struct instance_role);

    if (assignment->credentials == NULL)
        return NULL;
    *role = (struct instance_role){
        .name = assignment->role_name,
        .profile_arn = assignment->profile_arn,
        .profile_id = assignment->profile_id,
        .access_key_id = assignment->credentials->access_key_id,
        .secret_access_key = assignment->credentials->secret_access_key,
        .session_token = assignment->credentials->session_token,
        .updated_ms = assignment->credentials_from,
        .expires_ms = assignment->credentials->expiration,
    };
    return role;
}

static struct str decoded(struct str text, struct arena *arena)
{
    struct str raw;

    return text.len > 0 && base64_decode(text, arena, &raw) ? raw : (struct str){NULL, 0};
}

static struct instance_facts facts_of(const struct host_instance_assignment *from, struct arena *arena)
{
    const struct host_network_interface *interface = from->network_interface;
    struct instance_tag *tags = arena_array(arena, struct instance_tag, from->tags.count + 1);

    for (size_t i = 0; i < from->tags.count; i++)
        tags[i] = (struct instance_tag){from->tags.items[i].key, from->tags.items[i].value};
    return (struct instance_facts){
        .instance_id = from->instance_id,
        .image_id = from->image_id,
        .instance_type = from->instance_type,
        .architecture = from->architecture,
        .account_id = from->account_id,
        .region = from->region,
        .availability_zone = from->availability_zone,
        .availability_zone_id = from->availability_zone_id,
        .reservation_id = from->reservation_id,
        .launch_index = arena_printf(arena, "%d", from->launch_index),
        .launched_ms = from->launched_at,
        .private_ip = interface->address,
        .private_dns_name = interface->private_dns_name,
        .public_ip = interface->public_ip,
        .mac = interface->mac_address,
        .interface_id = interface->network_interface_id,
        .subnet_id = interface->subnet_id,
        .subnet_cidr = interface->subnet_cidr,
        .vpc_id = interface->vpc_id,
        .vpc_cidr = from->vpc_cidr,
        .group_names = from->group_names.items,
        .group_ids = interface->groups.items,
        .group_count = from->group_names.count,
        .user_data = decoded(from->user_data, arena),
        .role = role_of(from, arena),
        .tags = tags,
        .tag_count = from->tags.count,
    };
}

void instance_machine_tell(const struct host_instance_assignment *assignment, struct imds *imds)
{
    const struct imds_options options = {.enabled = assignment->metadata->enabled,
                                         .tokens_required = assignment->metadata->tokens_required,
                                         .hop_limit = assignment->metadata->hop_limit};
    const struct imds_entry *entries;
    struct instance_facts facts;
    struct arena arena;
    size_t count;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    facts = facts_of(assignment, &arena);
    instance_entries(&facts, &arena, &entries, &count);
    imds_set_options(imds, &options);
    imds_set_entries(imds, entries, count);
    arena_free(&arena);
}

/* ---- the console ---- */

static void read_lines(const char *path, struct buf *text)
{
    struct container_log_line line;
    struct container_log *log;
    bool there = true;
    struct fail f;

    if (!container_log_open(path, (struct container_log_position){0}, &log, &f))
        return;
    while (container_log_next(log, &there, &line, &f) && there) {
        buf_add(text, line.text);
        if (!line.partial)
            buf_add_char(text, '\n');
        if (text->len > (size_t)2 * CONSOLE_BYTES_MAX)
            buf_consume(text, text->len - CONSOLE_BYTES_MAX);
    }
    container_log_close(log);
    if (text->len > CONSOLE_BYTES_MAX)
        buf_consume(text, text->len - CONSOLE_BYTES_MAX);
}

bool instance_machine_console(struct instance_machine *machine, struct instance_console *ret_console)
{
    char path[PATH_BYTES];
    auto_buf text = {.ptr = NULL};
    struct stat st;

    path_format(path, "%s/console", machine->dir);
    if (stat(path, &st) != 0 || (uint64_t)st.st_size == machine->console_seen)
        return false;
    machine->console_seen = (uint64_t)st.st_size;
    read_lines(path, &text);
    *ret_console = (struct instance_console){.when_ms = host_now_ms()};
    base64_encode(buf_str(&text), &ret_console->text);
    return true;
}
