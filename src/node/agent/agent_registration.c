#include "node/agent/agent_registration.h"

#include "base/log.h"
#include "base/must.h"
#include "node/runtime/small_file.h"
#include "node/task/shared_namespaces.h"
#include "os/entropy.h"
#include "os/files.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum { EXIT_RESTART = 1, EXIT_TERMINAL = 5, PAUSE_MS_MIN = 100, PAUSE_MS_MAX = 192000, STATE_BYTES_MAX = 1 << 16 };

/* What this agent does, of the amazon-ecs-agent's list. What is not here is not done, and the server places no task
 * here that needs it. */
static const char *const capabilities[] = {
    "com.amazonaws.ecs.capability.docker-remote-api.1.17",
    "com.amazonaws.ecs.capability.docker-remote-api.1.18",
    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
    "com.amazonaws.ecs.capability.docker-remote-api.1.20",
    "com.amazonaws.ecs.capability.docker-remote-api.1.21",
    "com.amazonaws.ecs.capability.docker-remote-api.1.22",
    "com.amazonaws.ecs.capability.docker-remote-api.1.23",
    "com.amazonaws.ecs.capability.docker-remote-api.1.24",
    "com.amazonaws.ecs.capability.docker-remote-api.1.25",
    "com.amazonaws.ecs.capability.docker-remote-api.1.28",
    "com.amazonaws.ecs.capability.docker-remote-api.1.29",
    "com.amazonaws.ecs.capability.docker-remote-api.1.30",
    "com.amazonaws.ecs.capability.docker-remote-api.1.32",
    "com.amazonaws.ecs.capability.ecr-auth",
    "com.amazonaws.ecs.capability.task-iam-role",
    "com.amazonaws.ecs.capability.task-iam-role-network-host",
    "ecs.capability.container-health-check",
    "ecs.capability.container-ordering",
    "ecs.capability.container-restart-policy",
    "ecs.capability.docker-plugin.local",
    "ecs.capability.execute-command",
    "ecs.capability.execution-role-awslogs",
    "ecs.capability.execution-role-ecr-pull",
    "ecs.capability.private-registry-authentication.secretsmanager",
    "ecs.capability.secrets.asm.bootstrap.log-driver",
    "ecs.capability.secrets.asm.environment-variables",
    "ecs.capability.secrets.ssm.bootstrap.log-driver",
    "ecs.capability.secrets.ssm.environment-variables",
    "ecs.capability.ecr-endpoint",
    "ecs.capability.full-sync",
    "ecs.capability.task-cpu-mem-limit",
};

/* ---- attributes ---- */

static void add_attribute(json_t *list, const char *name, const char *value)
{
    json_t *attribute =
        value == NULL ? json_pack("{s:s}", "name", name) : json_pack("{s:s,s:s}", "name", name, "value", value);

    must(attribute != NULL);
    must(json_array_append_new(list, attribute) == 0);
}

/* {"key": "value"}; `add` is given each. */
static bool add_object(json_t *list, const char *variable, struct str text, const char *name_key, struct fail *f)
{
    json_error_t error;
    json_t *object = json_loadb(text.ptr, text.len, 0, &error);
    bool good = json_is_object(object);
    const char *key;
    json_t *value;

    if (good) {
        json_object_foreach(object, key, value)
        {
            good = good && json_is_string(value);
            if (good)
                (void)json_array_append_new(list, json_pack("{s:s,s:O}", name_key, key, "value", value));
        }
    }
    json_decref(object);
    return good || fail(f, FAIL_INPUT, "%s is not a JSON object of texts: %.*s", variable, STR_ARG(text));
}

static bool is_driver(const char *name)
{
    static const struct str known[] = {STR_INIT("json-file"), STR_INIT("awslogs"), STR_INIT("splunk")};

    return name != NULL && str_is_among(str_of(name), known, COUNT_OF(known));
}

static bool add_drivers(json_t *list, struct str text, struct fail *f)
{
    json_error_t error;
    json_t *drivers = json_loadb(text.ptr, text.len, 0, &error);
    bool good = json_is_array(drivers);
    json_t *driver;
    size_t i;

    if (good) {
        json_array_foreach(drivers, i, driver)
        {
            char name[256];

            if (!is_driver(json_string_value(driver)))
                continue; /* named by somebody, but not done */
            (void)snprintf(name, sizeof(name), "com.amazonaws.ecs.capability.logging-driver.%s",
                           json_string_value(driver));
            add_attribute(list, name, NULL);
        }
    }
    json_decref(drivers);
    return good || fail(f, FAIL_INPUT, "ECS_AVAILABLE_LOGGING_DRIVERS is not a JSON list: %.*s", STR_ARG(text));
}

