/* Owns the start of a container and its removal. */
#include "node/runtime/runtime_internal.h"

#include "node/runtime/oci_bundle.h"
#include "node/runtime/user_namespace.h"
#include "node/runtime/volume_fill.h"
#include "os/clock.h"
#include "os/files.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>

enum { SUPERVISOR_TIMEOUT_MS = 10000, ARENA_BYTES = 16 << 20 };

/* What one start holds while it lasts. */
struct start {
    struct runtime *runtime;
    const struct container_spec *spec;
    struct container *container;
    char directory[PATH_BYTES];
    char mount_point[PATH_BYTES];
    struct arena arena;
    struct rootfs rootfs;
    int user_namespace; /* -1: none */
    struct container_plan plan;
    struct seccomp_program own_filter; /* when there was no room to keep it */
};

/* The compiled filter for the capabilities; filters are kept, since compiling takes longer than the rest of a start. */
static bool find_filter(struct start *start, const struct seccomp_program **ret_program, struct fail *f)
{
    struct runtime *runtime = start->runtime;
    uint64_t capabilities = seccomp_profile_capabilities(start->plan.capabilities);
    const struct seccomp_program *found = NULL;

    (void)pthread_mutex_lock(&runtime->lock);
    for (size_t i = 0; i < runtime->filter_count; i++)
        if (runtime->filters[i].capabilities == capabilities)
            found = &runtime->filters[i].program;
    (void)pthread_mutex_unlock(&runtime->lock);
    if (found != NULL) {
        *ret_program = found;
        return true;
    }
    if (!seccomp_profile_compile(capabilities, &start->own_filter, f))
        return false;
    *ret_program = &start->own_filter;
    (void)pthread_mutex_lock(&runtime->lock);
    if (runtime->filter_count < FILTERS_MAX) {
        struct filter *kept = &runtime->filters[runtime->filter_count++];

        kept->capabilities = capabilities;
        kept->program = start->own_filter;
        start->own_filter = (struct seccomp_program){0};
        *ret_program = &kept->program;
    }
    (void)pthread_mutex_unlock(&runtime->lock);
    return true;
}

/* The exit file, and what was to become it. */
static bool remove_exit_files(const struct runtime *runtime, const char *id, struct fail *f)
{
    static const char *const suffixes[] = {"", "~"};
    char exit_path[PATH_BYTES];
    char path[PATH_BYTES];

    container_exit_path(runtime, id, exit_path);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        path_format(path, "%s%s", exit_path, suffixes[i]);
        if (unlink(path) != 0 && errno != ENOENT)
            return fail(f, FAIL_SYSTEM, "remove %s: %s", path, strerror(errno));
    }
    return true;
}

static bool make_directories(struct start *start, struct fail *f)
{
    const char *const directories[] = {start->directory, start->mount_point};

    container_directory(start->runtime, start->spec->id, start->directory);
    path_format(start->mount_point, "%s/rootfs", start->directory);
    for (size_t i = 0; i < COUNT_OF(directories); i++)
        if (mkdir(directories[i], 0700) != 0)
            return fail(f, FAIL_SYSTEM, "create %s: %s", directories[i], strerror(errno));
    return remove_exit_files(start->runtime, start->spec->id, f); /* of a life whose removal was interrupted */
}

/* The one that owns the network namespace, so that the container's root may use and set up its network; a new one where
 * that is the host's. */
static bool open_user_namespace(struct start *start, struct fail *f)
{
    return user_namespace_of_network(start->spec->network_namespace, &start->user_namespace, f) &&
           (start->user_namespace >= 0 || user_namespace_open(&start->spec->id_map, &start->user_namespace, f));
}

/* The state directory is closed to the container's users, among whom crun is when it looks for the root. */
static bool make_open_mount_point(struct start *start, struct fail *f)
{
    path_format(start->mount_point, "%s", OCI_BUNDLE_OPEN_ROOT);
    return mkdir(start->mount_point, 0755) == 0 || errno == EEXIST ||
           fail(f, FAIL_SYSTEM, "create %s: %s", start->mount_point, strerror(errno));
}

