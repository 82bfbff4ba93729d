#include "node/agent/agent.h"

#include "base/log.h"
#include "base/must.h"
#include "base/when.h"
#include "node/agent/agent_metadata.h"
#include "node/agent/agent_session.h"
#include "node/agent/agent_telemetry.h"
#include "node/agent/instance_tasks.h"
#include "node/agent/introspection.h"
#include "node/runtime/small_file.h"
#include "os/files.h"

#include <pthread.h>

enum { EXIT_RESTART = 1 };

struct agent {
    const struct agent_config *config;
    struct agent_registration registration;
    struct instance_tasks *tasks;
    struct agent_session *session; /* set before its first message is looked at: `lock` */
    pthread_mutex_t lock;
    int64_t sequence; /* the highest of payloads and manifests; -1: none */
    char manifest[128];
};

static void acknowledge(struct agent *agent, const json_t *message)
{
    (void)agent_session_send(agent->session, "AckRequest",
                             json_pack("{s:s%,s:s,s:O?}", "cluster", agent->config->cluster.ptr,
                                       agent->config->cluster.len, "containerInstance", agent->registration.arn,
                                       "messageId", json_object_get(message, "messageId")));
}

static void heard(struct agent *agent, const json_t *number)
{
    if (json_is_integer(number) && json_integer_value(number) > agent->sequence)
        agent->sequence = json_integer_value(number);
}

static void acknowledge_credentials(struct agent *agent, const json_t *message, const json_t *credentials)
{
    if (!json_is_object(credentials))
        return;
    (void)agent_session_send(agent->session, "IAMRoleCredentialsAckRequest",
                             json_pack("{s:O?,s:O?,s:O?}", "messageId", json_object_get(message, "messageId"),
                                       "expiration", json_object_get(credentials, "expiration"), "credentialsId",
                                       json_object_get(credentials, "credentialsId")));
}

static bool take_task(struct agent *agent, const json_t *task)
{
    char *text = json_dumps(task, JSON_COMPACT | JSON_ENCODE_ANY);
    bool lasts;

    must(text != NULL);
    lasts = instance_tasks_payload(agent->tasks, str_of(text));
    free(text);
    return lasts;
}

/* Stops first, and acknowledged only with all its tasks, as in the original. */
static void take_payload(struct agent *agent, const json_t *message)
{
    const json_t *tasks = json_object_get(message, "tasks");
    const json_t *task;
    bool all = true;
    size_t i;

    for (int starts = 0; starts <= 1; starts++)
        json_array_foreach(tasks, i, task)
        {
            const char *desired = json_string_value(json_object_get(task, "desiredStatus"));

            if ((desired == NULL || strcmp(desired, "STOPPED") != 0) == (starts == 1))
                all = take_task(agent, task) && all;
        }
    heard(agent, json_object_get(message, "seqNum"));
    if (all)
        acknowledge(agent, message);
    json_array_foreach(tasks, i, task)
    {
        acknowledge_credentials(agent, message, json_object_get(task, "roleCredentials"));
        acknowledge_credentials(agent, message, json_object_get(task, "executionRoleCredentials"));
    }
}

static void take_manifest(struct agent *agent, const json_t *message)
{
    const json_t *timeline = json_object_get(message, "timeline");
    const char *id = json_string_value(json_object_get(message, "messageId"));
    json_t *candidates;

    if (!json_is_integer(timeline) || json_integer_value(timeline) <= agent->sequence || id == NULL)
        return;
    heard(agent, timeline);
    acknowledge(agent, message);
    candidates = instance_tasks_unlisted(agent->tasks, json_object_get(message, "tasks"));
    if (candidates == NULL)
        return;
    (void)snprintf(agent->manifest, sizeof(agent->manifest), "%s", id);
    (void)agent_session_send(agent->session, "TaskStopVerificationMessage",
                             json_pack("{s:s,s:o}", "messageId", id, "stopCandidates", candidates));
}

/* Only of the last manifest, and once. */
static void take_verification(struct agent *agent, const json_t *message)
{
    const char *id = json_string_value(json_object_get(message, "messageId"));
    const json_t *task;
    size_t i;

    if (id == NULL || agent->manifest[0] == '\0' || strcmp(id, agent->manifest) != 0)
        return;
    agent->manifest[0] = '\0';
    json_array_foreach(json_object_get(message, "stopTasks"), i, task)
    {
        const char *arn = json_string_value(json_object_get(task, "taskArn"));

        if (arn != NULL)
            instance_tasks_give_up(agent->tasks, str_of(arn));
    }
}

static struct str text_of(const json_t *object, const char *name)
{
    return str_of(json_string_value(json_object_get(object, name)));
}

static void take_interfaces(struct agent *agent, const json_t *message)
{
    acknowledge(agent, message);
    instance_tasks_expect(agent->tasks, message);
}

