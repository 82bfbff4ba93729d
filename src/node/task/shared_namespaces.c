#include "node/task/shared_namespaces.h"

#include "node/runtime/container_spec.h"
#include "os/files.h"

#include <errno.h>
#include <sys/mount.h>

/* It waits for ever and reaps, as PID 1 of the namespace must; linked statically, so that it needs no root. */
#define PROGRAM     "/usr/bin/catatonit"
#define TARGET      "/pause"
#define SHM_OPTIONS "mode=1777,size=64m" /* Docker's default */

enum { PIDS_MAX = 8, SHARES = 2 };

bool shared_namespaces_possible(void)
{
    return access(PROGRAM, X_OK) == 0;
}

static bool is_shared(const struct ecs_task_definition *definition)
{
    return definition->pid_mode == ECS_PID_MODE_TASK || definition->ipc_mode == ECS_IPC_MODE_TASK;
}

static const struct ecs_task_definition *definition_of(const struct hosted *hosted)
{
    return hosted->task->assignment->task_definition;
}

static void name_holder(const struct hosted *hosted, char id[CONTAINER_ID_BYTES])
{
    (void)snprintf(id, CONTAINER_ID_BYTES, "%.58s-pause", hosted->task_id);
}

static const char *path_of(const struct hosted *hosted, const char *name, struct arena *arena)
{
    return arena_printf(arena, "%s/pause/%s", hosted->storage, name).ptr;
}

/* ---- shared memory ---- */

static bool mount_shm(const char *path, struct fail *f)
{
    (void)umount2(path, MNT_DETACH); /* of a former try */
    return mount("shm", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, SHM_OPTIONS) == 0 ||
           fail(f, FAIL_SYSTEM, "mount %s: %s", path, strerror(errno));
}

static bool unmount_shm(const char *path, struct fail *f)
{
    return umount2(path, MNT_DETACH) == 0 || errno == EINVAL || errno == ENOENT ||
           fail(f, FAIL_SYSTEM, "unmount %s: %s", path, strerror(errno));
}

/* ---- the container that holds them ---- */

bool shared_namespaces_have(const struct ecs_task_definition *definition, const struct ecs_system_control *control)
{
    return definition->ipc_mode == ECS_IPC_MODE_TASK && !str_starts(control->namespace, STR("net."));
}

/* Those of all containers: the last that names one counts (API reference, "SystemControl"). */
static void set_sysctls(const struct task *task, struct arena *arena, struct container_spec *spec)
{
    const struct ecs_task_definition *definition = task->assignment->task_definition;
    struct container_sysctl *all;
    size_t max = 0;

    for (size_t i = 0; i < task->container_count; i++)
        max += task->containers[i].definition->system_controls.count;
    spec->sysctls = all = arena_array(arena, struct container_sysctl, max + 1);
    for (size_t i = 0; i < task->container_count; i++) {
        const struct ecs_system_controls *own = &task->containers[i].definition->system_controls;

        for (size_t k = 0; k < own->count; k++)
            if (shared_namespaces_have(definition, &own->items[k]))
                all[spec->sysctl_count++] = (struct container_sysctl){arena_cstr(arena, own->items[k].namespace),
                                                                      arena_cstr(arena, own->items[k].value)};
    }
}

static bool make_folders(const struct hosted *hosted, struct arena *arena, struct fail *f)
{
    static const char *const names[] = {"", "root", "upper", "work", "shm"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!directory_make(path_of(hosted, names[i], arena), 0755, f))
            return false;
    return true;
}

static bool start_holder(struct task_engine *engine, const struct hosted *hosted, const char *id, struct arena *arena,
                         struct fail *f)
{
    static const char *const argv[] = {TARGET, "-P"};
    static const char *const drop[] = {"ALL"};
    static const struct container_mount mount = {
        .kind = CONTAINER_MOUNT_BIND, .source = PROGRAM, .target = TARGET, .read_only = true};
    struct container_spec spec = {
        .id = id,
        .task_id = hosted->task_id,
        .lower_dirs = path_of(hosted, "root", arena),
        .upper_dir = path_of(hosted, "upper", arena),
        .work_dir = path_of(hosted, "work", arena),
        .id_map = hosted->users,
        .network_namespace = hosted->places[0].netns,
        .hostname = "pause",
        .argv = argv,
        .argc = COUNT_OF(argv),
        .mounts = &mount,
        .mount_count = 1,
        .capabilities_drop = drop,
        .capabilities_drop_count = COUNT_OF(drop),
        .no_new_privileges = true,
        .limits = {.cpu_shares = SHARES, .pids_max = PIDS_MAX},
        .log_path = path_of(hosted, "log", arena),
    };

