#include "node/agent/managed_instance.h"

#include "base/log.h"
#include "base/must.h"
#include "model/gen/ssm.h"
#include "node/agent/agent_config.h"
#include "node/runtime/small_file.h"
#include "os/aws_call.h"
#include "os/entropy.h"
#include "os/files.h"

#include <errno.h>
#include <sys/stat.h>

#define AHEAD_MS INT64_C(300000)

enum { CALL_TIMEOUT_MS = 42000, FILE_BYTES_MAX = 4096, DIRECTORY_BYTES = 512 };

/* ---- calls, which nobody signs ---- */

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

/* Takes the reference of `input`. */
static bool call(const struct agent_config *config, const struct operation *operation, json_t *input,
                 json_t **ret_output, struct fail *f)
{
    char *body = json_dumps(input, JSON_COMPACT);
    const struct aws_call call = {
        .operation = operation, .endpoint = config->backend, .body = str_of(body), .total_timeout_ms = CALL_TIMEOUT_MS};
    auto_client_reply reply = {0};
    bool good = aws_call(&call, &reply, f);

    json_decref(input);
    free(body);
    if (!good)
        return false;
    *ret_output = aws_reply_body(&reply);
    if (reply.status == 200)
        return true;
    (void)aws_refused(*ret_output, reply.status, f);
    json_decref(*ret_output);
    return fail_in(f, "%s", operation->name);
}

/* ---- the file ---- */

static void path_of(const struct agent_config *config, char path[PATH_BYTES])
{
    path_format(path, "%.*s/managed-instance.json", STR_ARG(config->data_dir));
}

static bool take(struct managed_instance *managed, const char *instance_id, const char *fingerprint)
{
    (void)snprintf(managed->instance_id, sizeof(managed->instance_id), "%s", instance_id);
    (void)snprintf(managed->fingerprint, sizeof(managed->fingerprint), "%s", fingerprint);
    return managed->instance_id[0] != '\0' && managed->fingerprint[0] != '\0';
}

static bool recall(const struct agent_config *config, struct managed_instance *managed, struct fail *f)
{
    auto_buf bytes = {.limit = FILE_BYTES_MAX};
    char path[PATH_BYTES];
    json_error_t error;
    json_t *json;
    bool good;

    path_of(config, path);
    if (!file_read(path, &bytes, f))
        return f->code == FAIL_NOT_FOUND;
    json = json_loadb(bytes.ptr == NULL ? "" : bytes.ptr, bytes.len, 0, &error);
    good = take(managed, text(json, "instanceId"), text(json, "fingerprint"));
    json_decref(json);
    return good || fail(f, FAIL_INPUT, "%s cannot be read: remove it to register anew", path);
}

static bool keep(const struct agent_config *config, const struct managed_instance *managed, struct fail *f)
{
    json_t *json = json_pack("{s:s,s:s}", "instanceId", managed->instance_id, "fingerprint", managed->fingerprint);
    char *bytes = json_dumps(json, JSON_INDENT(1));
    char path[PATH_BYTES];
    bool good;

    must(bytes != NULL);
    path_of(config, path);
    good = file_replace(path, str_of(bytes), 0600, f);
    free(bytes);
    json_decref(json);
    return good;
}

/* ---- registering ---- */

static bool make_directory(const struct agent_config *config, struct fail *f)
{
    char path[DIRECTORY_BYTES];

    (void)snprintf(path, sizeof(path), "%.*s", STR_ARG(config->data_dir));
    return mkdir(path, 0700) == 0 || errno == EEXIST || fail(f, FAIL_SYSTEM, "make %s: %s", path, strerror(errno));
}

static bool register_machine(const struct agent_config *config, struct managed_instance *managed, struct fail *f)
{
    struct arena arena;
    json_t *answer;
    bool good;

    arena_init(&arena, (size_t)1 << 12);
    (void)snprintf(managed->fingerprint, sizeof(managed->fingerprint), "%.*s", STR_ARG(entropy_uuid(&arena)));
    arena_free(&arena);
    good = make_directory(config, f) &&
           call(config, &ssm_register_managed_instance_operation,
                json_pack("{s:s%,s:s%,s:s}", "ActivationId", config->activation_id.ptr, config->activation_id.len,
                          "ActivationCode", config->activation_code.ptr, config->activation_code.len, "Fingerprint",
                          managed->fingerprint),
                &answer, f);
    if (!good)
        return false;
    (void)snprintf(managed->instance_id, sizeof(managed->instance_id), "%s", text(answer, "InstanceId"));
    json_decref(answer);
    log_info("registered with Systems Manager as %s", managed->instance_id);
    return keep(config, managed, f);
}

bool managed_instance_open(const struct agent_config *config, struct managed_instance *ret_managed, struct fail *f)
{
    struct managed_instance managed = {.instance_id = ""};

    if (!recall(config, &managed, f))
        return false;
    if (managed.instance_id[0] == '\0' && config->activation_id.len > 0 && !register_machine(config, &managed, f))
        return false;
    *ret_managed = managed;
    return true;
}

/* ---- credentials ---- */

bool managed_instance_credentials(const struct agent_config *config, struct agent_credentials *credentials,
                                  int64_t now_ms, struct fail *f)
{
    json_t *answer;
    bool good;

    if (credentials->access_key[0] != '\0' && now_ms < credentials->expires_ms - AHEAD_MS)
        return true;
    if (!call(config, &ssm_request_managed_instance_role_token_operation,
              json_pack("{s:s}", "Fingerprint", config->managed.fingerprint), &answer, f))
        return false;
    good = strlen(text(answer, "SessionToken")) < sizeof(credentials->token) && text(answer, "AccessKeyId")[0] != '\0';
    if (good) {
        (void)snprintf(credentials->access_key, sizeof(credentials->access_key), "%s", text(answer, "AccessKeyId"));
        (void)snprintf(credentials->secret, sizeof(credentials->secret), "%s", text(answer, "SecretAccessKey"));
        (void)snprintf(credentials->token, sizeof(credentials->token), "%s", text(answer, "SessionToken"));
        credentials->expires_ms = (int64_t)(json_number_value(json_object_get(answer, "TokenExpirationDate")) * 1000);
    }
    json_decref(answer);
    return good || fail(f, FAIL_INPUT, "the credentials of the machine's role cannot be read");
}