/* Those of the task's role; an execution role's are asked for once, when the task begins. */
static void take_credentials(struct agent *agent, const json_t *message)
{
    const json_t *from = json_object_get(message, "roleCredentials");
    const struct agent_iam_role_credentials credentials = {
        .credentials_id = text_of(from, "credentialsId"),
        .role_arn = text_of(from, "roleArn"),
        .access_key_id = text_of(from, "accessKeyId"),
        .secret_access_key = text_of(from, "secretAccessKey"),
        .session_token = text_of(from, "sessionToken"),
        .expiration = text_of(from, "expiration"),
    };
    struct str task = text_of(message, "taskArn");

    if (!str_is(text_of(message, "roleType"), "TaskApplication"))
        return;
    if (task.len > 0 && credentials.credentials_id.len > 0 &&
        instance_tasks_credentials(agent->tasks, task, &credentials))
        acknowledge_credentials(agent, message, from);
    else
        log_error("credentials of task %.*s, which is not here", STR_ARG(task));
}

static void take_command(struct agent *agent, const json_t *message)
{
    instance_tasks_command(agent->tasks, message);
}

static void take_update(struct agent *agent, const json_t *message)
{
    (void)agent_session_send(agent->session, "NackRequest",
                             json_pack("{s:s%,s:s,s:O?,s:s}", "cluster", agent->config->cluster.ptr,
                                       agent->config->cluster.len, "containerInstance", agent->registration.arn,
                                       "messageId", json_object_get(message, "messageId"), "reason",
                                       "Updates are disabled"));
}

static const struct {
    const char *type;
    void (*take)(struct agent *agent, const json_t *message);
} messages[] = {
    {"PayloadMessage", take_payload},
    {"AttachTaskNetworkInterfacesMessage", take_interfaces},
    {"IAMRoleCredentialsMessage", take_credentials},
    {"TaskManifestMessage", take_manifest},
    {"TaskStopVerificationAck", take_verification},
    {"ExecuteCommandMessage", take_command}, /* of Berth's own servers (docs/decisions/0151) */
    {"StageUpdateMessage", take_update},
    {"PerformUpdateMessage", take_update},
};

/* What is not in the table (other attachments) is of capabilities that we do not name. */
static void take_message(void *context, const char *type, const json_t *message)
{
    struct agent *agent = context;

    (void)pthread_mutex_lock(&agent->lock);
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        if (strcmp(type, messages[i].type) == 0) {
            messages[i].take(agent, message);
            (void)pthread_mutex_unlock(&agent->lock);
            return;
        }
    (void)pthread_mutex_unlock(&agent->lock);
    log_warning("a message of the type %s is not answered", type);
}

static void tasks_changed(void *context)
{
    agent_telemetry_wake(context);
}

static bool serve(struct agent *agent, bool (*wait)(int64_t ms), struct fail *f)
{
    struct agent_api api = {.config = agent->config};
    const struct agent_session_options options = {
        .api = &api, .registration = &agent->registration, .message = take_message, .context = agent};
    struct introspection *introspection;
    struct agent_telemetry *telemetry;
    struct agent_metadata *metadata;
    bool good;

    if (!agent_api_open(&api, agent->config, f) ||
        !instance_tasks_open(agent->config, &agent->registration, &agent->tasks, f) ||
        !agent_metadata_start(agent->tasks, &metadata, f) ||
        !introspection_start(agent->tasks, agent->config, &agent->registration, &introspection, f) ||
        !agent_telemetry_start(agent->config, &agent->registration, agent->tasks, &telemetry, f))
        return false;
    instance_tasks_start(agent->tasks, tasks_changed, telemetry);
    (void)pthread_mutex_lock(&agent->lock);
    good = agent_session_start(&options, &agent->session, f);
    (void)pthread_mutex_unlock(&agent->lock);
    if (!good)
        return false;
    (void)wait(WHEN_NEVER);
    agent_session_stop(agent->session);
    introspection_stop(introspection);
    agent_metadata_stop(metadata);
    instance_tasks_stop(agent->tasks);
    agent_telemetry_stop(telemetry);
    instance_tasks_close(agent->tasks);
    agent_api_close(&api);
    return true;
}

/* Before anything is done: another process has tasks here. */
static bool claim_data_dir(const struct agent_config *config, int *ret_fd, struct fail *f)
{
    char path[PATH_BYTES];

    path_format(path, "%.*s", STR_ARG(config->data_dir));
    return directory_make(path, 0700, f) && directory_lock(path, ret_fd, f);
}

int agent_run(const struct agent_config *config, bool (*wait)(int64_t ms))
{
    struct agent_config known = *config;
    struct agent agent = {.config = &known, .sequence = -1};
    struct agent_api api;
    int status = EXIT_RESTART;
    auto_fd claim = -1;
    struct fail f;
    bool good;

    if (!claim_data_dir(config, &claim, &f)) {
        log_error("%s", f.message);
        return EXIT_RESTART;
    }
    must(pthread_mutex_init(&agent.lock, NULL) == 0);
    good = agent_api_open(&api, config, &f);
    known.region = api.region; /* found once */
    good = good && agent_register(&api, wait, &agent.registration, &status, &f);
    agent_api_close(&api);
    if (good) {
        log_info("registered as %s", agent.registration.arn);
        status = EXIT_RESTART;
        good = serve(&agent, wait, &f);
    }
    if (!good)
        log_error("%s", f.message);
    (void)pthread_mutex_destroy(&agent.lock);
    return good ? 0 : status;
}
