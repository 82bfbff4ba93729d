/* One action of a task, from its plan to its outcome. */
#include "base/log.h"
#include "base/must.h"
#include "node/runtime/small_file.h"
#include "node/runtime/user_namespace.h"
#include "node/task/container_memory.h"
#include "node/task/engine.h"
#include "node/task/launch.h"
#include "node/task/shared_namespaces.h"
#include "node/task/users.h"
#include "os/files.h"

#include <signal.h>

/* As the ECS agent's ECS_IMAGE_CLEANUP_INTERVAL and ECS_IMAGE_MINIMUM_CLEANUP_AGE. */
#define IMAGES_COLLECT_EVERY_MS (30 * MINUTE_MS)
#define IMAGES_UNUSED_MS        HOUR_MS

enum { CHECK_TIMEOUT_S = 5, CHECK_OUTPUT_MAX = 4096, CPU_PERIOD_US = 100000, TASK_PIDS_MAX = 16384 };

static const char *container_id(const struct hosted *hosted, size_t i)
{
    return hosted->task->containers[i].runtime_id.ptr; /* NUL-terminated in the task's arena */
}

/* ---- network and cgroup ---- */

/* The task's size is a hard limit for all its containers together (developer guide, "Task size"). */
static struct cgroup_limits task_limits(const struct host_task_assignment *assignment)
{
    return (struct cgroup_limits){
        .cpu_shares = (uint64_t)assignment->cpu_units,
        .cpu_quota_us = (uint64_t)assignment->cpu_units * CPU_PERIOD_US / 1024,
        .cpu_period_us = CPU_PERIOD_US,
        .memory_bytes = (uint64_t)assignment->memory_mib << 20,
        .pids_max = TASK_PIDS_MAX,
    };
}

static bool begin_logs(struct task_engine *engine, const struct task *task, struct fail *f)
{
    for (size_t i = 0; i < task->container_count; i++)
        if (!log_shipper_begin(task_engine_shipper(engine, task, i), task->assignment, task->containers[i].definition,
                               i, f))
            return false;
    return true;
}

/* A range of users, kept in the task's folder for whoever adopts it, and a network namespace that belongs to its root.
 */
static bool take_users(struct task_engine *engine, struct hosted *hosted, int *ret_network_fd, struct fail *f)
{
    char path[TASK_PATH + 16];
    auto_buf text = {.ptr = NULL};

    if (hosted->users.count == 0 &&
        !users_take(engine->options.instance, hosted->task->assignment->task_id, 0, &hosted->users, f))
        return false;
    (void)snprintf(path, sizeof(path), "%s/users", hosted->dir);
    buf_printf(&text, "%u", hosted->users.host_first);
    return file_replace(path, buf_str(&text), 0600, f) &&
           user_namespace_open_network(&hosted->users, ret_network_fd, f);
}

static bool prepare(struct task_engine *engine, struct hosted *hosted, struct fail *f)
{
    const struct task_engine_port *port = &engine->options.port;

    return (port->prepare == NULL || port->prepare(port->context, hosted, f)) && env_fetch(engine, hosted, f);
}

static bool make_network(struct task_engine *engine, struct hosted *hosted, struct fail *f)
{
    const struct task_engine_port *port = &engine->options.port;
    struct cgroup_limits limits = task_limits(hosted->task->assignment);
    auto_fd namespace_fd = -1;

    if (engine->maps_users && !take_users(engine, hosted, &namespace_fd, f))
        return false;
    return hosted_storage_open(hosted, f) && prepare(engine, hosted, f) &&
           port->network_make(port->context, hosted, namespace_fd, f) &&
           runtime_task_cgroup_create(engine->runtime, hosted->task_id, &limits, f) &&
           shared_namespaces_open(engine, hosted, f) && begin_logs(engine, hosted->task, f);
}

static void network(struct task_engine *engine, struct hosted *hosted)
{
    struct fail f;
    bool good = make_network(engine, hosted, &f);
    struct fail why = f;

    if (!good)
        (void)fail(&why, f.code, "ResourceInitializationError: %s", f.message);
    (void)pthread_mutex_lock(&engine->lock);
    if (good)
        hosted_places_known(hosted);
    task_network_done(hosted->task, good, good ? STR("") : str_of(why.message));
    (void)pthread_mutex_unlock(&engine->lock);
}

