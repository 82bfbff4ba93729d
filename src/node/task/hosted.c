/* Tasks as the machine holds them: how they come, what their folders keep, and those that a former process left. */
#include "base/log.h"
#include "base/must.h"
#include "model/interpret.h"
#include "node/runtime/small_file.h"
#include "node/task/container_memory.h"
#include "node/task/engine.h"
#include "node/task/users.h"
#include "os/files.h"
#include "os/link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static bool is_task_id(struct str id)
{
    if (id.len == 0 || id.len > 64)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (!((id.ptr[i] >= '0' && id.ptr[i] <= '9') || (id.ptr[i] >= 'a' && id.ptr[i] <= 'z')))
            return false;
    return true;
}

void task_engine_credentials(struct hosted *hosted, const struct host_credentials *credentials)
{
    struct host_credentials *copy;

    if (credentials == NULL)
        return;
    arena_reset(&hosted->credentials_arena);
    copy = arena_new(&hosted->credentials_arena, struct host_credentials);
    value_copy(&host_credentials_shape, copy, credentials, &hosted->credentials_arena);
    hosted->credentials = copy;
}

static void *by_container(const struct task *task, size_t size)
{
    void *items = calloc(task->container_count + 1, size);

    must(items != NULL);
    return items;
}

static struct hosted *hosted_new(struct task_engine *engine, const struct host_task_assignment *assignment)
{
    struct hosted *hosted = calloc(1, sizeof(*hosted));
    struct task *task;

    must(hosted != NULL);
    task = hosted->task = task_new(assignment);
    arena_init(&hosted->credentials_arena, ARENA_LIMIT_DEFAULT);
    arena_init(&hosted->places_arena, ARENA_LIMIT_DEFAULT);
    task_engine_credentials(hosted, assignment->task_credentials);
    hosted->places = by_container(task, sizeof(*hosted->places));
    hosted->images = by_container(task, sizeof(struct image *));
    hosted->samples = by_container(task, sizeof(*hosted->samples));
    hosted->kept = by_container(task, sizeof(*hosted->kept));
    for (size_t i = 0; i < task->container_count; i++)
        hosted->kept[i] = task->containers[i].memory;
    (void)snprintf(hosted->task_id, sizeof(hosted->task_id), "%.*s", STR_ARG(assignment->task_id));
    (void)snprintf(hosted->dir, sizeof(hosted->dir), "%s/tasks/%.*s", engine->dir, STR_ARG(assignment->task_id));
    (void)snprintf(hosted->storage, sizeof(hosted->storage), "%s", hosted->dir);
    hosted->assigned = true;
    must(map_put(&engine->tasks, task->assignment->task_id, hosted) == NULL);
    return hosted;
}

/* The assignment as a file in the task's folder: what adoption reads. Never half of it, also when it is written anew
 * for a task that the server will not say again. */
static bool keep(const struct hosted *hosted, struct fail *f)
{
    char path[TASK_PATH + 16];
    auto_buf bytes = {.ptr = NULL};

    if (mkdir(hosted->dir, 0711) != 0 && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "make %s: %s", hosted->dir, strerror(errno));
    (void)snprintf(path, sizeof(path), "%s/assignment", hosted->dir);
    value_encode(&host_task_assignment_shape, hosted->task->assignment, &bytes);
    return file_replace(path, buf_str(&bytes), 0600, f);
}

static void end_path(const struct hosted *hosted, char path[TASK_PATH + 16])
{
    (void)snprintf(path, TASK_PATH + 16, "%s/end", hosted->dir);
}

void hosted_keep_end(const struct hosted *hosted)
{
    char path[TASK_PATH + 16];
    auto_buf bytes = {.ptr = NULL};
    struct host_task_report end;
    struct arena arena;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    end = task_report(hosted->task, &arena);
    value_encode(&host_task_report_shape, &end, &bytes);
    end_path(hosted, path);
    if (!file_replace(path, buf_str(&bytes), 0600, &f))
        log_warning("the end of task %s: %s", hosted->task_id, f.message);
    arena_free(&arena);
}

/* What the next process needs to tell how it ended. */
static bool is_of_its_end(const char *name)
{
    return strcmp(name, "assignment") == 0 || strcmp(name, "end") == 0;
}

