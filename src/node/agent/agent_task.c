#include "node/agent/agent_task.h"

#include "base/log.h"
#include "base/must.h"
#include "node/agent/agent_container.h"
#include "os/files.h"
#include "wire/base64.h"

#include <signal.h>
#include <sys/stat.h>
#include <time.h>

enum { REPORT_PAUSE_MS_MIN = 1000, REPORT_PAUSE_MS_MAX = 30000, LOWER_BYTES = 16384, CPU_PERIOD_US = 100000 };

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

/* Waits for a change, at most that long; lock held. */
static void wait_ms(struct agent_task *task, int64_t ms)
{
    int64_t when_ms = now_ms() + ms;
    struct timespec until = {.tv_sec = when_ms / 1000, .tv_nsec = when_ms % 1000 * 1000000};

    (void)pthread_cond_timedwait(&task->wake, &task->engine->lock, &until);
}

/* ---- reports ---- */

static json_t *bindings_of(const struct agent_container *container)
{
    json_t *list = json_array();

    for (size_t i = 0; container->endpoint.name[0] != '\0' && i < container->endpoint.port_count; i++) {
        const struct agent_port *port = &container->endpoint.ports[i];

        (void)json_array_append_new(list, json_pack("{s:s,s:i,s:i,s:s}", "bindIP", "0.0.0.0", "containerPort",
                                                    port->container, "hostPort", port->host, "protocol",
                                                    port->udp ? "udp" : "tcp"));
    }
    return list;
}

/* lock held. */
static json_t *container_report(const struct agent_container *container)
{
    const char *status = container->exited || !container->started ? "STOPPED" : "RUNNING";
    json_t *report = json_pack("{s:s,s:s,s:o}", "containerName", text(container->wish, "name"), "status", status,
                               "networkBindings", bindings_of(container));

    if (container->started)
        (void)json_object_set_new(report, "runtimeId", json_string(container->id));
    if (container->image != NULL)
        (void)json_object_set_new(report, "imageDigest",
                                  json_stringn(container->image->repo_digest.ptr, container->image->repo_digest.len));
    if (container->exited && container->started)
        (void)json_object_set_new(report, "exitCode", json_integer(container->exit_code));
    if (container->reason[0] != '\0')
        (void)json_object_set_new(report, "reason", json_string(container->reason));
    return report;
}

static void set_time(json_t *report, const char *name, int64_t ms)
{
    if (ms != 0)
        (void)json_object_set_new(report, name, json_real((double)ms / 1000));
}

static json_t *task_report(struct agent_task *task, const char *status)
{
    const struct agent_config *config = task->engine->config;
    json_t *containers = json_array();
    json_t *report = json_pack("{s:s%,s:s,s:s,s:o}", "cluster", config->cluster.ptr, config->cluster.len, "task",
                               text(task->wish, "arn"), "status", status, "containers", containers);

    (void)pthread_mutex_lock(&task->engine->lock);
    for (size_t i = 0; i < task->container_count; i++)
        (void)json_array_append_new(containers, container_report(&task->containers[i]));
    (void)pthread_mutex_unlock(&task->engine->lock);
    if (task->reason[0] != '\0')
        (void)json_object_set_new(report, "reason", json_string(task->reason));
    set_time(report, "pullStartedAt", task->pull_started_ms);
    set_time(report, "pullStoppedAt", task->pull_stopped_ms);
    set_time(report, "executionStoppedAt", task->execution_stopped_ms);
    return report;
}

static bool is_stopping(struct agent_task *task)
{
    bool stopping;

    (void)pthread_mutex_lock(&task->engine->lock);
    stopping = task->engine->stopping;
    (void)pthread_mutex_unlock(&task->engine->lock);
    return stopping;
}

