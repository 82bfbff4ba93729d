#include "node/agent/instance_tasks.h"

#include "base/log.h"
#include "base/must.h"
#include "model/interpret.h"
#include "node/agent/agent_attachments.h"
#include "node/agent/agent_network.h"
#include "node/agent/agent_payload.h"
#include "node/agent/agent_reports.h"
#include "node/agent/agent_secrets.h"
#include "node/session/sessions.h"

#define API_URL "http://169.254.170.10"

struct instance_tasks {
    const struct agent_config *config;
    const struct agent_registration *registration;
    char dir[TASK_PATH];
    char log_address[TASK_PATH];
    char ecs_url[TASK_PATH];
    struct agent_network *network;
    struct agent_reports *reports;
    struct agent_attachments *attachments;
    struct agent_api api;     /* the instance's credentials, fetched again before they end */
    pthread_mutex_t api_lock; /* protects it; nothing is locked under it */
    struct task_engine *engine;
    struct sessions *sessions;
    void (*changed)(void *context);
    void *context;
};

/* ---- what the engine asks for ---- */

static bool network_make(void *context, struct hosted *hosted, int namespace_fd, struct fail *f)
{
    struct instance_tasks *tasks = context;

    (void)namespace_fd;
    return agent_network_make(tasks->network, hosted, f);
}

static bool network_adopt(void *context, struct hosted *hosted, struct fail *f)
{
    struct instance_tasks *tasks = context;

    return agent_network_adopt(tasks->network, hosted, f);
}

static void network_remove(void *context, struct hosted *hosted)
{
    struct instance_tasks *tasks = context;

    agent_network_remove(tasks->network, hosted);
}

static bool prepare(void *context, struct hosted *hosted, struct fail *f)
{
    struct instance_tasks *tasks = context;
    struct host_task_assignment supplied;
    struct arena arena;
    bool good;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    good = agent_secrets_fetch(tasks->config, hosted->task, &arena, &supplied, f) &&
           (supplied.secrets.count + supplied.log_secrets.count == 0 ||
            task_engine_supply(tasks->engine, hosted, &supplied, f));
    arena_free(&arena);
    return good;
}

static bool pull_request(void *context, struct hosted *hosted, size_t i, struct arena *arena,
                         struct image_pull_request *request, struct fail *f)
{
    const struct instance_tasks *tasks = context;

    return agent_secrets_registry(tasks->config, hosted->task, i, arena, request, f);
}

/* The built-in registry is where the API is: its names resolve nowhere else. What has a password of its own is not
 * there, whatever it is called. */
static bool resolve(void *context, struct str registry, struct str on_behalf, struct image_registry *ret_registry)
{
    const struct instance_tasks *tasks = context;

    if (on_behalf.len > 0 || !str_starts(tasks->config->backend, STR("http://")) ||
        !agent_secrets_is_ecr(tasks->config, registry))
        return false;
    *ret_registry = (struct image_registry){.host = str_of(tasks->log_address), .basic = true};
    return true;
}

/* The planner's thread: tasks are not dropped meanwhile. */
static void changed(void *context)
{
    struct instance_tasks *tasks = context;
    struct host_task_reports now;
    struct arena arena;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    task_engine_report(tasks->engine, &arena, &now);
    agent_reports_take(tasks->reports, &now);
    arena_free(&arena);
    tasks->changed(tasks->context);
}

/* Log lines are the instance's, where the task has no execution role (developer guide, "Send Amazon ECS logs to
 * CloudWatch": then the container instance's role needs the permissions). */
static bool identity(void *context, struct arena *arena, struct host_credentials *ret_credentials, struct fail *f)
{
    struct instance_tasks *tasks = context;
    struct host_credentials own;
    bool good;

    (void)pthread_mutex_lock(&tasks->api_lock);
    good = agent_api_identity(&tasks->api, &own, f);
    if (good)
        value_copy(&host_credentials_shape, ret_credentials, &own, arena);
    (void)pthread_mutex_unlock(&tasks->api_lock);
    return good;
}

/* ---- reports ---- */