static bool mount_root(struct start *start, struct fail *f)
{
    bool for_crun = !start->runtime->starts_native;
    struct rootfs_options options = {
        .spec = start->spec,
        .mount_point = start->mount_point,
        .shadow = for_crun ? start->runtime->tools.shadow.target : NULL,
        .own_null = for_crun,
    };

    if (start->spec->id_map.count > 0 &&
        (!open_user_namespace(start, f) || (for_crun && !make_open_mount_point(start, f))))
        return false;
    options.user_namespace = start->user_namespace;
    return rootfs_mount(&options, &start->rootfs, f);
}

static bool fill_volumes(const struct start *start, struct fail *f)
{
    for (size_t i = 0; i < start->spec->mount_count; i++) {
        const struct container_mount *mount = &start->spec->mounts[i];

        if (mount->fill && !volume_fill(mount->source, start->rootfs.root_fd, mount->target, f))
            return false;
    }
    return true;
}

static bool write_record(struct start *start, int64_t started_ms, struct fail *f)
{
    struct container_record *record = &start->container->record;

    record->started_ms = started_ms;
    return container_record_write(start->directory, record, f);
}

static bool launch_oci(struct start *start, const struct launch *what, struct fail *f)
{
    return oci_bundle_write(&start->plan, what->seccomp, what->user_namespace, start->directory, f) &&
           write_record(start, 0, f) && oci_launch(&start->runtime->tools, what, f);
}

static bool launch_native(struct start *start, const struct launch *what, struct fail *f)
{
    struct runtime *runtime = start->runtime;

    start->container->record.native = true;
    return write_record(start, 0, f) && native_launch(runtime->native, &runtime->cgroups, what, f);
}

static bool launch(struct start *start, struct fail *f)
{
    struct runtime *runtime = start->runtime;
    struct container_record *record = &start->container->record;
    struct launch what = {
        .plan = &start->plan,
        .rootfs = &start->rootfs,
        .directory = start->directory,
        .exits_directory = runtime->exits_dir,
    };

    if (!mount_root(start, f) || !fill_volumes(start, f) ||
        !container_plan_make(start->spec, &runtime->host, start->rootfs.root_fd, record->cgroup, &start->arena,
                             &start->plan, f))
        return false;
    if (start->plan.seccomp && !find_filter(start, &what.seccomp, f))
        return false;
    what.user_namespace = start->user_namespace;
    return (runtime->starts_native ? launch_native(start, &what, f) : launch_oci(start, &what, f)) &&
           write_record(start, clock_moment().wall_ms, f);
}

/* The container is there for others to see: an end that came earlier has found it STARTING and passed it over. */
static bool enter(struct start *start, struct fail *f)
{
    struct runtime *runtime = start->runtime;
    struct container *container = start->container;
    bool good;

    (void)pthread_mutex_lock(&runtime->lock);
    good = container_watch(runtime, container, start->directory, f);
    if (good) {
        container->state = CONTAINER_RUNNING;
        if (container->supervisor < 0 || container_has_ended(runtime, container))
            container_wake(runtime, container);
    }
    (void)pthread_mutex_unlock(&runtime->lock);
    return good;
}

