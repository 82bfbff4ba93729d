#include "node/agent/agent_telemetry.h"

#include "base/log.h"
#include "base/must.h"
#include "model/interpret.h"
#include "os/clock.h"
#include "os/condition.h"
#include "os/entropy.h"

enum { PUBLISH_MS = 20000, SAMPLE_MS = 1000, MESSAGE_TASKS_MAX = 10 };

/* Samples of one kind since they were last published. */
struct set {
    double min, max, sum;
    int64_t count;
};

/* What is known of a container. The thread's own. */
struct series {
    struct list link;
    char id[CONTAINER_ID_BYTES];
    int64_t when_ms; /* of the newest sample, monotonic; 0: none */
    uint64_t cpu_ns;
    struct set cpu, memory;
    int restarts_published;
    enum ecs_health_status health;
    int64_t health_since_ms;
    bool is_here;
};

struct agent_telemetry {
    const struct agent_config *config;
    const struct agent_registration *registration;
    struct instance_tasks *tasks;
    struct agent_api api, signer;
    struct agent_session *session;
    double cores; /* that the instance registered with */
    struct list series;
    json_t *health; /* as it was published last; NULL: on this connection not yet */
    pthread_t thread;

    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;
    bool changed, opened, stopping;
};

/* ---- samples; the engine's lock held: reading a cgroup takes microseconds ---- */

static void set_add(struct set *set, double value)
{
    set->min = set->count == 0 || value < set->min ? value : set->min;
    set->max = set->count == 0 || value > set->max ? value : set->max;
    set->sum += value;
    set->count++;
}

static struct series *series_of(struct agent_telemetry *telemetry, const struct task_container *container)
{
    struct series *series;

    list_each(at, after, &telemetry->series)
    {
        series = list_item(at, struct series, link);
        if (str_is(container->runtime_id, series->id))
            return series;
    }
    series = calloc(1, sizeof(*series));
    must(series != NULL);
    must(str_to_buffer(container->runtime_id, series->id, sizeof(series->id)));
    series->restarts_published = container->memory.restart_count; /* by a former process, if there are any */
    list_add_last(&telemetry->series, &series->link);
    return series;
}

/* CPU in percent of the whole instance, memory in MiB without what the kernel can take back at once. */
static void sample(const struct agent_telemetry *telemetry, struct series *series,
                   const struct task_container *container)
{
    struct cgroup_stats stats;
    int64_t now_ms = clock_monotonic_ms();
    uint64_t memory;
    struct fail f;

    if (container->phase != CONTAINER_RUNNING || now_ms - series->when_ms < SAMPLE_MS / 2 ||
        !runtime_stats(instance_tasks_engine(telemetry->tasks)->runtime, series->id, &stats, &f))
        return;
    memory = stats.memory_bytes > stats.memory_inactive_file_bytes
                 ? stats.memory_bytes - stats.memory_inactive_file_bytes
                 : 0;
    if (series->when_ms != 0 && stats.cpu_ns >= series->cpu_ns) {
        set_add(&series->cpu, (double)(stats.cpu_ns - series->cpu_ns) /
                                  ((double)(now_ms - series->when_ms) * 10000 * telemetry->cores));
        set_add(&series->memory, (double)(memory >> 20));
    }
    series->when_ms = now_ms;
    series->cpu_ns = stats.cpu_ns;
}

static void look(struct agent_telemetry *telemetry, const struct task_container *container)
{
    struct series *series = series_of(telemetry, container);

    series->is_here = true;
    sample(telemetry, series, container);
    if (series->health_since_ms != 0 && series->health == container->memory.health)
        return;
    series->health = container->memory.health;
    series->health_since_ms = task_engine_now_ms();
}