/* Nobody asks for the task any more. */
static void ended(void *context, struct str task_id)
{
    struct instance_tasks *tasks = context;
    struct task_engine *engine = tasks->engine;
    struct hosted *hosted;

    (void)pthread_mutex_lock(&engine->lock);
    hosted = map_get(&engine->tasks, task_id);
    if (hosted != NULL && hosted->task->phase == TASK_GONE)
        hosted->assigned = false;
    task_engine_wake(engine);
    (void)pthread_mutex_unlock(&engine->lock);
}

/* Asked while nothing runs yet: no lock. */
static bool lives(void *context, struct str task_id)
{
    const struct instance_tasks *tasks = context;

    return map_get(&tasks->engine->tasks, task_id) != NULL;
}

/* ---- opening and closing ---- */

/* "http://host:port/path": "host:port" */
static void write_address(struct instance_tasks *tasks)
{
    struct str url = tasks->config->backend;
    struct str rest = str_from(url, str_search(url, STR("://")) + strlen("://"));

    (void)snprintf(tasks->log_address, sizeof(tasks->log_address), "%.*s", STR_ARG(str_to(rest, str_find(rest, '/'))));
    (void)snprintf(tasks->ecs_url, sizeof(tasks->ecs_url), "%.*s", STR_ARG(url));
    (void)snprintf(tasks->dir, sizeof(tasks->dir), "%.*s", STR_ARG(tasks->config->data_dir));
}

static bool open_engine(struct instance_tasks *tasks, struct fail *f)
{
    struct task_engine_options options = {.dir = tasks->dir,
                                          .instance = "agent",
                                          .log_address = tasks->log_address,
                                          .api_url = str_is(tasks->config->backend, API_URL) ? API_URL : NULL,
                                          .ecs_url = tasks->ecs_url,
                                          .s3 = {.endpoint = tasks->config->s3_endpoint},
                                          .log_identity = {identity, tasks},
                                          .port = {.context = tasks,
                                                   .network_make = network_make,
                                                   .network_remove = network_remove,
                                                   .network_adopt = network_adopt,
                                                   .prepare = prepare,
                                                   .pull_request = pull_request,
                                                   .resolve = resolve,
                                                   .changed = changed}};

    return task_engine_open(&options, &tasks->engine, f);
}

/* What a former process left goes on: payloads that were taken do not come again. */
static void go_on(struct instance_tasks *tasks)
{
    struct hosted *hosted;
    size_t at = 0;

    while ((hosted = map_next(&tasks->engine->tasks, &at)) != NULL)
        hosted->waits = false;
}

bool instance_tasks_open(const struct agent_config *config, const struct agent_registration *registration,
                         struct instance_tasks **ret_tasks, struct fail *f)
{
    struct instance_tasks *tasks = calloc(1, sizeof(*tasks));
    const struct agent_reports_options reports = {.config = config, .context = tasks, .ended = ended, .lives = lives};

    must(tasks != NULL);
    must(pthread_mutex_init(&tasks->api_lock, NULL) == 0);
    tasks->config = config;
    tasks->registration = registration;
    write_address(tasks);
    if (!agent_api_open(&tasks->api, config, f) || !agent_network_open(&tasks->network, f) || !open_engine(tasks, f) ||
        !agent_network_tidy(tasks->network, f) || !agent_reports_start(&reports, &tasks->reports, f) ||
        !agent_attachments_start(tasks->reports, &tasks->attachments, f) ||
        !sessions_start(tasks->engine, tasks->ecs_url, &tasks->sessions, f))
        return false; /* the process ends */
    go_on(tasks);
    *ret_tasks = tasks;
    return true;
}

void instance_tasks_start(struct instance_tasks *tasks, void (*changed)(void *context), void *context)
{
    tasks->changed = changed;
    tasks->context = context;
    task_engine_start(tasks->engine);
}

void instance_tasks_stop(struct instance_tasks *tasks)
{
    sessions_stop(tasks->sessions);
    task_engine_stop(tasks->engine);
    agent_attachments_stop(tasks->attachments);
    agent_reports_stop(tasks->reports);
}