/* Takes the id, so that a second start of it is refused at once. */
static bool reserve(struct start *start, struct fail *f)
{
    struct runtime *runtime = start->runtime;
    const struct container_spec *spec = start->spec;
    struct container *container = container_new(spec->id);
    struct container_record *record;
    bool taken;

    if (container == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    record = &container->record;
    (void)snprintf(record->task_id, sizeof(record->task_id), "%s", spec->task_id);
    (void)snprintf(record->cgroup, sizeof(record->cgroup), "%s/%s/%s", runtime->cgroup_root, spec->task_id, spec->id);
    (void)snprintf(record->log_path, sizeof(record->log_path), "%s", spec->log_path);
    (void)pthread_mutex_lock(&runtime->lock);
    taken = map_get(&runtime->containers, str_of(record->id)) != NULL;
    if (!taken)
        (void)map_put(&runtime->containers, str_of(record->id), container);
    (void)pthread_mutex_unlock(&runtime->lock);
    start->container = container;
    if (!taken)
        return true;
    container_free(runtime, container);
    return fail(f, FAIL_CONFLICT, "there is a container %s already", spec->id);
}

static void forget(struct runtime *runtime, struct container *container)
{
    (void)pthread_mutex_lock(&runtime->lock);
    (void)map_remove(&runtime->containers, str_of(container->record.id));
    container_free(runtime, container);
    (void)pthread_mutex_unlock(&runtime->lock);
}

static bool undo(struct start *start, struct fail *f)
{
    struct fail also;
    const struct container *container = start->container;
    bool clean =
        container_clear_away(start->runtime, start->spec->id, container->record.cgroup, container->supervisor, &also);

    forget(start->runtime, start->container);
    return clean ? false : fail_in(f, "(its clean-up failed, too: %.200s)", also.message);
}

bool runtime_start(struct runtime *runtime, const struct container_spec *spec, struct fail *f)
{
    struct start start = {.runtime = runtime, .spec = spec, .rootfs = {-1, -1}, .user_namespace = -1};
    bool done;

    if (!container_spec_check(spec, f) || !reserve(&start, f))
        return false;
    arena_init(&start.arena, ARENA_BYTES);
    done = make_directories(&start, f) && launch(&start, f) && enter(&start, f);
    rootfs_close(&start.rootfs);
    close_fd_at(&start.user_namespace);
    arena_free(&start.arena);
    seccomp_program_free(&start.own_filter);
    return done || undo(&start, f);
}

/* Its supervisor ends soon after the container; it must not write into what we remove. */
static bool wait_for_supervisor(int supervisor, struct fail *f)
{
    struct pollfd end = {.fd = supervisor, .events = POLLIN};
    int64_t deadline_ms = clock_monotonic_ms() + SUPERVISOR_TIMEOUT_MS;
    int ready;

    do
        ready = supervisor < 0 ? 1 : poll(&end, 1, clock_left_ms(deadline_ms));
    while (ready < 0 && errno == EINTR);
    return ready > 0 || fail(f, FAIL_LIMIT, "the supervisor has not ended within %d ms", SUPERVISOR_TIMEOUT_MS);
}

bool container_clear_away(struct runtime *runtime, const char *id, const char *cgroup, int supervisor, struct fail *f)
{
    char path[PATH_BYTES];

    if (cgroup != NULL &&
        (!cgroup_kill(&runtime->cgroups, cgroup, KILL_TIMEOUT_MS, f) || !wait_for_supervisor(supervisor, f)))
        return false;
    if (runtime->tools.runtime[0] != '\0' && !oci_forget(&runtime->tools, id, f))
        return false;
    if (cgroup != NULL && !cgroup_delete(&runtime->cgroups, cgroup, f))
        return false;
    container_directory(runtime, id, path);
    return path_remove(path, f) && remove_exit_files(runtime, id, f);
}

/* Marks the container as ours to remove. A supervisor's pidfd stays open as long as the container is in the table, and
 * only we can take it out. */
static bool claim(struct runtime *runtime, const char *id, struct container **ret_container, int *ret_supervisor,
                  struct fail *f)
{
    struct container *container;
    bool busy;

    (void)pthread_mutex_lock(&runtime->lock);
    container = map_get(&runtime->containers, str_of(id));
    busy = container != NULL && (container->state == CONTAINER_STARTING || container->state == CONTAINER_DELETING);
    if (container != NULL && !busy) {
        container->state = CONTAINER_DELETING;
        *ret_supervisor = container->supervisor < 0 ? -1 : dup(container->supervisor);
        *ret_container = container;
    }
    (void)pthread_mutex_unlock(&runtime->lock);
    if (container == NULL)
        return fail(f, FAIL_NOT_FOUND, "there is no container %s", id);
    return !busy || fail(f, FAIL_CONFLICT, "container %s is being started or removed", id);
}

bool runtime_delete(struct runtime *runtime, const char *id, struct fail *f)
{
    struct container *container;
    auto_fd supervisor = -1;

    if (!claim(runtime, id, &container, &supervisor, f))
        return false;
    if (container_clear_away(runtime, id, container->record.cgroup, supervisor, f)) {
        forget(runtime, container);
        return true;
    }
    (void)pthread_mutex_lock(&runtime->lock);
    container_set_stopped(container);
    container_wake(runtime, container);
    (void)pthread_mutex_unlock(&runtime->lock);
    return fail_in(f, "remove container %s", id);
}
