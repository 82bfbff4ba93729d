#include "node/agent/agent_api.h"

#include "base/must.h"
#include "base/when.h"
#include "model/host.h"
#include "wire/sigv4.h"
#include "wire/sigv4_canonical.h"

#include <time.h>

enum { CALL_TIMEOUT_MS = 42000, CONNECT_TIMEOUT_MS = 30000, HEADERS = 8, ARENA_BYTES = 1 << 20 };

static const struct {
    struct str name;
    const char *target;
} services[] = {
    [AGENT_ECS] = {STR_INIT("ecs"), "AmazonEC2ContainerServiceV20141113"},
    [AGENT_ECR] = {STR_INIT("ecr"), "AmazonEC2ContainerRegistry_V20150921"},
    [AGENT_SECRETS_MANAGER] = {STR_INIT("secretsmanager"), "secretsmanager"},
    [AGENT_SSM] = {STR_INIT("ssm"), "AmazonSSM"},
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

struct call_headers {
    struct http_header items[HEADERS];
    size_t count;
};

static void add(struct call_headers *headers, const char *name, struct str value)
{
    must(headers->count < HEADERS);
    headers->items[headers->count++] = (struct http_header){str_of(name), value};
}

/* "http://host:port/path" -> "host:port" */
static struct str host_of(struct str url)
{
    struct str rest = str_from(url, str_search(url, STR("://")) + 3);

    return str_to(rest, str_find(rest, '/') < str_find(rest, '?') ? str_find(rest, '/') : str_find(rest, '?'));
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

static bool sign(struct agent_api *api, struct wire_request *request, struct call_headers *headers, struct arena *arena,
                 struct fail *f)
{
    const struct agent_credentials *credentials = &api->credentials;
    struct sigv4_signer signer = {.access_key = str_of(credentials->access_key),
                                  .secret = str_of(credentials->secret),
                                  .region = api->region,
                                  .service = services[api->service].name};
    struct str authorization;

    if (!get_credentials(api, f))
        return false;
    signer.access_key = str_of(credentials->access_key);
    signer.secret = str_of(credentials->secret);
    add(headers, "X-Amz-Date", sigv4_date_time(arena, now_ms()));
    if (credentials->token[0] != '\0') {
        signer.security_token = str_of(credentials->token);
        add(headers, "X-Amz-Security-Token", signer.security_token);
    }
    request->headers = headers->items;
    request->header_count = headers->count;
    if (!sigv4_sign(request, &signer, arena, &authorization, f))
        return false;
    add(headers, "Authorization", authorization);
    return true;
}

static bool send(struct agent_api *api, const char *operation, struct str body, struct http_client_reply *ret_reply,
                 struct fail *f)
{
    struct http_client_request request = {
        .method = "POST", .body = body, .connect_timeout_ms = CONNECT_TIMEOUT_MS, .total_timeout_ms = CALL_TIMEOUT_MS};
    struct wire_request signed_request = {.method = STR("POST"), .path = STR("/"), .body = body};
    struct call_headers headers = {.count = 0};
    struct arena arena;
    bool good;

    arena_init(&arena, ARENA_BYTES);
    add(&headers, "Host", host_of(endpoint_of(api)));
    add(&headers, "Content-Type", STR("application/x-amz-json-1.1"));
    add(&headers, "X-Amz-Target", arena_printf(&arena, "%s.%s", services[api->service].target, operation));
    good = sign(api, &signed_request, &headers, &arena, f);
    request.url = arena_printf(&arena, "%.*s/", STR_ARG(endpoint_of(api))).ptr;
    request.headers = headers.items;
    request.header_count = headers.count;
    good = good && http_fetch(api->http, &request, ret_reply, f);
    arena_free(&arena);
    return good;
}

static bool refused(const json_t *body, uint16_t status, struct fail *f)
{
    const char *type = json_string_value(json_object_get(body, "__type"));
    const char *hash = type == NULL ? NULL : strrchr(type, '#');
    const char *message = json_string_value(json_object_get(body, "message"));

    if (message == NULL)
        message = json_string_value(json_object_get(body, "Message"));
    return fail(f, status >= 500 ? FAIL_SYSTEM : FAIL_API, "%s: %s",
                hash != NULL   ? hash + 1
                : type != NULL ? type
                               : "HTTP error",
                message == NULL ? "the server gave no reason" : message);
}

bool agent_call(struct agent_api *api, const char *operation, json_t *input, json_t **ret_output, struct fail *f)
{
    char *text = json_dumps(input, JSON_COMPACT);
    auto_client_reply reply = {0};
    json_error_t ignored;
    json_t *body = NULL;
    bool good;

    json_decref(input);
    must(text != NULL);
    good = send(api, operation, str_of(text), &reply, f);
    free(text);
    if (!good)
        return false;
    body = json_loadb(reply.body.ptr == NULL ? "" : reply.body.ptr, reply.body.len, 0, &ignored);
    if (reply.status != 200) {
        (void)refused(body, reply.status, f);
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
    struct str host = host_of(url);
    const char *port = str_starts(url, STR("wss:")) ? ":443" : ":80";

    return str_find(host, ':') < host.len ? host : arena_printf(arena, "%.*s%s", STR_ARG(host), port);
}

bool agent_sign_get(struct agent_api *api, struct str url, struct str body, struct arena *arena,
                    struct http_header **ret_headers, size_t *ret_count, struct fail *f)
{
    struct str rest = str_from(url, str_search(url, STR("://")) + 3);
    struct str target = str_from(rest, str_find(rest, '/'));
    struct wire_request request = {.method = STR("GET"), .body = body};
    struct call_headers *headers = arena_new(arena, struct call_headers);

    request.path = str_cut(target, '?', &request.query);
    add(headers, "Host", host_and_port(url, arena));
    if (!sign(api, &request, headers, arena, f))
        return false;
    *ret_headers = headers->items;
    *ret_count = headers->count;
    return true;
}