/* Until the server takes it; only InvalidParameterException drops it. */
static void say(struct agent_task *task, struct agent_api *api, const char *status)
{
    int64_t pause = REPORT_PAUSE_MS_MIN;
    json_t *answer;
    struct fail f;

    (void)pthread_mutex_lock(&task->engine->lock);
    task->status = status;
    (void)pthread_mutex_unlock(&task->engine->lock);
    while (!is_stopping(task)) {
        if (agent_call(api, "SubmitTaskStateChange", task_report(task, status), &answer, &f)) {
            json_decref(answer);
            return;
        }
        log_warning("task %s: %s is not reported: %s", task->id, status, f.message);
        if (agent_call_is(&f, "InvalidParameterException"))
            return;
        (void)pthread_mutex_lock(&task->engine->lock);
        wait_ms(task, pause);
        (void)pthread_mutex_unlock(&task->engine->lock);
        pause = pause * 13 / 10 < REPORT_PAUSE_MS_MAX ? pause * 13 / 10 : REPORT_PAUSE_MS_MAX;
    }
}

/* ---- images ---- */

static void use_credentials(struct agent_api *api, const json_t *credentials)
{
    if (credentials == NULL)
        return;
    (void)snprintf(api->credentials.access_key, sizeof(api->credentials.access_key), "%s",
                   text(credentials, "accessKeyId"));
    (void)snprintf(api->credentials.secret, sizeof(api->credentials.secret), "%s",
                   text(credentials, "secretAccessKey"));
    (void)snprintf(api->credentials.token, sizeof(api->credentials.token), "%s", text(credentials, "sessionToken"));
}

/* "AWS" and the password of a token, in the arena. */
static bool registry_password(const struct agent_task *task, const json_t *auth, struct arena *arena,
                              struct str *ret_password, struct fail *f)
{
    const json_t *ecr = json_object_get(auth, "ecrAuthData");
    struct agent_api api;
    json_t *answer = NULL;
    struct str user;
    struct str raw;
    bool good = agent_api_open(&api, task->engine->config, f);

    api.service = AGENT_ECR;
    if (json_is_true(json_object_get(ecr, "useExecutionRole")))
        use_credentials(&api, json_object_get(task->wish, "executionRoleCredentials"));
    good = good && agent_call(&api, "GetAuthorizationToken", json_object(), &answer, f);
    if (good) {
        const json_t *first = json_array_get(json_object_get(answer, "authorizationData"), 0);

        good = base64_decode(str_of(text(first, "authorizationToken")), arena, &raw) ||
               fail(f, FAIL_INPUT, "the registry's token cannot be read");
    }
    if (good) {
        user = str_cut(raw, ':', ret_password);
        good = user.len > 0 && ret_password->ptr != NULL;
    }
    json_decref(answer);
    agent_api_close(&api);
    return good;
}

static bool pull(struct agent_task *task, struct agent_container *container, struct fail *f)
{
    const json_t *auth = json_object_get(container->wish, "registryAuthentication");
    struct image_pull_request request = {.reference = str_of(text(container->wish, "image"))};
    struct arena arena;
    bool good = true;

    arena_init(&arena, (size_t)1 << 20);
    if (strcmp(text(auth, "type"), "ecr") == 0) {
        request.user = STR("AWS");
        good = registry_password(task, auth, &arena, &request.password, f);
    }
    good = good && image_pull(task->engine->images, &request, &container->image, f);
    arena_free(&arena);
    return good;
}

/* ---- starting ---- */

static const char *lower_dirs(const struct agent_task *task, const struct image *image, struct arena *arena)
{
    const char *layers = image_store_layers(task->engine->images);
    auto_buf lower = {.limit = LOWER_BYTES};

    for (size_t i = image->layer_count; i-- > 0;)
        buf_printf(&lower, "%s%s/%.*s", lower.len == 0 ? "" : ":", layers, STR_ARG(image->layers[i]));
    return arena_cstr(arena, buf_str(&lower));
}

static void wish_ports(struct agent_container *container)
{
    const json_t *mapping;
    size_t i;

    json_array_foreach(json_object_get(container->wish, "portMappings"), i, mapping)
    {
        struct agent_port *port = &container->endpoint.ports[container->endpoint.port_count];

        if (container->endpoint.port_count == BRIDGE_PORTS_MAX)
            break;
        port->container = (uint16_t)json_integer_value(json_object_get(mapping, "containerPort"));
        port->host = (uint16_t)json_integer_value(json_object_get(mapping, "hostPort"));
        port->udp = strcmp(text(mapping, "protocol"), "udp") == 0;
        container->endpoint.port_count += port->container != 0;
    }
}