bool hosted_remove_files(const struct hosted *hosted, struct fail *f)
{
    DIR *dir = opendir(hosted->dir);
    bool good = true;

    if (dir == NULL)
        return errno == ENOENT || fail(f, FAIL_SYSTEM, "read %s: %s", hosted->dir, strerror(errno));
    for (struct dirent *entry = readdir(dir); entry != NULL && good; entry = readdir(dir)) {
        char path[TASK_PATH + 300];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || is_of_its_end(entry->d_name))
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", hosted->dir, entry->d_name);
        good = path_remove(path, f);
    }
    (void)closedir(dir);
    return good;
}

/* In GiB; 0: the task asks for none, and has its part of what the machine has. */
static int32_t ephemeral_storage(const struct host_task_assignment *assignment)
{
    const struct ecs_ephemeral_storage *asked = assignment->task_definition->ephemeral_storage;

    if (assignment->overrides != NULL && assignment->overrides->ephemeral_storage != NULL)
        asked = assignment->overrides->ephemeral_storage;
    return asked == NULL ? 0 : asked->size_in_gib;
}

static void storage_dir(const struct hosted *hosted, char path[TASK_PATH + 16])
{
    (void)snprintf(path, TASK_PATH + 16, "%s/storage", hosted->dir);
}

bool hosted_storage_open(struct hosted *hosted, struct fail *f)
{
    int32_t gib = ephemeral_storage(hosted->task->assignment);
    char path[TASK_PATH + 16];

    storage_dir(hosted, path);
    return gib == 0 || (directory_make(path, 0711, f) && limited_disk_open(path, gib, hosted->storage, f));
}

bool hosted_storage_close(struct hosted *hosted, struct fail *f)
{
    char path[TASK_PATH + 16];

    storage_dir(hosted, path);
    return limited_disk_close(path, f);
}

void hosted_places_known(struct hosted *hosted)
{
    for (size_t i = 0; i < hosted->task->container_count; i++) {
        hosted->task->containers[i].address = hosted->places[i].address;
        hosted->task->containers[i].network_bindings = hosted->places[i].bindings;
    }
}

bool task_engine_supply(struct task_engine *engine, struct hosted *hosted, const struct host_task_assignment *supplied,
                        struct fail *f)
{
    (void)pthread_mutex_lock(&engine->lock);
    task_supply(hosted->task, supplied);
    (void)pthread_mutex_unlock(&engine->lock);
    return keep(hosted, f);
}

void hosted_free(struct hosted *hosted)
{
    for (size_t i = 0; i < hosted->task->container_count; i++)
        if (hosted->images[i] != NULL)
            image_release(hosted->images[i]);
    free(hosted->places);
    free(hosted->images);
    free(hosted->samples);
    free(hosted->kept);
    free(hosted->link);
    arena_free(&hosted->places_arena);
    arena_free(&hosted->credentials_arena);
    task_free(hosted->task);
    free(hosted);
}

/* What an interrupted removal leaves behind, hosted_adopt_all removes: the assignment goes first. */
static bool remove_dir(const struct hosted *hosted, struct fail *f)
{
    char path[TASK_PATH + 16];

    (void)snprintf(path, sizeof(path), "%s/assignment", hosted->dir);
    if (unlink(path) != 0 && errno != ENOENT)
        return fail(f, FAIL_SYSTEM, "remove %s: %s", path, strerror(errno));
    return path_remove(hosted->dir, f);
}

void hosted_drop(struct task_engine *engine, struct hosted *hosted)
{
    struct fail f;

    if (!remove_dir(hosted, &f))
        log_error("task %s: its files stay: %s", hosted->task_id, f.message);
    (void)map_remove(&engine->tasks, hosted->task->assignment->task_id);
    memcpy(engine->dropped[engine->dropped_next++ % DROPPED_MAX], hosted->task_id, sizeof(hosted->task_id));
    hosted_free(hosted);
}

/* A task of which nothing ever was: without containers. */
static struct hosted *empty_new(struct task_engine *engine, const struct host_task_assignment *assignment)
{
    static const struct ecs_task_definition nothing;
    struct host_task_assignment empty = *assignment;

    empty.task_definition = (struct ecs_task_definition *)(uintptr_t)&nothing;
    return hosted_new(engine, &empty);
}

/* A task that is to be stopped and never came here: it is gone as it is. */
static struct hosted *never_came(struct task_engine *engine, const struct host_task_assignment *assignment)
{
    struct hosted *hosted = empty_new(engine, assignment);

    task_want(hosted->task, false);
    task_network_removed(hosted->task, task_engine_now_ms());
    return hosted;
}