static void look_at_all(struct agent_telemetry *telemetry)
{
    struct task_engine *engine = instance_tasks_engine(telemetry->tasks);
    const struct hosted *hosted;
    size_t at = 0;

    list_each(link, after, &telemetry->series)
    {
        list_item(link, struct series, link)->is_here = false;
    }
    while ((hosted = map_next(&engine->tasks, &at)) != NULL)
        for (size_t i = 0; i < hosted->task->container_count && hosted->task->phase < TASK_CLEANING; i++)
            look(telemetry, &hosted->task->containers[i]);
    list_each(gone, next, &telemetry->series)
    {
        struct series *series = list_item(gone, struct series, link);

        if (series->is_here)
            continue;
        list_remove(&series->link);
        free(series);
    }
}

/* ---- messages; the engine's lock held ---- */

static json_t *text(struct str value)
{
    return json_stringn(value.ptr == NULL ? "" : value.ptr, value.len);
}

static json_t *seconds(int64_t when_ms)
{
    return json_real((double)when_ms / 1000);
}

static json_t *take_set(struct set *set)
{
    json_t *to = json_pack("{s:f,s:f,s:I,s:f}", "min", set->min, "max", set->max, "sampleCount", (json_int_t)set->count,
                           "sum", set->sum);

    *set = (struct set){.count = 0};
    return to;
}

static json_t *task_head(const struct task *task, const char *list, json_t *items)
{
    const struct host_task_assignment *assignment = task->assignment;
    json_t *head =
        json_pack("{s:o,s:o,s:o,s:o,s:o}", "taskArn", text(assignment->task_arn), "clusterArn",
                  text(assignment->cluster_arn), "taskDefinitionFamily", text(assignment->task_definition->family),
                  "taskDefinitionVersion", json_sprintf("%d", assignment->task_definition->revision), list, items);

    must(head != NULL);
    return head;
}

static json_t *container_metric(struct series *series, const struct task_container *container)
{
    const struct ecs_container_restart_policy *policy = container->definition->restart_policy;
    json_t *metric = json_pack("{s:o,s:o,s:o}", "containerName", text(container->definition->name), "cpuStatsSet",
                               take_set(&series->cpu), "memoryStatsSet", take_set(&series->memory));

    must(metric != NULL);
    if (policy != NULL && policy->enabled)
        must(json_object_set_new(metric, "restartStatsSet",
                                 json_pack("{s:i}", "restartCount",
                                           container->memory.restart_count - series->restarts_published)) == 0);
    series->restarts_published = container->memory.restart_count;
    return metric;
}

/* Tasks of which something was sampled twice, as the messages have them. */
static json_t *task_metrics(struct agent_telemetry *telemetry)
{
    struct task_engine *engine = instance_tasks_engine(telemetry->tasks);
    json_t *tasks = json_array();
    const struct hosted *hosted;
    size_t at = 0;

    while ((hosted = map_next(&engine->tasks, &at)) != NULL) {
        json_t *containers = json_array();

        for (size_t i = 0; i < hosted->task->container_count && hosted->task->phase < TASK_CLEANING; i++) {
            struct series *series = series_of(telemetry, &hosted->task->containers[i]);

            if (series->cpu.count > 0)
                must(json_array_append_new(containers, container_metric(series, &hosted->task->containers[i])) == 0);
        }
        if (json_array_size(containers) > 0)
            must(json_array_append_new(tasks, task_head(hosted->task, "containerMetrics", containers)) == 0);
        else
            json_decref(containers);
    }
    return tasks;
}

static json_t *task_healths(struct agent_telemetry *telemetry)
{
    struct task_engine *engine = instance_tasks_engine(telemetry->tasks);
    json_t *tasks = json_array();
    const struct hosted *hosted;
    size_t at = 0;

    while ((hosted = map_next(&engine->tasks, &at)) != NULL) {
        json_t *containers = json_array();

        for (size_t i = 0; i < hosted->task->container_count && hosted->task->phase < TASK_CLEANING; i++) {
            const struct task_container *container = &hosted->task->containers[i];
            const struct series *series = series_of(telemetry, container);

            if (container->definition->health_check != NULL)
                must(json_array_append_new(
                         containers, json_pack("{s:o,s:s,s:o}", "containerName", text(container->definition->name),
                                               "healthStatus", enum_name(&ecs_health_status_shape, (int)series->health),
                                               "statusSince", seconds(series->health_since_ms))) == 0);
        }
        if (json_array_size(containers) > 0)
            must(json_array_append_new(tasks, task_head(hosted->task, "containers", containers)) == 0);
        else
            json_decref(containers);
    }
    return tasks;
}