/* In the mode none: as bridge, without ports. */
static bool make_network(struct agent_task *task, struct agent_container *container, struct fail *f)
{
    const char *mode = agent_network_mode(task->wish, container->wish);

    if (strcmp(mode, "host") == 0) {
        (void)snprintf(container->endpoint.path, sizeof(container->endpoint.path), "/proc/self/ns/net");
        return true;
    }
    if (strcmp(mode, "bridge") == 0)
        wish_ports(container);
    return agent_bridge_add(task->engine->bridge, &container->endpoint, f);
}

static bool start(struct agent_task *task, struct agent_container *container, struct fail *f)
{
    char directory[AGENT_PATH + 32];
    struct agent_site site = {.id = container->id,
                              .task_id = task->id,
                              .directory = directory,
                              .network_namespace = container->endpoint.path,
                              .image = container->image,
                              .endpoint = &container->endpoint};
    struct container_spec spec;
    struct arena arena;
    bool good;

    (void)snprintf(directory, sizeof(directory), "%s/%zu", task->directory, (size_t)(container - task->containers));
    arena_init(&arena, (size_t)4 << 20);
    site.lower_dirs = lower_dirs(task, container->image, &arena);
    good = make_network(task, container, f) && directory_make(directory, 0711, f) &&
           agent_container_spec(task->wish, container->wish, &site, &arena, &spec, f);
    (void)pthread_mutex_lock(&task->engine->lock);
    container->started = good; /* before its end can be told */
    (void)pthread_mutex_unlock(&task->engine->lock);
    if (good && !runtime_start(task->engine->runtime, &spec, f)) {
        good = false;
        container->started = false;
    }
    arena_free(&arena);
    return good;
}

static bool failed(struct agent_container *container, const char *what, const struct fail *f)
{
    (void)snprintf(container->reason, sizeof(container->reason), "%s: %s", what, f->message);
    log_error("container %s: %s", container->id, container->reason);
    return false;
}

static bool make_cgroup(struct agent_task *task, struct fail *f)
{
    double vcpus = json_number_value(json_object_get(task->wish, "cpu"));
    json_int_t memory = json_integer_value(json_object_get(task->wish, "memory"));
    const struct cgroup_limits limits = {
        .cpu_shares = (uint64_t)(vcpus * 1024),
        .cpu_quota_us = (uint64_t)(vcpus * CPU_PERIOD_US),
        .cpu_period_us = CPU_PERIOD_US,
        .memory_bytes = memory > 0 ? (uint64_t)memory << 20 : 0,
    };

    return runtime_task_cgroup_create(task->engine->runtime, task->id, &limits, f);
}

static bool refused(struct agent_task *task)
{
    for (size_t i = 0; i < task->container_count; i++) {
        const char *why = agent_container_refusal(task->wish, task->containers[i].wish);

        if (why == NULL)
            continue;
        (void)snprintf(task->reason, sizeof(task->reason), "Berth's agent does not do %s yet", why);
        return true;
    }
    return false;
}

static bool begin(struct agent_task *task)
{
    struct fail f;

    if (refused(task))
        return false;
    if (!make_cgroup(task, &f)) {
        (void)snprintf(task->reason, sizeof(task->reason), "ResourceInitializationError: %s", f.message);
        return false;
    }
    task->pull_started_ms = now_ms();
    for (size_t i = 0; i < task->container_count; i++)
        if (!pull(task, &task->containers[i], &f))
            return failed(&task->containers[i], "CannotPullContainerError", &f);
    task->pull_stopped_ms = now_ms();
    for (size_t i = 0; i < task->container_count; i++)
        if (!start(task, &task->containers[i], &f))
            return failed(&task->containers[i], "CannotStartContainerError", &f);
    return true;
}