void instance_tasks_close(struct instance_tasks *tasks)
{
    task_engine_free(tasks->engine); /* the last that asks for the instance's credentials */
    agent_api_close(&tasks->api);
    (void)pthread_mutex_destroy(&tasks->api_lock);
    agent_network_close(tasks->network);
    free(tasks);
}

struct task_engine *instance_tasks_engine(struct instance_tasks *tasks)
{
    return tasks->engine;
}

/* ---- what the server wants ---- */

/* Says whether the task is one that the next process would find: it has a folder. */
static bool assign(struct instance_tasks *tasks, const struct host_task_assignment *assignment)
{
    const struct hosted *hosted;
    bool lasts;

    (void)pthread_mutex_lock(&tasks->engine->lock);
    hosted = task_engine_assign(tasks->engine, assignment);
    lasts = hosted != NULL && hosted->task->phase < TASK_GONE;
    task_engine_wake(tasks->engine);
    (void)pthread_mutex_unlock(&tasks->engine->lock);
    return lasts;
}

/* A task that never begins. */
static void refuse(struct instance_tasks *tasks, const struct host_task_assignment *assignment, const struct fail *why)
{
    struct arena arena;

    log_error("task %.*s: %s", STR_ARG(assignment->task_arn), why->message);
    arena_init(&arena, (size_t)1 << 16);
    (void)pthread_mutex_lock(&tasks->engine->lock);
    task_engine_refuse(tasks->engine, assignment,
                       arena_printf(&arena, "%s%s",
                                    why->code == FAIL_CONFLICT ? "" : "UnrecogniedTaskError: Error loading task - ",
                                    why->message)); /* spelt as the agent spells it */
    task_engine_wake(tasks->engine);
    (void)pthread_mutex_unlock(&tasks->engine->lock);
    arena_free(&arena);
}

bool instance_tasks_payload(struct instance_tasks *tasks, struct str text)
{
    const struct agent_payload_defaults defaults = {.region = tasks->config->region,
                                                    .stop_timeout_s = tasks->config->stop_timeout_s};
    struct host_task_assignment assignment;
    struct arena arena;
    bool lasts = false;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (agent_payload_read(text, &defaults, &arena, &assignment, &f))
        lasts = assign(tasks, &assignment);
    else
        refuse(tasks, &assignment, &f);
    arena_free(&arena);
    return lasts;
}

static struct str member(const json_t *object, const char *name)
{
    return str_of(json_string_value(json_object_get(object, name)));
}

static struct str id_of(struct str arn)
{
    size_t slash = str_find_last(arn, '/');

    return slash == arn.len ? arn : str_from(arn, slash + 1);
}

void instance_tasks_give_up(struct instance_tasks *tasks, struct str task_arn)
{
    const struct host_task_assignment assignment = {
        .task_arn = task_arn, .task_id = id_of(task_arn), .desired_status = HOST_DESIRED_STATUS_STOPPED};

    (void)assign(tasks, &assignment);
}

void instance_tasks_expect(struct instance_tasks *tasks, const json_t *message)
{
    const json_t *interfaces = json_object_get(message, "elasticNetworkInterfaces");
    const char *task = json_string_value(json_object_get(message, "taskArn"));
    const json_t *interface;
    size_t i;

    json_array_foreach(interfaces, i, interface)
    {
        const char *attachment = json_string_value(json_object_get(interface, "attachmentArn"));
        const char *mac = json_string_value(json_object_get(interface, "macAddress"));

        if (task != NULL && attachment != NULL && mac != NULL)
            agent_attachments_expect(tasks->attachments, str_of(task), str_of(attachment), str_of(mac),
                                     json_integer_value(json_object_get(message, "waitTimeoutMs")));
    }
}

bool instance_tasks_credentials(struct instance_tasks *tasks, struct str task_arn,
                                const struct agent_iam_role_credentials *credentials)
{
    struct hosted *hosted;
    struct arena arena;

    arena_init(&arena, (size_t)1 << 16);
    (void)pthread_mutex_lock(&tasks->engine->lock);
    hosted = map_get(&tasks->engine->tasks, id_of(task_arn));
    if (hosted != NULL)
        task_engine_credentials(hosted, agent_payload_credentials(credentials, &arena));
    (void)pthread_mutex_unlock(&tasks->engine->lock);
    arena_free(&arena);
    return hosted != NULL;
}