static bool make_attributes(const struct agent_config *config, bool renews, json_t **ret_list, struct fail *f)
{
    json_t *list = json_array();
    struct utsname machine;

    (void)uname(&machine);
    for (size_t i = 0; i < COUNT_OF(capabilities); i++)
        add_attribute(list, capabilities[i], NULL);
    if (!config->privileged_disabled)
        add_attribute(list, "com.amazonaws.ecs.capability.privileged-container", NULL);
    if (shared_namespaces_possible())
        add_attribute(list, "ecs.capability.pid-ipc-namespace-sharing", NULL);
    if (config->s3_endpoint != NULL)
        add_attribute(list, "ecs.capability.env-files.s3", NULL);
    add_attribute(list, "ecs.os-type", "linux");
    add_attribute(list, "ecs.os-family", "LINUX");
    if (!config->external)
        add_attribute(list, "ecs.capability.task-eni", NULL);
    if (config->external) {
        add_attribute(list, "ecs.capability.external", NULL);
        add_attribute(list, "ecs.cpu-architecture", strcmp(machine.machine, "aarch64") == 0 ? "arm64" : "x86_64");
    }
    if (add_drivers(list, config->drivers, f) &&
        (renews || config->attributes.ptr == NULL ||
         add_object(list, "ECS_INSTANCE_ATTRIBUTES", config->attributes, "name", f))) {
        *ret_list = list;
        return true;
    }
    json_decref(list);
    return false;
}

/* ---- resources: of the cgroup that we are in, where it says less than the machine ---- */

static int64_t memory_mib(void)
{
    int64_t mib = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) >> 20;
    static const char *const files[] = {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"};
    uint64_t limit;
    struct fail f;

    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (small_file_read_number(files[i], &limit, &f) && (int64_t)(limit >> 20) < mib)
            mib = (int64_t)(limit >> 20);
    return mib;
}

int64_t agent_cpu_units(void)
{
    int64_t units = sysconf(_SC_NPROCESSORS_ONLN) * 1024;
    uint64_t quota;
    uint64_t period;
    struct fail f;

    if (small_file_read_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &quota, &f) &&
        small_file_read_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us", &period, &f) && period > 0 && quota > 0 &&
        (int64_t)quota > 0)
        units = (int64_t)(quota * 1024 / period);
    return units;
}

static json_t *make_resources(const struct agent_config *config)
{
    return json_pack("[{s:s,s:s,s:I},{s:s,s:s,s:I},{s:s,s:s,s:[s,s,s]},{s:s,s:s,s:[]}]", "name", "CPU", "type",
                     "INTEGER", "integerValue", (json_int_t)agent_cpu_units(), "name", "MEMORY", "type", "INTEGER",
                     "integerValue", (json_int_t)(memory_mib() - config->reserved_memory_mib), "name", "PORTS", "type",
                     "STRINGSET", "stringSetValue", "22", "51678", "51679", "name", "PORTS_UDP", "type", "STRINGSET",
                     "stringSetValue");
}

/* ---- state ---- */

static void state_path(const struct agent_config *config, char path[PATH_BYTES])
{
    path_format(path, "%.*s/state.json", STR_ARG(config->data_dir));
}

/* The ARN of an earlier registration, "" when there is none. A state of another cluster is an error, as in the
 * original.
 */
static bool recall(const struct agent_config *config, char arn[512], struct fail *f)
{
    char path[PATH_BYTES];
    auto_buf text = {.limit = STATE_BYTES_MAX};
    json_error_t error;
    json_t *state;
    bool good = true;

    arn[0] = '\0';
    state_path(config, path);
    if (!file_read(path, &text, f))
        return f->code == FAIL_NOT_FOUND;
    state = json_loadb(text.ptr, text.len, 0, &error);
    if (str_is(config->cluster, json_string_value(json_object_get(state, "cluster")) == NULL
                                    ? ""
                                    : json_string_value(json_object_get(state, "cluster"))))
        (void)snprintf(arn, 512, "%s", json_string_value(json_object_get(state, "containerInstanceArn")));
    else
        good = fail(f, FAIL_CONFLICT, "%s is of another cluster than %.*s: remove it to register anew", path,
                    STR_ARG(config->cluster));
    json_decref(state);
    return good;
}

static bool remember(const struct agent_config *config, const char *arn, struct fail *f)
{
    char path[PATH_BYTES];
    json_t *state =
        json_pack("{s:s%,s:s}", "cluster", config->cluster.ptr, config->cluster.len, "containerInstanceArn", arn);
    char *text = json_dumps(state, JSON_COMPACT);
    bool good;

    state_path(config, path);
    good = file_write(path, str_of(text), 0600, f);
    free(text);
    json_decref(state);
    return good;
}

/* ---- registering ---- */

static struct str identity_document(struct agent_api *api, struct arena *arena)
{
    struct str text;
    struct fail f;