void task_engine_refuse(struct task_engine *engine, const struct host_task_assignment *assignment, struct str reason)
{
    struct hosted *hosted;

    if (!is_task_id(assignment->task_id) || map_get(&engine->tasks, assignment->task_id) != NULL)
        return;
    hosted = empty_new(engine, assignment);
    task_network_done(hosted->task, false, reason);
    task_network_removed(hosted->task, task_engine_now_ms());
}

static struct hosted *begin(struct task_engine *engine, const struct host_task_assignment *assignment)
{
    struct hosted *hosted = hosted_new(engine, assignment);
    struct fail f;

    if (!keep(hosted, &f))
        task_network_done(hosted->task, false, str_of(f.message)); /* ends the task with that reason */
    return hosted;
}

static bool was_dropped(const struct task_engine *engine, struct str task_id)
{
    for (size_t i = 0; i < DROPPED_MAX; i++)
        if (str_is(task_id, engine->dropped[i]))
            return true;
    return false;
}

struct hosted *task_engine_assign(struct task_engine *engine, const struct host_task_assignment *assignment)
{
    struct hosted *hosted = map_get(&engine->tasks, assignment->task_id);
    bool wanted = assignment->desired_status == HOST_DESIRED_STATUS_RUNNING;

    if (hosted != NULL) {
        hosted->waits = false;
        hosted->assigned = true;
        task_want(hosted->task, wanted);
        task_engine_credentials(hosted, assignment->task_credentials);
        return hosted;
    }
    if (!is_task_id(assignment->task_id)) {
        log_error("the server assigns a task that is not one: %.*s", STR_ARG(assignment->task_arn));
        return NULL;
    }
    if (!wanted)
        return never_came(engine, assignment);
    /* Without its definition the server believes that we have it: the complete report tells otherwise. */
    if (assignment->task_definition == NULL || was_dropped(engine, assignment->task_id))
        return NULL;
    return begin(engine, assignment);
}

/* ---- adoption ---- */

static bool read_assignment(const char *path, struct arena *arena, struct host_task_assignment *ret_assignment,
                            struct fail *f)
{
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *bytes;

    if (fd < 0 || fstat(fd, &st) != 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    if (st.st_size > LINK_MESSAGE_MAX)
        return fail(f, FAIL_LIMIT, "%s is too large", path);
    bytes = arena_alloc(arena, (size_t)st.st_size + 1);
    if (read(fd, bytes, (size_t)st.st_size) != st.st_size)
        return fail(f, FAIL_SYSTEM, "read %s: %s", path, strerror(errno));
    return value_decode(&host_task_assignment_shape, (struct str){bytes, (size_t)st.st_size}, ret_assignment, arena, f);
}

/* Holds what the container runs from, so that it is not collected: the tag may mean another image by now. */
static struct str adopt_image(struct task_engine *engine, struct hosted *hosted, size_t i)
{
    char path[TASK_PATH + 32];
    auto_buf digest = {.ptr = NULL};
    struct fail f;