void instance_tasks_command(struct instance_tasks *tasks, const json_t *message)
{
    const struct host_session order = {
        .session_id = member(message, "sessionId"),
        .token = member(message, "token"),
        .task_id = id_of(member(message, "taskArn")),
        .container_name = member(message, "containerName"),
        .command = member(message, "command"),
        .log_group = member(message, "logGroup"),
        .region = member(message, "region"),
    };

    if (order.session_id.len > 0 && order.token.len > 0 && order.task_id.len > 0)
        sessions_begin(tasks->sessions, &order);
}

/* ---- what others ask ---- */

static json_t *text_of(struct str value)
{
    return json_stringn(value.ptr == NULL ? "" : value.ptr, value.len);
}

static bool is_listed(const json_t *tasks, struct str arn)
{
    const json_t *task;
    size_t i;

    json_array_foreach(tasks, i, task)
    {
        const char *its = json_string_value(json_object_get(task, "taskArn"));
        const char *desired = json_string_value(json_object_get(task, "desiredStatus"));

        if (its != NULL && desired != NULL && str_is(arn, its) && strcmp(desired, "RUNNING") == 0)
            return true;
    }
    return false;
}

json_t *instance_tasks_unlisted(struct instance_tasks *tasks, const json_t *manifest_tasks)
{
    json_t *unlisted = json_array();
    const struct hosted *hosted;
    size_t at = 0;

    (void)pthread_mutex_lock(&tasks->engine->lock);
    while ((hosted = map_next(&tasks->engine->tasks, &at)) != NULL) {
        const struct host_task_assignment *task = hosted->task->assignment;

        if (hosted->task->wanted && !is_listed(manifest_tasks, task->task_arn))
            must(json_array_append_new(unlisted,
                                       json_pack("{s:o,s:o,s:s}", "taskArn", text_of(task->task_arn), "taskClusterArn",
                                                 text_of(task->cluster_arn), "desiredStatus", "STOPPED")) == 0);
    }
    (void)pthread_mutex_unlock(&tasks->engine->lock);
    if (json_array_size(unlisted) > 0)
        return unlisted;
    json_decref(unlisted);
    return NULL;
}

static json_t *show(const struct task *task)
{
    static const char *const known[] = {
        [TASK_PREPARING] = "NONE",   [TASK_ACTIVATING] = "CREATED", [TASK_RUNNING] = "RUNNING",
        [TASK_STOPPING] = "RUNNING", [TASK_CLEANING] = "STOPPED",   [TASK_GONE] = "STOPPED",
    };
    const struct host_task_assignment *assignment = task->assignment;
    json_t *containers = json_array();

    for (size_t i = 0; i < task->container_count; i++)
        must(json_array_append_new(containers,
                                   json_pack("{s:o,s:o,s:o}", "DockerId", text_of(task->containers[i].runtime_id),
                                             "Name", text_of(task->containers[i].definition->name), "DockerName",
                                             text_of(task->containers[i].runtime_id))) == 0);
    return json_pack("{s:o,s:s,s:s,s:o,s:o,s:o}", "Arn", text_of(assignment->task_arn), "DesiredStatus",
                     task->wanted ? "RUNNING" : "STOPPED", "KnownStatus", known[task->phase], "Family",
                     text_of(assignment->task_definition->family), "Version",
                     json_sprintf("%d", assignment->task_definition->revision), "Containers", containers);
}

json_t *instance_tasks_show(struct instance_tasks *tasks)
{
    json_t *all = json_array();
    const struct hosted *hosted;
    size_t at = 0;

    (void)pthread_mutex_lock(&tasks->engine->lock);
    while ((hosted = map_next(&tasks->engine->tasks, &at)) != NULL)
        must(json_array_append_new(all, show(hosted->task)) == 0);
    (void)pthread_mutex_unlock(&tasks->engine->lock);
    return all;
}
