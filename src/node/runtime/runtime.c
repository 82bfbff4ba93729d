/* Owns the opening of an installation's state, with the containers in it, and what is done to a running container.
 * Starting and removing is runtime_start.c, noticing ends runtime_exit.c. */
#include "base/must.h"
#include "node/runtime/capabilities.h"
#include "node/runtime/runtime_internal.h"
#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

enum { CODE_KILLED = 128 + SIGKILL, END_PATIENCE_MS = 1000 };

void container_directory(const struct runtime *runtime, const char *id, char path[PATH_BYTES])
{
    path_format(path, "%s/c/%s", runtime->state_dir, id);
}

void container_exit_path(const struct runtime *runtime, const char *id, char path[PATH_BYTES])
{
    path_format(path, "%s/%s", runtime->exits_dir, id);
}

void task_cgroup(const struct runtime *runtime, const char *task_id, char path[PATH_BYTES])
{
    path_format(path, "%s/%s", runtime->cgroup_root, task_id);
}

struct container *container_new(const char *id)
{
    struct container *container = calloc(1, sizeof(*container));

    if (container == NULL)
        return NULL;
    (void)snprintf(container->record.id, sizeof(container->record.id), "%s", id);
    container->pidfd = -1;
    container->supervisor = -1;
    list_init(&container->pending_link);
    return container;
}

void container_free(struct runtime *runtime, struct container *container)
{
    container_unwatch(runtime, container);
    close_fd_at(&container->pidfd);
    list_remove(&container->pending_link);
    free(container);
}

/* A container that is as it should be goes on; any other has ended by now, or is ended here. */
static bool adopt(struct runtime *runtime, struct container *container, const char *directory, struct fail *f)
{
    if (!container_watch(runtime, container, directory, f))
        return false;
    container->state = CONTAINER_RUNNING;
    if (container->supervisor >= 0 && container->pidfd >= 0 && !container_has_ended(runtime, container))
        return true;
    if (!container_has_ended(runtime, container) && !container_write_lost(runtime, &container->record, f))
        return false;
    container_set_stopped(container);
    container_wake(runtime, container);
    return true;
}

/* Nobody was told that it runs: it is started anew, if it shall run. */
static bool clear_half_started(struct runtime *runtime, const char *id, const char *directory,
                               const struct container_record *record, struct fail *f)
{
    auto_fd supervisor = container_open_supervisor(directory);

    return container_clear_away(runtime, id, record->cgroup, supervisor, f);
}

static bool adopt_directory(struct runtime *runtime, const char *id, struct fail *f)
{
    char directory[PATH_BYTES];
    struct container *container;
    struct container_record record;
    struct fail unreadable;

    container_directory(runtime, id, directory);
    if (!container_record_read(directory, &record, &unreadable))
        return container_clear_away(runtime, id, NULL, -1, f);
    if (record.started_ms == 0)
        return clear_half_started(runtime, id, directory, &record, f);
    container = container_new(id);
    if (container == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    container->record = record;
    if (!adopt(runtime, container, directory, f)) {
        container_free(runtime, container);
        return fail_in(f, "take over container %s", id);
    }
    (void)map_put(&runtime->containers, str_of(container->record.id), container);
    return true;
}

static bool adopt_all(struct runtime *runtime, struct fail *f)
{
    char path[PATH_BYTES];
    DIR *directory;
    bool good = true;

    path_format(path, "%s/c", runtime->state_dir);
    directory = opendir(path);
    if (directory == NULL)
        return fail(f, FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    for (struct dirent *entry = readdir(directory); entry != NULL && good; entry = readdir(directory))
        if (container_id_valid(entry->d_name))
            good = adopt_directory(runtime, entry->d_name, f);
    (void)closedir(directory);
    return good;
}

static bool make_directory(const char *path, struct fail *f)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "create %s: %s", path, strerror(errno));
    return true;
}