static void remove_network(struct task_engine *engine, struct hosted *hosted)
{
    const struct task_engine_port *port = &engine->options.port;
    const struct host_task_assignment *assignment = hosted->task->assignment;
    struct fail f;

    if (!hosted->logs_ended) { /* then the action comes again */
        task_engine_end_logs(engine, hosted->task);
        return;
    }
    if (!shared_namespaces_close(engine, hosted, &f))
        log_error("task %.*s: what its containers shared stays: %s", STR_ARG(assignment->task_id), f.message);
    port->network_remove(port->context, hosted);
    if (!runtime_task_cgroup_delete(engine->runtime, hosted->task_id, &f))
        log_error("task %.*s: its cgroup stays: %s", STR_ARG(assignment->task_id), f.message);
    if (!hosted_storage_close(hosted, &f) || !hosted_remove_files(hosted, &f))
        log_error("task %.*s: its files stay: %s", STR_ARG(assignment->task_id), f.message);
    else
        users_give(&hosted->users);
    (void)pthread_mutex_lock(&engine->lock);
    task_network_removed(hosted->task, task_engine_now_ms());
    hosted_keep_end(hosted);
    (void)pthread_mutex_unlock(&engine->lock);
}

/* ---- images ---- */

static void collect_images(struct task_engine *engine, int64_t unused_ms)
{
    struct image_gc_result gone;
    struct fail f;

    if (!image_gc(engine->images, NULL, 0, unused_ms, &gone, &f))
        log_error("images that nothing uses stay: %s", f.message);
    else if (gone.images > 0)
        log_info("removed %zu images that nothing uses, %zu layers, %ju bytes", gone.images, gone.layers,
                 (uintmax_t)gone.bytes);
}

/* Before a pull, since nothing else takes room for images. */
static void collect_images_at_times(struct task_engine *engine)
{
    int64_t now_ms = clock_monotonic_ms();
    bool due;

    (void)pthread_mutex_lock(&engine->lock);
    due = now_ms >= engine->collect_images_ms;
    if (due)
        engine->collect_images_ms = now_ms + IMAGES_COLLECT_EVERY_MS;
    (void)pthread_mutex_unlock(&engine->lock);
    if (due)
        collect_images(engine, IMAGES_UNUSED_MS);
}

/* On a full disk what nothing uses makes room at once. */
static bool pull_image(struct task_engine *engine, const struct image_pull_request *request, struct image **ret_image,
                       struct fail *f)
{
    collect_images_at_times(engine);
    if (image_pull(engine->images, request, ret_image, f))
        return true;
    if (image_problem_of(f) != IMAGE_DISK_FULL)
        return false;
    collect_images(engine, 0);
    return image_pull(engine->images, request, ret_image, f);
}

/* Which image a container runs from, for whoever adopts it. */
static void keep_digest(const struct hosted *hosted, size_t i, struct str digest)
{
    char path[TASK_PATH + 32];
    struct fail f;

    (void)snprintf(path, sizeof(path), "%s/%zu.image", hosted->dir, i);
    if (!file_replace(path, digest, 0600, &f))
        log_warning("%s", f.message);
}

static bool ask_and_pull(struct task_engine *engine, struct hosted *hosted, size_t i, struct image **ret_image,
                         struct fail *f)
{
    const struct task_engine_port *port = &engine->options.port;
    struct image_pull_request request = {.reference = hosted->task->containers[i].definition->image};
    struct arena arena;
    bool good;

    arena_init(&arena, (size_t)1 << 20);
    good =
        port->pull_request(port->context, hosted, i, &arena, &request, f) && pull_image(engine, &request, ret_image, f);
    arena_free(&arena);
    return good;
}

static void pull(struct task_engine *engine, struct hosted *hosted, size_t i)
{
    struct image *image = NULL;
    struct fail f;
    struct fail why;
    bool good = ask_and_pull(engine, hosted, i, &image, &f);

    if (good)
        keep_digest(hosted, i, image->digest);
    if (!good)
        (void)fail(&why, f.code, "CannotPullContainerError: %s", f.message);
    (void)pthread_mutex_lock(&engine->lock);
    hosted->images[i] = image;
    task_pull_done(hosted->task, i, good, good ? image->digest : str_of(why.message), clock_moment());
    (void)pthread_mutex_unlock(&engine->lock);
}

/* ---- containers ---- */

