#include "os/aws_call.h"

#include "base/must.h"
#include "model/shape.h"
#include "os/clock.h"
#include "wire/sigv4_canonical.h"

enum { ARENA_BYTES = 4 << 20 };

/* ---- signed requests ---- */

void aws_request_add(struct aws_request *request, const char *name, struct str value)
{
    must(request->wire.header_count < AWS_HEADERS_MAX);
    request->headers[request->wire.header_count++] = (struct http_header){str_of(name), value};
    request->wire.headers = request->headers;
}

bool aws_request_sign(struct aws_request *request, const struct sigv4_signer *signer, struct arena *arena,
                      struct fail *f)
{
    const struct clock wall = clock_wall();
    struct str authorization;

    aws_request_add(request, "X-Amz-Date", sigv4_date_time(arena, clock_now_ms(&wall)));
    if (signer->security_token.ptr != NULL)
        aws_request_add(request, "X-Amz-Security-Token", signer->security_token);
    if (!sigv4_sign(&request->wire, signer, arena, &authorization, f))
        return false;
    aws_request_add(request, "Authorization", authorization);
    return true;
}

struct sigv4_signer aws_signer(const struct host_credentials *credentials, struct str region)
{
    return (struct sigv4_signer){.access_key = credentials->access_key_id,
                                 .secret = credentials->secret_access_key,
                                 .security_token = credentials->session_token,
                                 .region = region};
}

struct str aws_url_host(struct str url)
{
    struct str rest = str_from(url, str_search(url, STR("://")) + strlen("://"));

    rest = str_to(rest, str_find(rest, '/'));
    return str_to(rest, str_find(rest, '?'));
}

/* ---- calls ---- */

static bool send(const struct aws_call *call, struct http_client *client, struct http_client_reply *ret_reply,
                 struct fail *f)
{
    const struct service *service = call->operation->service;
    struct aws_request request = {.wire = {.method = STR("POST"), .path = STR("/"), .body = call->body}};
    struct http_client_request http = {.method = "POST",
                                       .headers = request.headers,
                                       .body = call->body,
                                       .connect_timeout_ms = call->connect_timeout_ms,
                                       .total_timeout_ms = call->total_timeout_ms,
                                       .cancel = call->cancel};
    struct sigv4_signer signer = call->signer;
    struct arena arena;
    bool good;

    arena_init(&arena, ARENA_BYTES);
    signer.service = str_of(service->signing_name);
    aws_request_add(&request, "Host", aws_url_host(call->endpoint));
    aws_request_add(&request, "Content-Type", arena_printf(&arena, "application/x-amz-json-%s", service->json_version));
    aws_request_add(&request, "X-Amz-Target",
                    arena_printf(&arena, "%s.%s", service->target_prefix, call->operation->name));
    if (call->invocation_id.ptr != NULL)
        aws_request_add(&request, "amz-sdk-invocation-id", call->invocation_id);
    good = signer.access_key.ptr == NULL || aws_request_sign(&request, &signer, &arena, f);
    http.url = arena_printf(&arena, "%.*s/", STR_ARG(call->endpoint)).ptr;
    http.header_count = request.wire.header_count;
    good = good && http_fetch(client, &http, ret_reply, f);
    arena_free(&arena);
    return good;
}

bool aws_call(const struct aws_call *call, struct http_client_reply *ret_reply, struct fail *f)
{
    struct http_client *own;
    bool good;

    if (call->client != NULL)
        return send(call, call->client, ret_reply, f);
    if (!http_client_new(&own, f))
        return false;
    good = send(call, own, ret_reply, f);
    http_client_free(own);
    return good;
}

/* ---- answers ---- */

json_t *aws_reply_body(const struct http_client_reply *reply)
{
    json_error_t ignored;

    return json_loadb(reply->body.ptr == NULL ? "" : reply->body.ptr, reply->body.len, 0, &ignored);
}

/* Some services put a name space in front. */
const char *aws_error_type(const json_t *body)
{
    const char *type = json_string_value(json_object_get(body, "__type"));
    const char *hash = type == NULL ? NULL : strrchr(type, '#');

    return hash != NULL ? hash + 1 : type;
}

const char *aws_error_message(const json_t *body)
{
    const char *message = json_string_value(json_object_get(body, "message"));

    return message != NULL ? message : json_string_value(json_object_get(body, "Message"));
}

void aws_fill_refusal(const json_t *body, uint16_t status, struct fail *f)
{
    const char *type = aws_error_type(body);
    const char *message = aws_error_message(body);

    fail_fill(f, status >= 500 ? FAIL_SYSTEM : FAIL_API, "%s: %s", type != NULL ? type : "HTTP error",
              message != NULL ? message : "the server gave no reason");
}