    if (api->instance == NULL ||
        !instance_client_get(api->instance, "dynamic/instance-identity/document", arena, &text, &f))
        return STR("");
    return text;
}

static void new_token(char token[37])
{
    unsigned char bytes[16];

    entropy_fill(bytes, sizeof(bytes));
    (void)snprintf(token, 37, "%02x%02x%02x%02x-%02x%02x-4%x%02x-8%x%02x-%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1],
                   bytes[2], bytes[3], bytes[4], bytes[5], bytes[6] & 15, bytes[7], bytes[8] & 15, bytes[9], bytes[10],
                   bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
}

static bool make_request(struct agent_api *api, const char *arn, const char *token, json_t **ret_request,
                         struct fail *f)
{
    const struct agent_config *config = api->config;
    json_t *tags = json_array();
    json_t *attributes;
    struct arena arena;
    struct str document;

    if (!make_attributes(config, arn[0] != '\0', &attributes, f) ||
        (config->tags.ptr != NULL && !add_object(tags, "ECS_CONTAINER_INSTANCE_TAGS", config->tags, "key", f))) {
        json_decref(tags);
        return false;
    }
    arena_init(&arena, (size_t)1 << 20);
    document = identity_document(api, &arena);
    *ret_request =
        json_pack("{s:s%,s:s,s:o,s:o,s:s%,s:s}", "cluster", config->cluster.ptr, config->cluster.len, "clientToken",
                  token, "attributes", attributes, "totalResources", make_resources(config), "instanceIdentityDocument",
                  document.ptr, document.len, "instanceIdentityDocumentSignature", "");
    arena_free(&arena);
    must(*ret_request != NULL);
    if (arn[0] != '\0')
        (void)json_object_set_new(*ret_request, "containerInstanceArn", json_string(arn));
    if (json_array_size(tags) > 0)
        (void)json_object_set(*ret_request, "tags", tags);
    json_decref(tags);
    return true;
}

static bool read_answer(const json_t *answer, struct agent_registration *registration, struct fail *f)
{
    const json_t *instance = json_object_get(answer, "containerInstance");
    const char *arn = json_string_value(json_object_get(instance, "containerInstanceArn"));
    const json_t *attributes = json_object_get(instance, "attributes");
    const json_t *attribute;
    size_t i;

    if (arn == NULL || strlen(arn) >= sizeof(registration->arn))
        return fail(f, FAIL_INPUT, "the server names no container instance");
    (void)snprintf(registration->arn, sizeof(registration->arn), "%s", arn);
    json_array_foreach(attributes, i, attribute)
    {
        const char *name = json_string_value(json_object_get(attribute, "name"));
        const char *value = json_string_value(json_object_get(attribute, "value"));

        if (name != NULL && value != NULL && strcmp(name, "ecs.availability-zone") == 0)
            (void)snprintf(registration->zone, sizeof(registration->zone), "%s", value);
    }
    return true;
}

/* What trying again may mend: it was not reached, or says that it is its own fault. */
static bool is_passing(const struct fail *f)
{
    return f->code != FAIL_API || agent_call_is(f, "ThrottlingException") || agent_call_is(f, "LimitExceededException");
}

/* False with FAIL_CONFLICT: the process is to end. */
static bool try_on(struct agent_api *api, const char *arn, bool (*wait)(int64_t ms), json_t **ret_answer,
                   struct fail *f)
{
    char token[37];
    int64_t wait_ms = PAUSE_MS_MIN;

    new_token(token);
    for (;;) {
        json_t *request;

        if (!make_request(api, arn, token, &request, f))
            return false;
        if (agent_call(api, "RegisterContainerInstance", request, ret_answer, f))
            return true;
        if (!is_passing(f))
            return false;
        log_warning("not registered yet: %s", f->message);
        if (wait(wait_ms))
            return fail(f, FAIL_CONFLICT, "the agent ends before it was registered");
        wait_ms = 2 * wait_ms < PAUSE_MS_MAX ? 2 * wait_ms : PAUSE_MS_MAX;
    }
}

bool agent_register(struct agent_api *api, bool (*wait)(int64_t ms), struct agent_registration *ret_registration,
                    int *ret_exit, struct fail *f)
{
    json_t *answer = NULL;
    char arn[512];
    bool good;

    *ret_exit = EXIT_TERMINAL;
    if (!recall(api->config, arn, f))
        return false;
    if (!try_on(api, arn, wait, &answer, f)) {
        *ret_exit = f->code == FAIL_CONFLICT ? 0
                    : agent_call_is(f, "InvalidParameterException") || agent_call_is(f, "ClientException")
                        ? EXIT_TERMINAL
                        : EXIT_RESTART;
        return false;
    }
    good = read_answer(answer, ret_registration, f) && remember(api->config, ret_registration->arn, f);
    json_decref(answer);
    return good;
}