    (void)snprintf(path, sizeof(path), "%s/%zu.image", hosted->dir, i);
    if (file_read(path, &digest, &f) && image_get_by_digest(engine->images, buf_str(&digest), &hosted->images[i], &f))
        return hosted->images[i]->digest;
    log_warning("the image of a container of task %s: %s", hosted->task_id, f.message);
    return (struct str){NULL, 0};
}

static void adopt_place(struct task_engine *engine, struct hosted *hosted)
{
    const struct task_engine_port *port = &engine->options.port;
    struct fail f;

    if (port->network_adopt(port->context, hosted, &f))
        hosted_places_known(hosted);
    else
        log_error("the network of task %s: %s", hosted->task_id, f.message);
}

static void adopt_containers(struct task_engine *engine, struct hosted *hosted)
{
    struct runtime_container *containers;
    struct task *task = hosted->task;
    size_t count;
    struct fail f;

    if (!runtime_list(engine->runtime, &containers, &count, &f)) {
        log_error("containers of a former process cannot be listed: %s", f.message);
        return;
    }
    hosted->waits = true;
    for (size_t i = 0; i < task->container_count; i++)
        for (size_t k = 0; k < count; k++)
            if (str_is(task->containers[i].runtime_id, containers[k].id)) {
                task_adopt(task, i, adopt_image(engine, hosted, i),
                           clock_moment_of(containers[k].started_ms)); /* its end, if it came, is told by the runtime */
                hosted->waits = false;
            }
    if (!hosted->waits)
        adopt_place(engine, hosted);
    free(containers);
}

static void adopt_memories(struct hosted *hosted)
{
    struct fail f;

    for (size_t i = 0; i < hosted->task->container_count; i++) {
        if (container_memory_read(hosted->dir, i, &hosted->kept[i], &f))
            task_recall(hosted->task, i, hosted->kept[i]);
        else if (f.code != FAIL_NOT_FOUND)
            log_warning("%s", f.message);
    }
}

/* A task that has no range runs as the machine's users: it is from a host that could not, or nothing of it runs. */
static void adopt_users(struct task_engine *engine, struct hosted *hosted)
{
    char path[TASK_PATH + 16];
    struct fail f;
    uint64_t first;

    (void)snprintf(path, sizeof(path), "%s/users", hosted->dir);
    if (!small_file_read_number(path, &first, &f)) {
        if (f.code != FAIL_NOT_FOUND)
            log_error("%s", f.message);
        return;
    }
    if (!users_take(engine->options.instance, hosted->task->assignment->task_id, (uint32_t)first, &hosted->users, &f))
        log_error("task %s: %s", hosted->task_id, f.message);
}

static void adopt_storage(struct hosted *hosted)
{
    struct fail f;

    if (!hosted_storage_open(hosted, &f))
        log_error("task %s: %s", hosted->task_id, f.message);
}

/* How the task stands that was STOPPED, or GONE, when the former process ended; false: it was neither. One whose end
 * cannot be read has ended, too. */
static bool read_end(const struct hosted *hosted, struct arena *arena, struct host_task_report *ret_end)
{
    char path[TASK_PATH + 16];
    auto_buf bytes = {.limit = LINK_MESSAGE_MAX};
    struct fail f;

    end_path(hosted, path);
    if (!file_read(path, &bytes, &f)) {
        if (f.code != FAIL_NOT_FOUND)
            log_error("%s", f.message);
        return false;
    }
    if (!value_decode(&host_task_report_shape, buf_str(&bytes), ret_end, arena, &f))
        log_error("%s: %s", path, f.message);
    return true;
}

static void adopt_what_is_there(struct task_engine *engine, struct hosted *hosted, const struct host_task_report *end)
{
    adopt_users(engine, hosted);
    adopt_storage(hosted);
    adopt_containers(engine, hosted);
    adopt_memories(hosted);
    if (end == NULL)
        return;
    task_recall_end(hosted->task, end);
    if (hosted->waits)
        adopt_place(engine, hosted);
    hosted->waits = false;
}

static void adopt_task(struct task_engine *engine, const char *path)
{
    struct host_task_assignment assignment = {0};
    struct host_task_report end = {0};
    struct hosted *hosted;
    struct arena arena;
    bool ended;
    struct fail f;

    arena_init(&arena, (size_t)4 * LINK_MESSAGE_MAX);
    if (!read_assignment(path, &arena, &assignment, &f) || !is_task_id(assignment.task_id) ||
        assignment.task_definition == NULL)
        log_error("a task of a former process cannot be adopted: %s: %s", path, f.message);
    else {
        hosted = hosted_new(engine, &assignment);
        ended = read_end(hosted, &arena, &end);
        if (ended && end.status == HOST_TASK_STATUS_GONE)
            task_recall_end(hosted->task, &end);
        else
            adopt_what_is_there(engine, hosted, ended ? &end : NULL);
    }
    arena_free(&arena);
}

/* Of a task that was being removed, or made. */
static void remove_rest(const struct task_engine *engine, const char *task_id)
{
    char path[TASK_PATH + 300];
    struct fail f;

    (void)snprintf(path, sizeof(path), "%s/tasks/%s", engine->dir, task_id);
    if (!path_remove(path, &f))
        log_error("%s stays: %s", path, f.message);
}

bool hosted_adopt_all(struct task_engine *engine, struct fail *f)
{
    char path[TASK_PATH + 300];
    struct dirent *entry;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "%s/tasks", engine->dir);
    dir = opendir(path);
    if (dir == NULL)
        return fail(f, FAIL_SYSTEM, "read %s: %s", path, strerror(errno));
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/tasks/%s/assignment", engine->dir, entry->d_name);
        if (access(path, F_OK) == 0)
            adopt_task(engine, path);
        else
            remove_rest(engine, entry->d_name);
    }
    (void)closedir(dir);
    return true;
}