/* ---- publishing; no lock held ---- */

static json_t *metadata(const struct agent_telemetry *telemetry, const char *id_name)
{
    struct arena arena;
    json_t *to;

    arena_init(&arena, 4096);
    to = json_pack("{s:o,s:s,s:o}", "cluster", text(telemetry->config->cluster), "containerInstance",
                   telemetry->registration->arn, id_name, text(entropy_uuid(&arena)));
    arena_free(&arena);
    must(to != NULL);
    return to;
}

static void send(struct agent_telemetry *telemetry, const char *type, json_t *head, const char *list, json_t *items)
{
    json_t *message = json_pack("{s:o,s:o}", "metadata", head, "timestamp", seconds(task_engine_now_ms()));

    must(message != NULL);
    if (items != NULL)
        must(json_object_set_new(message, list, items) == 0);
    (void)agent_session_send(telemetry->session, type, message);
}

/* At most ten tasks a message; those of one set share their id, and the last says that it is. */
static void publish_in_parts(struct agent_telemetry *telemetry, const char *type, const char *list, json_t *tasks)
{
    json_t *head = metadata(telemetry, "messageId");
    size_t count = json_array_size(tasks);
    size_t at = 0;

    do {
        json_t *part = json_array();
        json_t *own = json_copy(head);

        for (; at < count && json_array_size(part) < MESSAGE_TASKS_MAX; at++)
            must(json_array_append(part, json_array_get(tasks, at)) == 0);
        must(json_object_set_new(own, "fin", json_boolean(at == count)) == 0);
        if (strcmp(type, "PublishMetricsRequest") == 0)
            must(json_object_set_new(own, "idle", json_boolean(count == 0)) == 0);
        send(telemetry, type, own, list, part);
    } while (at < count);
    json_decref(head);
}

static void publish_status(struct agent_telemetry *telemetry)
{
    struct runtime_container *containers = NULL;
    size_t count;
    struct fail f;
    bool good = runtime_list(instance_tasks_engine(telemetry->tasks)->runtime, &containers, &count, &f);
    int64_t now_ms = task_engine_now_ms();

    free(containers);
    send(telemetry, "PublishInstanceStatusRequest", metadata(telemetry, "requestId"), "statuses",
         json_pack("[{s:s,s:s,s:o,s:o}]", "type", "ContainerRuntime", "status", good ? "OK" : "IMPAIRED", "lastUpdated",
                   seconds(now_ms), "lastStatusChange", seconds(now_ms)));
}

/* Everything when that is due, else health that has changed. */
static void publish(struct agent_telemetry *telemetry, bool everything)
{
    struct task_engine *engine = instance_tasks_engine(telemetry->tasks);
    json_t *metrics = NULL;
    json_t *healths;

    (void)pthread_mutex_lock(&engine->lock);
    look_at_all(telemetry);
    healths = task_healths(telemetry);
    if (everything)
        metrics = task_metrics(telemetry);
    (void)pthread_mutex_unlock(&engine->lock);
    if (metrics != NULL) {
        publish_in_parts(telemetry, "PublishMetricsRequest", "taskMetrics", metrics);
        publish_status(telemetry);
    }
    if (json_array_size(healths) > 0 && (everything || json_equal(healths, telemetry->health) == 0))
        publish_in_parts(telemetry, "PublishHealthRequest", "tasks", healths);
    json_decref(telemetry->health);
    telemetry->health = healths;
    json_decref(metrics);
}

/* ---- the thread ---- */

