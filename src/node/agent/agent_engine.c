#include "node/agent/agent_engine.h"

#include "base/log.h"
#include "base/must.h"
#include "node/agent/agent_task.h"
#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>

enum { DISPATCH_LOOK_MS = 500, TASK_BYTES_MAX = 4 << 20 };

/* ---- the ends of containers ---- */

static struct agent_task *find(struct agent_engine *engine, const char *id)
{
    list_each(at, after, &engine->tasks)
    {
        struct agent_task *task = list_item(at, struct agent_task, link);

        if (strcmp(task->id, id) == 0)
            return task;
    }
    return NULL;
}

static void exited(void *context, const struct runtime_exit *exit)
{
    struct agent_engine *engine = context;
    struct agent_task *task;

    (void)pthread_mutex_lock(&engine->lock);
    task = find(engine, exit->task_id);
    for (size_t i = 0; task != NULL && i < task->container_count; i++) {
        struct agent_container *container = &task->containers[i];

        if (strcmp(container->id, exit->id) != 0)
            continue;
        container->exited = true;
        container->exit_code = exit->code;
        if (exit->oom_killed)
            (void)snprintf(container->reason, sizeof(container->reason),
                           "OutOfMemoryError: Container killed due to memory usage");
        (void)pthread_cond_signal(&task->wake);
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

static void *dispatch_main(void *context)
{
    struct agent_engine *engine = context;
    struct pollfd fd = {.fd = runtime_fd(engine->runtime), .events = POLLIN};
    bool stopping = false;
    struct fail f;

    while (!stopping) {
        (void)poll(&fd, 1, DISPATCH_LOOK_MS);
        if (!runtime_dispatch(engine->runtime, &f))
            log_error("ends of containers: %s", f.message);
        (void)pthread_mutex_lock(&engine->lock);
        stopping = engine->stopping;
        (void)pthread_mutex_unlock(&engine->lock);
    }
    return NULL;
}

/* ---- coming and going ---- */

/* The last part of an ARN, if it can be a name here; else "". */
static void id_of(const char *arn, char id[65])
{
    const char *slash = strrchr(arn, '/');
    size_t len = slash == NULL ? 0 : strlen(slash + 1);

    (void)snprintf(id, 65, "%s", slash == NULL || len > 64 ? "" : slash + 1);
    if (!container_id_valid(id))
        id[0] = '\0';
}

static struct agent_task *task_new(struct agent_engine *engine, const json_t *wish, const char *id)
{
    struct agent_task *task = calloc(1, sizeof(*task));
    const json_t *container;
    size_t i;

    must(task != NULL);
    task->engine = engine;
    task->wish = json_deep_copy(wish);
    task->status = "NONE";
    (void)snprintf(task->id, sizeof(task->id), "%s", id);
    (void)snprintf(task->directory, sizeof(task->directory), "%.*s/tasks/%s", STR_ARG(engine->config->data_dir), id);
    json_array_foreach(json_object_get(task->wish, "containers"), i, container)
    {
        if (task->container_count == CONTAINERS_MAX)
            break;
        task->containers[i].wish = container;
        (void)snprintf(task->containers[i].id, sizeof(task->containers[i].id), "%.50s-%zu", id, i);
        task->container_count++;
    }
    must(pthread_cond_init(&task->wake, NULL) == 0);
    list_add_last(&engine->tasks, &task->link);
    return task;
}

static void task_free(struct agent_task *task)
{
    list_remove(&task->link);
    json_decref(task->wish);
    for (size_t i = 0; i < task->container_count; i++)
        if (task->containers[i].image != NULL)
            image_release(task->containers[i].image);
    (void)pthread_cond_destroy(&task->wake);
    free(task);
}

static bool keep(const struct agent_task *task, struct fail *f)
{
    char path[AGENT_PATH + 16];
    char *text = json_dumps(task->wish, JSON_COMPACT);
    bool good;

    (void)snprintf(path, sizeof(path), "%s/task.json", task->directory);
    good = directory_make(task->directory, 0711, f) && file_replace(path, str_of(text), 0600, f);
    free(text);
    return good;
}

static void start_thread(struct agent_task *task)
{
    must(pthread_create(&task->thread, NULL, agent_task_lead, task) == 0);
}

/* Those whose threads have ended. lock held, let go of to join. */
static void drop_ended(struct agent_engine *engine)
{
    list_each(link, after, &engine->tasks)
    {
        struct agent_task *task = list_item(link, struct agent_task, link);

        if (!task->ended)
            continue;
        (void)pthread_mutex_unlock(&engine->lock);
        (void)pthread_join(task->thread, NULL);
        (void)pthread_mutex_lock(&engine->lock);
        task_free(task);
    }
}

void agent_engine_task(struct agent_engine *engine, const json_t *wish)
{
    const char *arn = json_string_value(json_object_get(wish, "arn"));
    const char *desired = json_string_value(json_object_get(wish, "desiredStatus"));
    bool stop = desired != NULL && strcmp(desired, "STOPPED") == 0;
    struct agent_task *task;
    char id[65];
    struct fail f;

    id_of(arn == NULL ? "" : arn, id);
    if (id[0] == '\0') {
        log_error("the server sends a task without an ARN");
        return;
    }
    (void)pthread_mutex_lock(&engine->lock);
    drop_ended(engine);
    task = find(engine, id);
    if (task == NULL) {
        task = task_new(engine, wish, id);
        task->stop_wanted = stop;
        if (stop) /* it never was here, and is reported so */
            task->container_count = 0;
        else if (!keep(task, &f))
            log_error("task %s: %s", id, f.message);
        start_thread(task);
    }
    task->stop_wanted = task->stop_wanted || stop;
    (void)pthread_cond_signal(&task->wake);
    (void)pthread_mutex_unlock(&engine->lock);
}

/* ---- after a restart ---- */

static void adopt_containers(struct agent_task *task, const struct runtime_container *containers, size_t count)
{
    task->adopted = true;
    for (size_t i = 0; i < task->container_count; i++) {
        struct agent_container *container = &task->containers[i];

        for (size_t k = 0; k < count; k++)
            container->started = container->started || strcmp(containers[k].id, container->id) == 0;
        if (!container->started)
            container->exited = true; /* it never began, or nothing is known of it any more */
    }
}

static void adopt_one(struct agent_engine *engine, const char *id, const struct runtime_container *containers,
                      size_t count)
{
    char path[AGENT_PATH + 80];
    auto_buf bytes = {.limit = TASK_BYTES_MAX};
    json_error_t error;
    json_t *wish;
    struct fail f;

    (void)snprintf(path, sizeof(path), "%.*s/tasks/%s/task.json", STR_ARG(engine->config->data_dir), id);
    if (!file_read(path, &bytes, &f)) {
        log_error("a task of a former process: %s", f.message);
        return;
    }
    wish = json_loadb(bytes.ptr, bytes.len, 0, &error);
    if (json_is_object(wish))
        adopt_containers(task_new(engine, wish, id), containers, count);
    json_decref(wish);
}

static bool adopt(struct agent_engine *engine, struct fail *f)
{
    char path[AGENT_PATH];
    struct runtime_container *containers;
    struct dirent *entry;
    size_t count;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "%.*s/tasks", STR_ARG(engine->config->data_dir));
    if (!directory_make(path, 0711, f) || !runtime_list(engine->runtime, &containers, &count, f))
        return false;
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (container_id_valid(entry->d_name))
            adopt_one(engine, entry->d_name, containers, count);
    if (dir != NULL)
        (void)closedir(dir);
    free(containers);
    list_each(at, after, &engine->tasks)
    {
        start_thread(list_item(at, struct agent_task, link));
    }
    return true;
}

/* ---- opening and closing ---- */

/* The built-in registry is where the API is: its names resolve nowhere else. */
static bool resolve(void *context, struct str registry, struct str on_behalf, struct image_registry *ret_registry)
{
    struct agent_engine *engine = context;
    struct str backend = engine->config->backend;
    struct str rest;
    struct str account = str_cut(registry, '.', &rest);

    (void)on_behalf;
    if (!str_starts(backend, STR("http://")))
        return false;
    backend = str_from(backend, strlen("http://"));
    backend = str_to(backend, str_find(backend, '/'));
    if (!((account.len == 12 && rest.ptr != NULL && str_starts(rest, STR("dkr.ecr."))) || str_eq(registry, backend) ||
          str_starts(registry, STR("127.")) || str_starts(registry, STR("localhost:"))))
        return false;
    *ret_registry = (struct image_registry){.host = backend, .basic = true};
    return true;
}

bool agent_engine_open(const struct agent_config *config, const struct agent_registration *registration,
                       struct agent_engine **ret_engine, struct fail *f)
{
    struct agent_engine *engine = calloc(1, sizeof(*engine));
    char images[AGENT_PATH];
    char state[AGENT_PATH];
    struct image_store_options image_options = {.resolve = resolve, .context = engine};
    struct runtime_options runtime_options = {
        .state_dir = state, .instance = "agent", .exited = exited, .context = engine};

    must(engine != NULL);
    engine->config = config;
    engine->registration = registration;
    list_init(&engine->tasks);
    must(pthread_mutex_init(&engine->lock, NULL) == 0);
    (void)snprintf(images, sizeof(images), "%.*s/images", STR_ARG(config->data_dir));
    (void)snprintf(state, sizeof(state), "%.*s/runtime", STR_ARG(config->data_dir));
    if (!image_store_open(images, &image_options, &engine->images, f) ||
        !runtime_open(&runtime_options, &engine->runtime, f) || !agent_bridge_open(&engine->bridge, f) ||
        !adopt(engine, f))
        return false; /* the process ends */
    must(pthread_create(&engine->dispatcher, NULL, dispatch_main, engine) == 0);
    *ret_engine = engine;
    return true;
}

void agent_engine_close(struct agent_engine *engine)
{
    (void)pthread_mutex_lock(&engine->lock);
    engine->stopping = true;
    list_each(at, after, &engine->tasks)
    {
        (void)pthread_cond_signal(&list_item(at, struct agent_task, link)->wake);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    image_store_stop(engine->images);
    (void)pthread_join(engine->dispatcher, NULL);
    while (!list_empty(&engine->tasks)) {
        struct agent_task *task = list_item(engine->tasks.next, struct agent_task, link);

        (void)pthread_join(task->thread, NULL);
        task_free(task);
    }
    runtime_close(engine->runtime);
    image_store_close(engine->images);
    free(engine);
}

/* ---- what others ask ---- */

static bool is_listed(const json_t *tasks, const char *arn)
{
    const json_t *task;
    size_t i;

    json_array_foreach(tasks, i, task)
    {
        const char *its = json_string_value(json_object_get(task, "taskArn"));
        const char *desired = json_string_value(json_object_get(task, "desiredStatus"));

        if (its != NULL && desired != NULL && strcmp(its, arn) == 0 && strcmp(desired, "RUNNING") == 0)
            return true;
    }
    return false;
}

json_t *agent_engine_unlisted(struct agent_engine *engine, const json_t *manifest_tasks)
{
    json_t *unlisted = json_array();

    (void)pthread_mutex_lock(&engine->lock);
    list_each(at, after, &engine->tasks)
    {
        const struct agent_task *task = list_item(at, struct agent_task, link);
        const char *arn = json_string_value(json_object_get(task->wish, "arn"));

        if (!task->ended && !task->stop_wanted && !is_listed(manifest_tasks, arn))
            (void)json_array_append_new(unlisted, json_pack("{s:s,s:O?,s:s}", "taskArn", arn, "taskClusterArn",
                                                            json_object_get(task->wish, "taskClusterArn"),
                                                            "desiredStatus", "STOPPED"));
    }
    (void)pthread_mutex_unlock(&engine->lock);
    if (json_array_size(unlisted) > 0)
        return unlisted;
    json_decref(unlisted);
    return NULL;
}

json_t *agent_engine_show(struct agent_engine *engine)
{
    json_t *tasks = json_array();

    (void)pthread_mutex_lock(&engine->lock);
    list_each(at, after, &engine->tasks)
    {
        const struct agent_task *task = list_item(at, struct agent_task, link);
        json_t *containers = json_array();

        for (size_t i = 0; i < task->container_count; i++)
            (void)json_array_append_new(containers, json_pack("{s:s,s:O?,s:s}", "DockerId", task->containers[i].id,
                                                              "Name", json_object_get(task->containers[i].wish, "name"),
                                                              "DockerName", task->containers[i].id));
        (void)json_array_append_new(tasks,
                                    json_pack("{s:O?,s:s,s:s,s:O?,s:O?,s:o}", "Arn", json_object_get(task->wish, "arn"),
                                              "DesiredStatus", task->stop_wanted ? "STOPPED" : "RUNNING", "KnownStatus",
                                              task->status, "Family", json_object_get(task->wish, "family"), "Version",
                                              json_object_get(task->wish, "version"), "Containers", containers));
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return tasks;
}