/* The overlay's lower directories, topmost first. */
static const char *lower_dirs(const struct task_engine *engine, const struct image *image, struct arena *arena)
{
    const char *layers = image_store_layers(engine->images);
    auto_buf text = {.ptr = NULL};

    for (size_t i = image->layer_count; i-- > 0;)
        buf_printf(&text, "%s%s/%.*s", text.len == 0 ? "" : ":", layers, STR_ARG(image->layers[i]));
    return arena_cstr(arena, buf_str(&text));
}

static bool start_container(struct task_engine *engine, struct hosted *hosted, size_t i, struct arena *arena,
                            struct fail *f)
{
    char log_path[LOG_PATH_BYTES];
    char volumes_dir[TASK_PATH + 16];
    struct launch_site site = {.task_dir = hosted->dir,
                               .storage_dir = hosted->storage,
                               .log_path = log_path,
                               .place = &hosted->places[i],
                               .volumes_dir = volumes_dir,
                               .api_url = engine->options.api_url,
                               .is_fargate = engine->options.is_fargate,
                               .users = hosted->users};
    struct container_spec spec;
    struct fail f_delete;

    if (hosted->images[i] == NULL && !image_get(engine->images, hosted->task->containers[i].definition->image,
                                                (struct str){NULL, 0}, &hosted->images[i], f))
        return false; /* an adopted container that starts again, whose image is gone */
    log_shipper_path(task_engine_shipper(engine, hosted->task, i), hosted->task->assignment->task_id, i, log_path);
    (void)snprintf(volumes_dir, sizeof(volumes_dir), "%s/volumes", engine->dir);
    if (!shared_namespaces_find(engine, hosted, arena, &site.shared, f))
        return fail_in(f, "CannotStartContainerError");
    site.image = hosted->images[i];
    site.lower_dirs = lower_dirs(engine, hosted->images[i], arena);
    if (hosted->task->containers[i].started_once &&
        !runtime_delete(engine->runtime, container_id(hosted, i),
                        &f_delete)) /* a restart takes the place of the old one */
        return fail(f, f_delete.code, "CannotStartContainerError: %s", f_delete.message);
    if (!launch_spec(&site, hosted->task, i, arena, &spec, f) || !runtime_start(engine->runtime, &spec, f)) {
        struct fail why = *f;

        return fail(f, why.code, "%s: %s",
                    why.code == FAIL_INPUT ? "CannotCreateContainerError" : "CannotStartContainerError", why.message);
    }
    return true;
}

/* Writes down what an adopter must know of the container, when it has changed: a short write, and seldom. lock held, so
 * that a check and a restart do not write at once. */
static void keep_memory(struct hosted *hosted, size_t i)
{
    const struct container_memory *memory = &hosted->task->containers[i].memory;
    struct container_memory *kept = &hosted->kept[i];
    struct fail f;

    if (memory->restart_count == kept->restart_count && memory->health == kept->health &&
        memory->health_failures == kept->health_failures)
        return;
    if (container_memory_write(hosted->dir, i, memory, &f))
        *kept = *memory;
    else
        log_warning("%s", f.message);
}

static void start(struct task_engine *engine, struct hosted *hosted, size_t i)
{
    struct arena arena;
    struct fail f;
    bool good;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    (void)pthread_mutex_lock(&engine->lock);
    keep_memory(hosted, i); /* a restart is counted before it is made: killed in between, we do not forget it */
    (void)pthread_mutex_unlock(&engine->lock);
    good = start_container(engine, hosted, i, &arena, &f);
    (void)pthread_mutex_lock(&engine->lock);
    task_start_done(hosted->task, i, good, good ? STR("") : str_of(f.message), clock_moment());
    keep_memory(hosted, i);
    (void)pthread_mutex_unlock(&engine->lock);
    arena_free(&arena);
}

/* The image's STOPSIGNAL, as number or name; SIGTERM without. */
static int stop_signal(const struct hosted *hosted, size_t i)
{
    static const struct {
        struct str name;
        int number;
    } rows[] = {
        {STR_INIT("TERM"), SIGTERM},   {STR_INIT("INT"), SIGINT},     {STR_INIT("QUIT"), SIGQUIT},
        {STR_INIT("HUP"), SIGHUP},     {STR_INIT("USR1"), SIGUSR1},   {STR_INIT("USR2"), SIGUSR2},
        {STR_INIT("KILL"), SIGKILL},   {STR_INIT("WINCH"), SIGWINCH}, {STR_INIT("PWR"), SIGPWR},
        {STR_INIT("RTMIN+3"), 34 + 3},
    };
    struct str name = hosted->images[i] == NULL ? STR("") : hosted->images[i]->config.stop_signal;
    uint64_t number;

    if (str_to_uint64(name, &number) && number > 0 && number < 65)
        return (int)number;
    if (str_starts(name, STR("SIG")))
        name = str_from(name, 3);
    for (size_t k = 0; k < COUNT_OF(rows); k++)
        if (str_eq(name, rows[k].name))
            return rows[k].number;
    return SIGTERM;
}