/* Waits for a change or that time; says whether everything is to be published anew. */
static bool wait_until(struct agent_telemetry *telemetry, int64_t when_ms, bool *ret_stopping)
{
    bool opened;

    (void)pthread_mutex_lock(&telemetry->lock);
    if (!telemetry->changed && !telemetry->opened && !telemetry->stopping)
        (void)condition_wait(&telemetry->wake, &telemetry->lock, when_ms);
    opened = telemetry->opened;
    *ret_stopping = telemetry->stopping;
    telemetry->changed = telemetry->opened = false;
    (void)pthread_mutex_unlock(&telemetry->lock);
    return opened;
}

static void *telemetry_main(void *context)
{
    struct agent_telemetry *telemetry = context;
    int64_t publish_ms = clock_monotonic_ms() + PUBLISH_MS;
    bool stopping = false;

    while (!stopping) {
        int64_t now_ms = clock_monotonic_ms();
        bool idle = list_empty(&telemetry->series);
        int64_t sample_ms = idle ? publish_ms : now_ms + SAMPLE_MS;
        bool everything = wait_until(telemetry, sample_ms < publish_ms ? sample_ms : publish_ms, &stopping);

        everything = everything || clock_monotonic_ms() >= publish_ms;
        if (everything)
            publish_ms = clock_monotonic_ms() + PUBLISH_MS;
        if (!stopping)
            publish(telemetry, everything);
    }
    return NULL;
}

static void opened(void *context)
{
    struct agent_telemetry *telemetry = context;

    (void)pthread_mutex_lock(&telemetry->lock);
    telemetry->opened = true;
    (void)pthread_cond_signal(&telemetry->wake);
    (void)pthread_mutex_unlock(&telemetry->lock);
}

void agent_telemetry_wake(struct agent_telemetry *telemetry)
{
    (void)pthread_mutex_lock(&telemetry->lock);
    telemetry->changed = true;
    (void)pthread_cond_signal(&telemetry->wake);
    (void)pthread_mutex_unlock(&telemetry->lock);
}

/* Acknowledgements and heartbeats say only that the server is there, which the session knows by itself. */
static void ignore(void *context, const char *type, const json_t *message)
{
    (void)context;
    (void)type;
    (void)message;
}

bool agent_telemetry_start(const struct agent_config *config, const struct agent_registration *registration,
                           struct instance_tasks *tasks, struct agent_telemetry **ret_telemetry, struct fail *f)
{
    struct agent_telemetry *telemetry = calloc(1, sizeof(*telemetry));
    const struct agent_session_options options = {.channel = AGENT_TCS,
                                                  .api = &telemetry->api,
                                                  .signer = &telemetry->signer,
                                                  .registration = registration,
                                                  .message = ignore,
                                                  .opened = opened,
                                                  .context = telemetry};

    must(telemetry != NULL);
    telemetry->config = config;
    telemetry->registration = registration;
    telemetry->tasks = tasks;
    telemetry->cores = (double)agent_cpu_units() / 1024;
    list_init(&telemetry->series);
    must(pthread_mutex_init(&telemetry->lock, NULL) == 0);
    condition_init(&telemetry->wake);
    if (!agent_api_open(&telemetry->api, config, f) || !agent_api_open(&telemetry->signer, config, f) ||
        !agent_session_start(&options, &telemetry->session, f))
        return false; /* the process ends */
    must(pthread_create(&telemetry->thread, NULL, telemetry_main, telemetry) == 0);
    *ret_telemetry = telemetry;
    return true;
}

void agent_telemetry_stop(struct agent_telemetry *telemetry)
{
    (void)pthread_mutex_lock(&telemetry->lock);
    telemetry->stopping = true;
    (void)pthread_cond_signal(&telemetry->wake);
    (void)pthread_mutex_unlock(&telemetry->lock);
    (void)pthread_join(telemetry->thread, NULL);
    agent_session_stop(telemetry->session);
    while (!list_empty(&telemetry->series))
        free(list_item(list_take_first(&telemetry->series), struct series, link));
    json_decref(telemetry->health);
    agent_api_close(&telemetry->api);
    agent_api_close(&telemetry->signer);
    free(telemetry);
}