    set_sysctls(hosted->task, arena, &spec);
    return runtime_start(engine->runtime, &spec, f);
}

static bool open_all(struct task_engine *engine, const struct hosted *hosted, struct arena *arena, struct fail *f)
{
    char id[CONTAINER_ID_BYTES];

    name_holder(hosted, id);
    if (!shared_namespaces_possible())
        return fail(f, FAIL_NOT_FOUND, "containers that share namespaces need " PROGRAM ", which is not there");
    return shared_namespaces_close(engine, hosted, f) && make_folders(hosted, arena, f) &&
           (definition_of(hosted)->ipc_mode != ECS_IPC_MODE_TASK || mount_shm(path_of(hosted, "shm", arena), f)) &&
           start_holder(engine, hosted, id, arena, f);
}

bool shared_namespaces_open(struct task_engine *engine, const struct hosted *hosted, struct fail *f)
{
    struct arena arena;
    bool good;

    if (!is_shared(definition_of(hosted)) || hosted->task->container_count == 0)
        return true;
    arena_init(&arena, (size_t)1 << 20);
    good = open_all(engine, hosted, &arena, f);
    arena_free(&arena);
    return good;
}

bool shared_namespaces_close(struct task_engine *engine, const struct hosted *hosted, struct fail *f)
{
    char id[CONTAINER_ID_BYTES];
    struct arena arena;
    bool good;

    if (!is_shared(definition_of(hosted)))
        return true;
    name_holder(hosted, id);
    arena_init(&arena, (size_t)1 << 16);
    good = (runtime_delete(engine->runtime, id, f) || f->code == FAIL_NOT_FOUND) &&
           unmount_shm(path_of(hosted, "shm", &arena), f);
    arena_free(&arena);
    return good;
}

/* ---- joining ---- */

/* Its pid on this machine; 0: it is not there. */
static bool find_holder(struct task_engine *engine, const struct hosted *hosted, int *ret_pid, struct fail *f)
{
    char id[CONTAINER_ID_BYTES];
    struct runtime_container *containers;
    size_t count;
    int pid = 0;

    name_holder(hosted, id);
    if (!runtime_list(engine->runtime, &containers, &count, f))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(containers[i].id, id) == 0 && containers[i].state == RUNTIME_RUNNING)
            pid = containers[i].pid;
    free(containers);
    *ret_pid = pid;
    return pid > 0 || fail(f, FAIL_NOT_FOUND, "what holds the task's namespaces has ended");
}

bool shared_namespaces_find(struct task_engine *engine, const struct hosted *hosted, struct arena *arena,
                            struct shared_namespaces *ret_shared, struct fail *f)
{
    const struct ecs_task_definition *definition = definition_of(hosted);
    struct shared_namespaces shared = {.no_shm = definition->ipc_mode == ECS_IPC_MODE_NONE_};
    int holder = 0;

    if (is_shared(definition) && !find_holder(engine, hosted, &holder, f))
        return false;
    if (definition->pid_mode == ECS_PID_MODE_TASK)
        shared.pid = arena_printf(arena, "/proc/%d/ns/pid", holder).ptr;
    if (definition->pid_mode == ECS_PID_MODE_HOST)
        shared.pid = "/proc/self/ns/pid";
    if (definition->ipc_mode == ECS_IPC_MODE_TASK) {
        shared.ipc = arena_printf(arena, "/proc/%d/ns/ipc", holder).ptr;
        shared.shm_dir = path_of(hosted, "shm", arena);
    }
    if (definition->ipc_mode == ECS_IPC_MODE_HOST) {
        shared.ipc = "/proc/self/ns/ipc";
        shared.shm_dir = "/dev/shm";
    }
    *ret_shared = shared;
    return true;
}