/* ---- running and stopping ---- */

static bool is_essential(const struct agent_container *container)
{
    return !json_is_false(json_object_get(container->wish, "essential"));
}

/* lock held. */
static bool shall_end(const struct agent_task *task)
{
    for (size_t i = 0; i < task->container_count; i++)
        if (task->containers[i].exited && is_essential(&task->containers[i]))
            return true;
    return task->stop_wanted;
}

static void run(struct agent_task *task)
{
    (void)pthread_mutex_lock(&task->engine->lock);
    while (!task->engine->stopping && !shall_end(task))
        (void)pthread_cond_wait(&task->wake, &task->engine->lock);
    (void)pthread_mutex_unlock(&task->engine->lock);
    task->execution_stopped_ms = now_ms();
}

static bool all_exited(const struct agent_task *task)
{
    for (size_t i = 0; i < task->container_count; i++)
        if (task->containers[i].started && !task->containers[i].exited)
            return false;
    return true;
}

static void signal_all(struct agent_task *task, bool kill)
{
    struct fail f;

    for (size_t i = 0; i < task->container_count; i++) {
        struct agent_container *container = &task->containers[i];

        if (container->started && !container->exited &&
            !(kill ? runtime_kill(task->engine->runtime, container->id, &f)
                   : runtime_signal(task->engine->runtime, container->id, SIGTERM, &f)))
            log_warning("container %s: %s", container->id, f.message);
    }
}

static int64_t stop_timeout_ms(const struct agent_task *task)
{
    int64_t longest_s = 0;

    for (size_t i = 0; i < task->container_count; i++) {
        const json_t *own = json_object_get(task->containers[i].wish, "stopTimeout");
        int64_t s = json_is_integer(own) ? json_integer_value(own) : task->engine->config->stop_timeout_s;

        longest_s = s > longest_s ? s : longest_s;
    }
    return longest_s * 1000;
}

static void stop(struct agent_task *task)
{
    int64_t kill_ms = now_ms() + stop_timeout_ms(task);
    bool killed = false;

    signal_all(task, /* kill= */ false);
    (void)pthread_mutex_lock(&task->engine->lock);
    while (!all_exited(task) && !task->engine->stopping) {
        if (!killed && now_ms() >= kill_ms) {
            killed = true;
            (void)pthread_mutex_unlock(&task->engine->lock);
            signal_all(task, /* kill= */ true);
            (void)pthread_mutex_lock(&task->engine->lock);
            continue;
        }
        wait_ms(task, killed ? 1000 : kill_ms - now_ms());
    }
    (void)pthread_mutex_unlock(&task->engine->lock);
}

void agent_task_remove(struct agent_task *task)
{
    struct fail f;

    for (size_t i = 0; i < task->container_count; i++) {
        struct agent_container *container = &task->containers[i];

        if (container->started && !runtime_delete(task->engine->runtime, container->id, &f))
            log_warning("container %s stays: %s", container->id, f.message);
        agent_bridge_remove(task->engine->bridge, &container->endpoint);
        if (container->image != NULL)
            image_release(container->image);
        container->image = NULL;
    }
    if (!runtime_task_cgroup_delete(task->engine->runtime, task->id, &f) || !path_remove(task->directory, &f))
        log_warning("task %s: %s", task->id, f.message);
}

void *agent_task_lead(void *context)
{
    struct agent_task *task = context;
    struct agent_api api;
    struct fail f;

    if (!agent_api_open(&api, task->engine->config, &f))
        log_error("task %s: %s", task->id, f.message);
    else if (task->adopted || begin(task)) {
        say(task, &api, "RUNNING");
        run(task);
    }
    if (!is_stopping(task)) {
        stop(task);
        say(task, &api, "STOPPED");
    }
    if (!is_stopping(task))
        agent_task_remove(task);
    agent_api_close(&api);
    (void)pthread_mutex_lock(&task->engine->lock);
    task->ended = true;
    (void)pthread_mutex_unlock(&task->engine->lock);
    return NULL;
}
