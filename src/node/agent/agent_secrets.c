#include "node/agent/agent_secrets.h"

#include "base/must.h"
#include "node/agent/agent_api.h"
#include "wire/base64.h"

enum { ARN_FIELDS = 7 }; /* "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME" */

static struct str text(const json_t *object, const char *name, struct arena *arena)
{
    return arena_str(arena, str_of(json_string_value(json_object_get(object, name))));
}

/* Field 3 of an ARN; the api's own for a bare name. */
static void set_region(struct agent_api *api, struct str value_from)
{
    struct str rest = value_from;
    struct str region;

    if (!str_starts(value_from, STR("arn:")))
        return;
    for (size_t i = 0; i < 3 && rest.ptr != NULL; i++)
        (void)str_cut(rest, ':', &rest);
    region = rest.ptr == NULL ? STR("") : str_cut(rest, ':', &rest);
    if (region.len > 0)
        api->region = region;
}

/* ---- Secrets Manager ---- */

struct secret_name {
    struct str arn, key, stage, version; /* the last three absent or empty: not given */
};

/* "ARN[:json-key[:version-stage[:version-id]]]" */
static struct secret_name name_of(struct str value_from)
{
    struct secret_name name = {.arn = value_from};
    struct str rest = value_from;

    for (size_t i = 0; i < ARN_FIELDS && rest.ptr != NULL; i++)
        (void)str_cut(rest, ':', &rest);
    if (rest.ptr == NULL)
        return name;
    name.arn = str_to(value_from, (size_t)(rest.ptr - value_from.ptr) - 1);
    name.key = str_cut(rest, ':', &rest);
    if (rest.ptr != NULL)
        name.stage = str_cut(rest, ':', &rest);
    if (rest.ptr != NULL)
        name.version = str_cut(rest, ':', &rest);
    return name;
}

static bool pick(struct str secret, struct str key, struct arena *arena, struct str *ret_value, struct fail *f)
{
    json_error_t ignored;
    json_t *all = json_loadb(secret.ptr, secret.len, 0, &ignored);
    json_t *value = json_object_get(all, arena_cstr(arena, key));
    bool good = value != NULL;

    if (good && json_is_string(value)) {
        *ret_value = arena_str(arena, str_of(json_string_value(value)));
    } else if (good) {
        char *shown = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

        *ret_value = arena_str(arena, str_of(shown));
        free(shown);
    }
    json_decref(all);
    return good ||
           fail(f, FAIL_INPUT, "retrieved secret from Secrets Manager did not contain json key %.*s", STR_ARG(key));
}

static bool fetch_secret(struct agent_api *api, struct str value_from, struct arena *arena, struct str *ret_value,
                         struct fail *f)
{
    struct secret_name name = name_of(value_from);
    json_t *request = json_pack("{s:s%}", "SecretId", name.arn.ptr, name.arn.len);
    json_t *answer;
    struct str secret;

    if (name.stage.len > 0)
        must(json_object_set_new(request, "VersionStage", json_stringn(name.stage.ptr, name.stage.len)) == 0);
    if (name.version.len > 0)
        must(json_object_set_new(request, "VersionId", json_stringn(name.version.ptr, name.version.len)) == 0);
    api->service = AGENT_SECRETS_MANAGER;
    if (!agent_call(api, "GetSecretValue", request, &answer, f))
        return fail_in(f, "fetching secret data from AWS Secrets Manager in region %.*s: secret %.*s",
                       STR_ARG(api->region), STR_ARG(name.arn));
    secret = text(answer, "SecretString", arena);
    json_decref(answer);
    if (secret.ptr == NULL)
        return fail(f, FAIL_INPUT, "fetching secret data from AWS Secrets Manager: secret %.*s has no text",
                    STR_ARG(name.arn));
    *ret_value = secret;
    return name.key.len == 0 || pick(secret, name.key, arena, ret_value, f);
}

/* ---- SSM ---- */

static bool fetch_parameter(struct agent_api *api, struct str name, struct arena *arena, struct str *ret_value,
                            struct fail *f)
{
    json_t *request = json_pack("{s:[s%],s:b}", "Names", name.ptr, name.len, "WithDecryption", 1);
    json_t *answer;

    api->service = AGENT_SSM;
    if (!agent_call(api, "GetParameters", request, &answer, f))
        return fail_in(f, "fetching secret data from SSM Parameter Store in %.*s", STR_ARG(api->region));
    *ret_value = text(json_array_get(json_object_get(answer, "Parameters"), 0), "Value", arena);
    json_decref(answer);
    return ret_value->ptr != NULL || fail(f, FAIL_NOT_FOUND,
                                          "fetching secret data from SSM Parameter Store in %.*s: invalid parameters: "
                                          "%.*s",
                                          STR_ARG(api->region), STR_ARG(name));
}

/* ---- a task's ---- */

static bool fetch(struct agent_api *api, const struct ecs_secret *secret, struct arena *arena, struct str *ret_value,
                  struct fail *f)
{
    bool is_secret = str_search(secret->value_from, STR(":secretsmanager:")) < secret->value_from.len;
    struct str home = api->region;
    bool good;