static bool instance_valid(const char *instance)
{
    size_t len = instance == NULL ? 0 : strlen(instance);

    return len > 0 && len < RUNTIME_INSTANCE_BYTES && strspn(instance, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool open_state(struct runtime *runtime, const struct runtime_options *options, struct fail *f)
{
    static const char *const directories[] = {"", "/c", "/exits", "/oci"};

    if (options->state_dir[0] != '/' ||
        !str_to_buffer(str_of(options->state_dir), runtime->state_dir, sizeof(runtime->state_dir)))
        return fail(f, FAIL_INPUT, "the state directory must be an absolute path of at most %d bytes",
                    RUNTIME_STATE_DIR_BYTES - 1);
    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        char path[PATH_BYTES];

        path_format(path, "%s%s", runtime->state_dir, directories[i]);
        if (!make_directory(path, f))
            return false;
    }
    (void)snprintf(runtime->exits_dir, sizeof(runtime->exits_dir), "%s/exits", runtime->state_dir);
    return directory_lock(runtime->state_dir, &runtime->lock_fd, f);
}

static void find_init(struct runtime *runtime, const char *wanted)
{
    static const char *const candidates[] = {"/usr/bin/catatonit", "/usr/libexec/catatonit/catatonit", "/usr/bin/tini",
                                             "/usr/bin/tini-static", "/usr/bin/docker-init"};

    for (size_t i = 0; i < COUNT_OF(candidates) && wanted == NULL; i++)
        if (access(candidates[i], X_OK) == 0)
            wanted = candidates[i];
    if (wanted != NULL && str_to_buffer(str_of(wanted), runtime->init, sizeof(runtime->init)))
        runtime->host.init = runtime->init;
}

static bool look_over_host(struct runtime *runtime, const struct runtime_options *options, struct fail *f)
{
    const char *parent = options->cgroup_parent == NULL ? "" : options->cgroup_parent;
    uint64_t bounding;

    if (!instance_valid(options->instance))
        return fail(f, FAIL_INPUT, "an instance name is 1 to %d of a-z, 0-9 and -", RUNTIME_INSTANCE_BYTES - 1);
    if (!cgroup_detect("/proc/self/mountinfo", &runtime->cgroups, f) || !capabilities_bounding(&bounding, f))
        return false;
    if (geteuid() != 0 || (bounding & UINT64_C(1) << CAP_SYS_ADMIN) == 0)
        return fail(f, FAIL_DENIED, "containers need root with CAP_SYS_ADMIN");
    runtime->host.capabilities_bounding = bounding;
    runtime->host.may_raise_rlimits = (bounding & UINT64_C(1) << CAP_SYS_RESOURCE) != 0;
    if ((size_t)snprintf(runtime->cgroup_root, sizeof(runtime->cgroup_root), "%s/berth-%s", parent,
                         options->instance) >= sizeof(runtime->cgroup_root))
        return fail(f, FAIL_INPUT, "the cgroup parent %s is too long", parent);
    find_init(runtime, options->init);
    return true;
}

/* An OCI runtime keeps a directory there for each container that it has not yet deleted. */
static bool has_oci_containers(const struct runtime *runtime)
{
    char path[PATH_BYTES];
    DIR *directory;
    bool found = false;

    path_format(path, "%s/oci", runtime->state_dir);
    directory = opendir(path);
    for (struct dirent *entry = directory == NULL ? NULL : readdir(directory); entry != NULL && !found;
         entry = readdir(directory))
        found = entry->d_name[0] != '.';
    if (directory != NULL)
        (void)closedir(directory);
    return found;
}

static bool find_tools(struct runtime *runtime, const struct runtime_options *options, struct fail *f)
{
    const char *shadow = runtime->cgroups.layout == CGROUP_HYBRID ? runtime->cgroups.unified_mount : NULL;
    char root[PATH_BYTES];

    path_format(root, "%s/oci", runtime->state_dir);
    return oci_tools_find(options->oci_runtime == NULL ? "crun" : options->oci_runtime,
                          options->conmon == NULL ? "conmon" : options->conmon, root, shadow, &runtime->tools, f);
}

static bool open_launchers(struct runtime *runtime, const struct runtime_options *options, struct fail *f)
{
    runtime->starts_native = options->oci_runtime == NULL && runtime->cgroups.layout != CGROUP_V2;
    if (!native_launcher_start(&runtime->native, f))
        return false;
    return (runtime->starts_native && !has_oci_containers(runtime)) || find_tools(runtime, options, f);
}

static bool open_events(struct runtime *runtime, struct fail *f)
{
    struct epoll_event inotify = {.events = EPOLLIN, .data.ptr = &runtime->inotify_fd};
    struct epoll_event waking = {.events = EPOLLIN, .data.ptr = &runtime->wake_fd};

    runtime->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    runtime->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    runtime->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (runtime->epoll_fd < 0 || runtime->inotify_fd < 0 || runtime->wake_fd < 0 ||
        inotify_add_watch(runtime->inotify_fd, runtime->exits_dir, IN_CLOSE_WRITE | IN_MOVED_TO) < 0 ||
        epoll_ctl(runtime->epoll_fd, EPOLL_CTL_ADD, runtime->inotify_fd, &inotify) != 0 ||
        epoll_ctl(runtime->epoll_fd, EPOLL_CTL_ADD, runtime->wake_fd, &waking) != 0)
        return fail(f, FAIL_SYSTEM, "watch %s: %s", runtime->exits_dir, strerror(errno));
    return true;
}

bool runtime_open(const struct runtime_options *options, struct runtime **ret_runtime, struct fail *f)
{
    struct runtime *runtime = calloc(1, sizeof(*runtime));

    must(options->exited != NULL);
    if (runtime == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    runtime->exited = options->exited;
    runtime->context = options->context;
    runtime->lock_fd = runtime->epoll_fd = runtime->inotify_fd = runtime->wake_fd = -1;
    list_init(&runtime->pending);
    (void)pthread_mutex_init(&runtime->lock, NULL);
    if (!open_state(runtime, options, f) || !look_over_host(runtime, options, f) ||
        !open_launchers(runtime, options, f) || !open_events(runtime, f) || !adopt_all(runtime, f)) {
        runtime_close(runtime);
        return false;
    }
    *ret_runtime = runtime;
    return true;
}

void runtime_close(struct runtime *runtime)
{
    size_t at = 0;

    for (struct container *c = map_next(&runtime->containers, &at); c != NULL; c = map_next(&runtime->containers, &at))
        container_free(runtime, c);
    map_free(&runtime->containers);
    for (size_t i = 0; i < runtime->filter_count; i++)
        seccomp_program_free(&runtime->filters[i].program);
    native_launcher_end(runtime->native);
    close_fd_at(&runtime->epoll_fd);
    close_fd_at(&runtime->inotify_fd);
    close_fd_at(&runtime->wake_fd);
    close_fd_at(&runtime->lock_fd);
    (void)pthread_mutex_destroy(&runtime->lock);
    free(runtime);
}

void runtime_describe(const struct runtime *runtime, char *text, size_t size)
{
    static const char *const layouts[] = {[CGROUP_V1] = "v1", [CGROUP_HYBRID] = "v1 (hybrid)", [CGROUP_V2] = "v2"};

    bool native = runtime->starts_native;

    (void)snprintf(text, size, "cgroups %s below %s, runtime %s%s%s, init %s%s", layouts[runtime->cgroups.layout],
                   runtime->cgroup_root, native ? "our own" : runtime->tools.runtime, native ? "" : " under ",
                   native ? "" : runtime->tools.conmon, runtime->host.init == NULL ? "none" : runtime->host.init,
                   runtime->host.may_raise_rlimits ? "" : ", no CAP_SYS_RESOURCE: hard ulimits cannot be raised");
}

bool runtime_list(struct runtime *runtime, struct runtime_container **ret_containers, size_t *ret_count, struct fail *f)
{
    auto_free struct runtime_container *containers = NULL;
    struct container *container;
    size_t count = 0;
    size_t at = 0;

    (void)pthread_mutex_lock(&runtime->lock);
    containers = calloc(runtime->containers.count + 1, sizeof(*containers));
    while (containers != NULL && (container = map_next(&runtime->containers, &at)) != NULL) {
        struct runtime_container *item = &containers[count];

        if (container->state != CONTAINER_RUNNING && container->state != CONTAINER_STOPPED)
            continue;
        memcpy(item->id, container->record.id, sizeof(item->id));
        memcpy(item->task_id, container->record.task_id, sizeof(item->task_id));
        item->state = container->state == CONTAINER_RUNNING ? RUNTIME_RUNNING : RUNTIME_STOPPED;
        item->pid = container->pid;
        item->started_ms = container->record.started_ms;
        count++;
    }
    (void)pthread_mutex_unlock(&runtime->lock);
    if (containers == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    *ret_containers = take_ptr(&containers);
    *ret_count = count;
    return true;
}

static bool check_id(const char *id, const char *what, struct fail *f)
{
    return container_id_valid(id) || fail(f, FAIL_INPUT, "invalid %s id", what);
}

bool runtime_task_cgroup_create(struct runtime *runtime, const char *task_id, const struct cgroup_limits *limits,
                                struct fail *f)
{
    char cgroup[PATH_BYTES];

    if (!check_id(task_id, "task", f))
        return false;
    task_cgroup(runtime, task_id, cgroup);
    return cgroup_create(&runtime->cgroups, cgroup, limits, f);
}

bool runtime_task_cgroup_delete(struct runtime *runtime, const char *task_id, struct fail *f)
{
    char cgroup[PATH_BYTES];

    if (!check_id(task_id, "task", f))
        return false;
    task_cgroup(runtime, task_id, cgroup);
    return cgroup_delete(&runtime->cgroups, cgroup, f);
}

bool runtime_task_stats(struct runtime *runtime, const char *task_id, struct cgroup_stats *ret_stats, struct fail *f)
{
    char cgroup[PATH_BYTES];

    if (!check_id(task_id, "task", f))
        return false;
    task_cgroup(runtime, task_id, cgroup);
    return cgroup_stats(&runtime->cgroups, cgroup, ret_stats, f);
}

/* A container as it is now, safe to use without the lock. pidfd is the caller's to close. */
struct glance {
    struct container_record record;
    enum container_state state;
    int pidfd; /* -1 unless it runs */
};

static bool glance(struct runtime *runtime, const char *id, struct glance *ret_glance, struct fail *f)
{
    struct container *container;

    (void)pthread_mutex_lock(&runtime->lock);
    container = map_get(&runtime->containers, str_of(id));
    if (container != NULL && container->state != CONTAINER_STARTING)
        *ret_glance = (struct glance){
            .record = container->record,
            .state = container->state,
            .pidfd = container->pidfd < 0 ? -1 : fcntl(container->pidfd, F_DUPFD_CLOEXEC, 3),
        };
    else
        container = NULL;
    (void)pthread_mutex_unlock(&runtime->lock);
    return container != NULL || fail(f, FAIL_NOT_FOUND, "there is no container %s", id);
}

bool runtime_signal(struct runtime *runtime, const char *id, int signal, struct fail *f)
{
    struct glance now;
    int error = 0;

    if (!glance(runtime, id, &now, f))
        return false;
    if (now.pidfd >= 0 && pidfd_send_signal(now.pidfd, signal, NULL, 0) != 0)
        error = errno;
    close_fd_at(&now.pidfd);
    if (error != 0 && error != ESRCH)
        return fail(f, FAIL_SYSTEM, "signal %d to container %s: %s", signal, id, strerror(error));
    return true;
}

bool runtime_kill(struct runtime *runtime, const char *id, struct fail *f)
{
    struct glance now;

    if (!glance(runtime, id, &now, f))
        return false;
    close_fd_at(&now.pidfd);
    return cgroup_kill(&runtime->cgroups, now.record.cgroup, KILL_TIMEOUT_MS, f);
}

/* The kernel kills all others of a container before its first process, whose end takes them along, can be seen. */
static bool ends_soon(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    return pidfd < 0 || poll(&end, 1, END_PATIENCE_MS) > 0;
}

bool runtime_exec(struct runtime *runtime, const char *id, const struct runtime_exec_options *options, int *ret_code,
                  struct fail *f)
{
    char directory[PATH_BYTES];
    struct launch_exec exec = {
        .id = id,
        .directory = directory,
        .argv = options->argv,
        .argc = options->argc,
        .working_directory = options->directory,
        .output = options->output,
        .timeout_ms = options->timeout_ms,
    };
    struct glance now;
    bool done;

    must(options->timeout_ms > 0);
    if (options->argc == 0)
        return fail(f, FAIL_INPUT, "no command specified");
    if (!glance(runtime, id, &now, f))
        return false;
    container_directory(runtime, id, directory);
    exec.cgroup = now.record.cgroup;
    exec.pidfd = now.pidfd;
    if (now.state != CONTAINER_RUNNING)
        done = fail(f, FAIL_CONFLICT, "container %s is not running", id);
    else if (now.record.native)
        done = native_exec(runtime->native, &exec, ret_code, f);
    else
        done = oci_exec(&runtime->tools, &exec, ret_code, f);
    if ((done ? *ret_code == CODE_KILLED : f->code != FAIL_LIMIT) && ends_soon(now.pidfd))
        done = fail(f, FAIL_CONFLICT, "container %s has ended", id);
    close_fd_at(&now.pidfd);
    return done;
}

bool runtime_exec_terminal(struct runtime *runtime, const char *id, const char *const *argv, size_t argc,
                           struct terminal_exec *ret_exec, struct fail *f)
{
    char directory[PATH_BYTES];
    struct launch_exec exec = {.id = id, .directory = directory, .argv = argv, .argc = argc};
    char procs_path[PATH_BYTES];
    struct glance now;
    bool done;

    if (argc == 0)
        return fail(f, FAIL_INPUT, "no command specified");
    if (!glance(runtime, id, &now, f))
        return false;
    container_directory(runtime, id, directory);
    exec.cgroup = now.record.cgroup;
    exec.pidfd = now.pidfd;
    path_format(procs_path, "%s%s/cgroup.procs", runtime->cgroups.trees[0].mount, exec.cgroup);
    if (now.state != CONTAINER_RUNNING)
        done = fail(f, FAIL_CONFLICT, "container %s is not running", id);
    else if (now.record.native)
        done = native_exec_terminal(runtime->native, &exec, ret_exec, f);
    else
        done = oci_exec_terminal(&runtime->tools, &exec, procs_path, ret_exec, f);
    close_fd_at(&now.pidfd);
    return done;
}

bool runtime_stats(struct runtime *runtime, const char *id, struct cgroup_stats *ret_stats, struct fail *f)
{
    struct glance now;

    if (!glance(runtime, id, &now, f))
        return false;
    close_fd_at(&now.pidfd);
    return cgroup_stats(&runtime->cgroups, now.record.cgroup, ret_stats, f);
}