static void terminate(struct task_engine *engine, struct hosted *hosted, size_t i)
{
    struct fail f;

    if (!runtime_signal(engine->runtime, container_id(hosted, i), stop_signal(hosted, i), &f))
        log_warning("container %s: %s", container_id(hosted, i), f.message);
}

static void kill_container(struct task_engine *engine, struct hosted *hosted, size_t i)
{
    struct fail f;

    if (!runtime_kill(engine->runtime, container_id(hosted, i), &f))
        log_warning("container %s: %s", container_id(hosted, i), f.message);
}

/* {"CMD", argv...} or {"CMD-SHELL", line} (API reference, HealthCheck); anything else is taken as argv. */
static size_t check_arguments(const struct ecs_health_check *check, struct arena *arena, const char ***ret_argv)
{
    const char **argv = arena_array(arena, const char *, check->command.count + 3);
    bool shell = str_is(check->command.items[0], "CMD-SHELL");
    size_t from = shell || str_is(check->command.items[0], "CMD") ? 1 : 0;
    size_t count = 0;

    if (shell) {
        argv[count++] = "/bin/sh";
        argv[count++] = "-c";
    }
    for (size_t k = from; k < check->command.count; k++)
        argv[count++] = arena_cstr(arena, check->command.items[k]);
    *ret_argv = argv;
    return count;
}

static void check(struct task_engine *engine, struct hosted *hosted, size_t i)
{
    const struct ecs_health_check *check = hosted->task->containers[i].definition->health_check;
    struct buf output = {.limit = CHECK_OUTPUT_MAX};
    struct arena arena;
    const char **argv;
    struct runtime_exec_options options = {.output = &output};
    struct fail f = {0};
    int code = 1;
    bool ran;

    arena_init(&arena, (size_t)1 << 20);
    options.argc = check_arguments(check, &arena, &argv);
    options.argv = argv;
    options.timeout_ms = (check->has_timeout ? check->timeout : CHECK_TIMEOUT_S) * 1000;
    ran = options.argc > 0 && runtime_exec(engine->runtime, container_id(hosted, i), &options, &code, &f);
    (void)pthread_mutex_lock(&engine->lock);
    if (!ran && (f.code == FAIL_CONFLICT || f.code == FAIL_NOT_FOUND))
        task_check_void(hosted->task, i, clock_moment());
    else
        task_check_done(hosted->task, i, ran && code == 0, clock_moment());
    keep_memory(hosted, i);
    (void)pthread_mutex_unlock(&engine->lock);
    buf_free(&output);
    arena_free(&arena);
}

static void delete (struct task_engine *engine, struct hosted *hosted, size_t i)
{
    struct fail f;

    if (!runtime_delete(engine->runtime, container_id(hosted, i), &f) && f.code != FAIL_NOT_FOUND)
        log_error("container %s stays: %s", container_id(hosted, i), f.message);
    (void)pthread_mutex_lock(&engine->lock);
    task_delete_done(hosted->task, i);
    (void)pthread_mutex_unlock(&engine->lock);
}

void task_engine_work(struct task_engine *engine, struct hosted *hosted, struct action action)
{
    switch (action.kind) {
    case ACTION_NETWORK:
        network(engine, hosted);
        break;
    case ACTION_REMOVE_NETWORK:
        remove_network(engine, hosted);
        break;
    case ACTION_PULL:
        pull(engine, hosted, action.container);
        break;
    case ACTION_START:
        start(engine, hosted, action.container);
        break;
    case ACTION_TERMINATE:
        terminate(engine, hosted, action.container);
        break;
    case ACTION_KILL:
        kill_container(engine, hosted, action.container);
        break;
    case ACTION_CHECK:
        check(engine, hosted, action.container);
        break;
    case ACTION_DELETE:
        delete (engine, hosted, action.container);
        break;
    }
}