    set_region(api, secret->value_from);
    good = is_secret ? fetch_secret(api, secret->value_from, arena, ret_value, f)
                     : fetch_parameter(api, secret->value_from, arena, ret_value, f);
    api->region = home;
    return good;
}

static bool fetch_list(struct agent_api *api, struct str container, const struct ecs_secret_list *from,
                       struct arena *arena, struct host_container_secrets *to, struct fail *f)
{
    for (size_t i = 0; i < from->count; i++) {
        struct host_container_secret *secret = &to->items[to->count];

        secret->container_name = container;
        secret->name = from->items[i].name;
        if (!fetch(api, &from->items[i], arena, &secret->value, f))
            return false;
        to->count++;
    }
    return true;
}

static const struct ecs_secret_list *log_secrets(const struct ecs_container_definition *definition)
{
    static const struct ecs_secret_list none;

    return definition->log_configuration == NULL ? &none : &definition->log_configuration->secret_options;
}

static bool fetch_all(struct agent_api *api, const struct task *task, struct arena *arena,
                      struct host_task_assignment *to, struct fail *f)
{
    size_t own = 0;
    size_t logs = 0;

    for (size_t i = 0; i < task->container_count; i++) {
        own += task->containers[i].definition->secrets.count;
        logs += log_secrets(task->containers[i].definition)->count;
    }
    to->secrets.items = arena_array(arena, struct host_container_secret, own + 1);
    to->log_secrets.items = arena_array(arena, struct host_container_secret, logs + 1);
    for (size_t i = 0; i < task->container_count; i++) {
        const struct ecs_container_definition *definition = task->containers[i].definition;

        if (!fetch_list(api, definition->name, &definition->secrets, arena, &to->secrets, f) ||
            !fetch_list(api, definition->name, log_secrets(definition), arena, &to->log_secrets, f))
            return false;
    }
    return true;
}

bool agent_secrets_fetch(const struct agent_config *config, const struct task *task, struct arena *arena,
                         struct host_task_assignment *ret_supplied, struct fail *f)
{
    struct host_task_assignment supplied = {.task_arn = {NULL, 0}};
    struct agent_api api;
    bool good = agent_api_open(&api, config, f);

    agent_api_act(&api, AGENT_SSM, task->assignment->execution_credentials);
    good = good && fetch_all(&api, task, arena, &supplied, f);
    agent_api_close(&api);
    if (good)
        *ret_supplied = supplied;
    return good;
}

/* ---- registries ---- */

/* "AWS:password" of a token. */
static bool fetch_token(struct agent_api *api, struct arena *arena, struct image_pull_request *request, struct fail *f)
{
    json_t *answer;
    struct str token;
    struct str raw;

    if (!agent_call(api, "GetAuthorizationToken", json_object(), &answer, f))
        return false;
    token = text(json_array_get(json_object_get(answer, "authorizationData"), 0), "authorizationToken", arena);
    json_decref(answer);
    if (token.ptr == NULL || !base64_decode(token, arena, &raw))
        return fail(f, FAIL_INPUT, "the registry's token cannot be read");
    request->user = str_cut(raw, ':', &request->password);
    return request->password.ptr != NULL || fail(f, FAIL_INPUT, "the registry's token has no password");
}

static bool fetch_repository_credentials(struct agent_api *api, struct str parameter, struct arena *arena,
                                         struct image_pull_request *request, struct fail *f)
{
    struct str secret;

    set_region(api, parameter);
    return fetch_secret(api, parameter, arena, &secret, f) && pick(secret, STR("username"), arena, &request->user, f) &&
           pick(secret, STR("password"), arena, &request->password, f);
}

bool agent_secrets_is_ecr(const struct agent_config *config, struct str registry)
{
    struct str backend = str_from(config->backend, str_search(config->backend, STR("://")) + strlen("://"));
    struct str rest;
    struct str account = str_cut(registry, '.', &rest);

    return (account.len == 12 && rest.ptr != NULL && str_starts(rest, STR("dkr.ecr."))) ||
           str_eq(registry, str_to(backend, str_find(backend, '/'))) || str_starts(registry, STR("127.")) ||
           str_starts(registry, STR("localhost:"));
}

bool agent_secrets_registry(const struct agent_config *config, const struct task *task, size_t i, struct arena *arena,
                            struct image_pull_request *request, struct fail *f)
{
    const struct ecs_container_definition *definition = task->containers[i].definition;
    struct str registry = str_to(definition->image, str_find(definition->image, '/'));
    struct agent_api api;
    bool good;

    if (definition->repository_credentials == NULL && !agent_secrets_is_ecr(config, registry))
        return true;
    if (definition->repository_credentials != NULL)
        request->on_behalf = definition->repository_credentials->credentials_parameter;
    good = agent_api_open(&api, config, f);
    agent_api_act(&api, AGENT_ECR, task->assignment->execution_credentials);
    good = good && (definition->repository_credentials == NULL
                        ? fetch_token(&api, arena, request, f)
                        : fetch_repository_credentials(&api, definition->repository_credentials->credentials_parameter,
                                                       arena, request, f));
    agent_api_close(&api);
    return good;
}
