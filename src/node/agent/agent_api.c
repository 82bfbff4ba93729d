#include "node/agent/agent_api.h"

#include "base/must.h"
#include "base/when.h"
#include "model/gen/ecr.h"
#include "model/gen/ecs.h"
#include "model/gen/secretsmanager.h"
#include "model/gen/ssm.h"
#include "os/aws_call.h"

#include <time.h>

enum { CALL_TIMEOUT_MS = 42000, CONNECT_TIMEOUT_MS = 30000, ARENA_BYTES = 1 << 20 };

static const struct service *const services[] = {
    [AGENT_ECS] = &ecs_service,
    [AGENT_ECR] = &ecr_service,
    [AGENT_SECRETS_MANAGER] = &secretsmanager_service,
    [AGENT_SSM] = &ssm_service,
};

/* The SDKs' variables name others; without, all services answer where ECS does. */
static struct str endpoint_of(const struct agent_api *api)
{
    struct str own = api->service == AGENT_SECRETS_MANAGER ? api->config->secrets_endpoint
                     : api->service == AGENT_SSM           ? api->config->ssm_endpoint
                                                           : (struct str){NULL, 0};

    return own.len > 0 ? own : api->config->backend;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The region of the identity document, when no variable names one. */
static bool find_region(struct agent_api *api, struct fail *f)
{
    struct arena arena;
    struct str text;
    bool good = true;

    if (api->region.len > 0)
        return true;
    if (api->instance == NULL)
        return fail(f, FAIL_INPUT, "AWS_DEFAULT_REGION is not set");
    arena_init(&arena, ARENA_BYTES);
    good = instance_client_get(api->instance, "meta-data/placement/region", &arena, &text, f);
    if (good)
        api->region = str_of(strndup(text.ptr, text.len));
    arena_free(&arena);
    return good;
}

bool agent_api_open(struct agent_api *api, const struct agent_config *config, struct fail *f)
{
    *api = (struct agent_api){.config = config, .region = config->region};
    return http_client_new(&api->http, f) && (config->external || instance_client_new(&api->instance, f)) &&
           find_region(api, f);
}

void agent_api_close(struct agent_api *api)
{
    http_client_free(api->http);
    instance_client_free(api->instance);
}

void agent_api_act(struct agent_api *api, enum agent_service service, const struct host_credentials *credentials)
{
    struct agent_credentials *to = &api->credentials;

    api->service = service;
    api->is_acting = credentials != NULL;
    *to = (struct agent_credentials){.expires_ms = 0};
    if (credentials == NULL)
        return;
    (void)snprintf(to->access_key, sizeof(to->access_key), "%.*s", STR_ARG(credentials->access_key_id));
    (void)snprintf(to->secret, sizeof(to->secret), "%.*s", STR_ARG(credentials->secret_access_key));
    (void)snprintf(to->token, sizeof(to->token), "%.*s", STR_ARG(credentials->session_token));
}

static bool get_credentials(struct agent_api *api, struct fail *f)
{
    if (api->is_acting)
        return true;
    if (api->config->managed.instance_id[0] != '\0')
        return managed_instance_credentials(api->config, &api->credentials, now_ms(), f);
    return agent_credentials_get(&api->credentials, api->instance, now_ms(), f);
}

bool agent_api_identity(struct agent_api *api, struct host_credentials *ret_credentials, struct fail *f)
{
    const struct agent_credentials *own = &api->credentials;

    if (!get_credentials(api, f))
        return false;
    *ret_credentials = (struct host_credentials){.access_key_id = str_of(own->access_key),
                                                 .secret_access_key = str_of(own->secret),
                                                 .session_token = str_of(own->token[0] == '\0' ? NULL : own->token)};
    return true;
}

static bool get_signer(struct agent_api *api, struct sigv4_signer *ret_signer, struct fail *f)
{
    struct host_credentials credentials;

    if (!agent_api_identity(api, &credentials, f))
        return false;
    *ret_signer = aws_signer(&credentials, api->region);
    return true;
}

bool agent_call(struct agent_api *api, const char *operation, json_t *input, json_t **ret_output, struct fail *f)
{
    char *text = json_dumps(input, JSON_COMPACT);
    struct aws_call call = {.client = api->http,
                            .operation = service_operation(services[api->service], str_of(operation)),
                            .endpoint = endpoint_of(api),
                            .body = str_of(text),
                            .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                            .total_timeout_ms = CALL_TIMEOUT_MS};
    auto_client_reply reply = {0};
    json_t *body;
    bool good = get_signer(api, &call.signer, f) && aws_call(&call, &reply, f);

    json_decref(input);
    free(text);
    if (!good)
        return false;
    body = aws_reply_body(&reply);
    if (reply.status != 200) {
        (void)aws_refused(body, reply.status, f);
        json_decref(body);
        return false;
    }
    *ret_output = body == NULL ? json_object() : body;
    return true;
}

bool agent_call_is(const struct fail *f, const char *name)
{
    return f->code == FAIL_API && strncmp(f->message, name, strlen(name)) == 0;
}

/* As os/websocket.h sends it: with the port, also where that is the scheme's own. */
static struct str host_and_port(struct str url, struct arena *arena)
{
    struct str host = aws_url_host(url);
    const char *port = str_starts(url, STR("wss:")) ? ":443" : ":80";

    return str_find(host, ':') < host.len ? host : arena_printf(arena, "%.*s%s", STR_ARG(host), port);
}

bool agent_sign_get(struct agent_api *api, struct str url, struct str body, struct arena *arena,
                    struct http_header **ret_headers, size_t *ret_count, struct fail *f)
{
    struct str rest = str_from(url, str_search(url, STR("://")) + 3);
    struct str target = str_from(rest, str_find(rest, '/'));
    struct aws_request *request = arena_new(arena, struct aws_request);
    struct sigv4_signer signer;

    request->wire = (struct wire_request){.method = STR("GET"), .body = body};
    request->wire.path = str_cut(target, '?', &request->wire.query);
    aws_request_add(request, "Host", host_and_port(url, arena));
    if (!get_signer(api, &signer, f))
        return false;
    signer.service = str_of(services[api->service]->signing_name);
    if (!aws_request_sign(request, &signer, arena, f))
        return false;
    *ret_headers = request->headers;
    *ret_count = request->wire.header_count;
    return true;
}
