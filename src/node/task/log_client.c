#include "node/task/log_client.h"

#include "base/must.h"
#include "node/task/engine.h"
#include "os/http_client.h"
#include "wire/json.h"
#include "wire/sigv4.h"
#include "wire/sigv4_canonical.h"

#include <jansson.h>

enum { CALL_TIMEOUT_MS = 30000, CONNECT_TIMEOUT_MS = 3000, BODY_BYTES_MAX = 16 << 20, HEADERS = 8 };

struct log_client {
    struct http_client *http;
    const char *address;
    const _Atomic bool *cancel;
};

bool log_client_new(const char *address, const _Atomic bool *cancel, struct log_client **ret_client, struct fail *f)
{
    struct log_client *client = calloc(1, sizeof(*client));

    must(client != NULL);
    client->address = address;
    client->cancel = cancel;
    if (!http_client_new(&client->http, f)) {
        free(client);
        return false;
    }
    *ret_client = client;
    return true;
}

void log_client_free(struct log_client *client)
{
    if (client == NULL)
        return;
    http_client_free(client->http);
    free(client);
}

/* ---- one call ---- */

struct call_headers {
    struct http_header items[HEADERS];
    size_t count;
};

static void add(struct call_headers *headers, const char *name, struct str value)
{
    must(headers->count < HEADERS);
    headers->items[headers->count++] = (struct http_header){str_of(name), value};
}

static bool sign(const struct log_place *place, struct call_headers *headers, struct str body, struct arena *arena,
                 struct fail *f)
{
    const struct sigv4_signer signer = {.access_key = place->credentials->access_key_id,
                                        .secret = place->credentials->secret_access_key,
                                        .security_token = place->credentials->session_token,
                                        .region = place->region,
                                        .service = STR("logs")};
    struct wire_request request = {
        .method = STR("POST"), .path = STR("/"), .headers = headers->items, .header_count = headers->count};
    struct str authorization;

    request.body = body;
    if (!sigv4_sign(&request, &signer, arena, &authorization, f))
        return false;
    add(headers, "Authorization", authorization);
    return true;
}

static bool send(struct log_client *client, const struct log_place *place, const char *target, struct str body,
                 const char *request_name, struct http_client_reply *ret_reply, struct fail *f)
{
    struct call_headers headers = {.count = 0};
    struct http_client_request request = {.method = "POST",
                                          .body = body,
                                          .cancel = client->cancel,
                                          .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                          .total_timeout_ms = CALL_TIMEOUT_MS};
    struct arena arena;
    bool good;

    arena_init(&arena, (size_t)4 << 20);
    add(&headers, "Host", str_of(client->address));
    add(&headers, "X-Amz-Date", sigv4_date_time(&arena, task_engine_now_ms()));
    add(&headers, "X-Amz-Target", arena_printf(&arena, "Logs_20140328.%s", target));
    add(&headers, "Content-Type", STR("application/x-amz-json-1.1"));
    if (place->credentials->session_token.ptr != NULL)
        add(&headers, "X-Amz-Security-Token", place->credentials->session_token);
    if (request_name != NULL)
        add(&headers, "amz-sdk-invocation-id", str_of(request_name));
    good = sign(place, &headers, body, &arena, f);
    request.url = arena_printf(&arena, "http://%s/", client->address).ptr;
    request.headers = headers.items;
    request.header_count = headers.count;
    good = good && http_fetch(client->http, &request, ret_reply, f);
    arena_free(&arena);
    return good;
}

/* "ResourceNotFoundException: The specified log group does not exist.", as SDKs show errors. */
static struct str read_error(const struct http_client_reply *reply, char type[64], struct fail *f)
{
    json_error_t ignored;
    json_t *body = json_loadb(reply->body.ptr == NULL ? "" : reply->body.ptr, reply->body.len, 0, &ignored);
    const char *name = json_string_value(json_object_get(body, "__type"));
    const char *message = json_string_value(json_object_get(body, "message"));
    const char *hash = name == NULL ? NULL : strrchr(name, '#');

    if (message == NULL)
        message = json_string_value(json_object_get(body, "Message"));
    (void)snprintf(type, 64, "%s", hash != NULL ? hash + 1 : name != NULL ? name : "");
    (void)fail(f, FAIL_SYSTEM, "%s: %s", type[0] == '\0' ? "HTTP error" : type,
               message == NULL ? "the server gave no reason" : message);
    json_decref(body);
    return str_of(type);
}

static const struct {
    const char *type;
    enum log_outcome outcome;
} outcomes[] = {
    {LOGS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION, LOG_OUTCOME_MISSING},
    {LOGS_ERROR_RESOURCE_ALREADY_EXISTS_EXCEPTION, LOG_OUTCOME_DONE},
    {LOGS_ERROR_THROTTLING_EXCEPTION, LOG_OUTCOME_RETRY},
    {LOGS_ERROR_SERVICE_UNAVAILABLE_EXCEPTION, LOG_OUTCOME_RETRY},
};

static enum log_outcome call(struct log_client *client, const struct log_place *place, const char *target,
                             struct str body, const char *request_name, struct fail *f)
{
    auto_client_reply reply = {0};
    char type_text[64];
    struct str type;

    if (!send(client, place, target, body, request_name, &reply, f))
        return LOG_OUTCOME_RETRY;
    if (reply.status == 200)
        return LOG_OUTCOME_DONE;
    type = read_error(&reply, type_text, f);
    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        if (str_is(type, outcomes[i].type))
            return outcomes[i].outcome;
    return reply.status >= 500 ? LOG_OUTCOME_RETRY : LOG_OUTCOME_REFUSED;
}

static enum log_outcome call_with(struct log_client *client, const struct log_place *place, const char *target,
                                  const struct shape *shape, const void *input, struct fail *f)
{
    auto_buf body = {.limit = BODY_BYTES_MAX};

    wire_json_write(shape, input, &body);
    return call(client, place, target, buf_str(&body), NULL, f);
}

/* ---- the three calls ---- */

enum log_outcome log_client_put(struct log_client *client, const struct log_place *place,
                                const struct logs_input_log_events *events, const char *request, struct fail *f)
{
    const struct logs_put_log_events_request input = {
        .log_group_name = place->group, .log_stream_name = place->stream, .log_events = *events};
    auto_buf body = {.limit = BODY_BYTES_MAX};

    wire_json_write(&logs_put_log_events_request_shape, &input, &body);
    return call(client, place, "PutLogEvents", buf_str(&body), request, f);
}

static enum log_outcome create_stream(struct log_client *client, const struct log_place *place, struct fail *f)
{
    const struct logs_create_log_stream_request input = {.log_group_name = place->group,
                                                         .log_stream_name = place->stream};

    return call_with(client, place, "CreateLogStream", &logs_create_log_stream_request_shape, &input, f);
}

enum log_outcome log_client_ensure(struct log_client *client, const struct log_place *place, bool create_group,
                                   struct fail *f)
{
    const struct logs_create_log_group_request group = {.log_group_name = place->group};
    enum log_outcome outcome = create_stream(client, place, f);

    if (outcome != LOG_OUTCOME_MISSING || !create_group)
        return outcome;
    outcome = call_with(client, place, "CreateLogGroup", &logs_create_log_group_request_shape, &group, f);
    return outcome == LOG_OUTCOME_DONE ? create_stream(client, place, f) : outcome;
}

bool log_client_fetch(struct log_client *client, struct http_client_request *request,
                      struct http_client_reply *ret_reply, struct fail *f)
{
    request->cancel = client->cancel;
    return http_fetch(client->http, request, ret_reply, f);
}
