#include "node/task/task_protection.h"

#include "base/must.h"
#include "base/when.h"
#include "os/http_client.h"
#include "wire/sigv4.h"
#include "wire/sigv4_canonical.h"

enum { TIMEOUT_MS = 4000, HEADERS = 6, ARENA_BYTES = 1 << 20, BAD_REQUEST = 400, FORBIDDEN = 403, FAULT = 500 };

static json_t *text(struct str value)
{
    return json_stringn(value.ptr == NULL ? "" : value.ptr, value.len);
}

static json_t *error_of(const struct task_protection *of, const char *code, const char *message)
{
    return json_pack("{s:o,s:s,s:s}", "Arn", text(of->task_arn), "Code", code, "Message", message);
}

/* ---- the wish ---- */

/* {"ProtectionEnabled": true, "ExpiresInMinutes": 60}: nothing else may be in it. */
static bool add_wish(json_t *request, struct str body)
{
    json_error_t ignored;
    json_t *wish = json_loadb(body.ptr, body.len, 0, &ignored);
    json_t *enabled = json_object_get(wish, "ProtectionEnabled");
    json_t *minutes = json_object_get(wish, "ExpiresInMinutes");
    size_t known = (enabled != NULL ? 1U : 0U) + (minutes != NULL ? 1U : 0U);
    bool good = json_is_boolean(enabled) && (minutes == NULL || json_is_null(minutes) || json_is_integer(minutes)) &&
                json_object_size(wish) == known;

    if (good)
        must(json_object_set(request, "protectionEnabled", enabled) == 0);
    if (good && json_is_integer(minutes))
        must(json_object_set(request, "expiresInMinutes", minutes) == 0);
    json_decref(wish);
    return good;
}

/* ---- the call ---- */

static void add(struct http_header *headers, size_t *count, const char *name, struct str value)
{
    must(*count < HEADERS);
    headers[(*count)++] = (struct http_header){str_of(name), value};
}

static bool call(const struct task_protection *of, const char *operation, struct str body, int64_t now_ms,
                 struct arena *arena, struct http_client_reply *ret_reply, struct fail *f)
{
    const struct sigv4_signer signer = {.access_key = of->credentials->access_key_id,
                                        .secret = of->credentials->secret_access_key,
                                        .security_token = of->credentials->session_token,
                                        .region = of->region,
                                        .service = STR("ecs")};
    struct http_header headers[HEADERS];
    struct wire_request signed_request = {.method = STR("POST"), .path = STR("/"), .headers = headers, .body = body};
    struct http_client_request request = {
        .method = "POST", .headers = headers, .body = body, .total_timeout_ms = TIMEOUT_MS};
    struct http_client *client;
    struct str authorization;
    size_t count = 0;
    bool good;

    add(headers, &count, "Host", str_from(of->endpoint, str_search(of->endpoint, STR("://")) + strlen("://")));
    add(headers, &count, "X-Amz-Date", sigv4_date_time(arena, now_ms));
    add(headers, &count, "X-Amz-Target", arena_printf(arena, "AmazonEC2ContainerServiceV20141113.%s", operation));
    add(headers, &count, "Content-Type", STR("application/x-amz-json-1.1"));
    if (of->credentials->session_token.ptr != NULL)
        add(headers, &count, "X-Amz-Security-Token", of->credentials->session_token);
    signed_request.header_count = count;
    if (!sigv4_sign(&signed_request, &signer, arena, &authorization, f) || !http_client_new(&client, f))
        return false;
    add(headers, &count, "Authorization", authorization);
    request.url = arena_printf(arena, "%.*s/", STR_ARG(of->endpoint)).ptr;
    request.header_count = count;
    good = http_fetch(client, &request, ret_reply, f);
    http_client_free(client);
    return good;
}

/* ---- the answer ---- */

static void move(json_t *to, const char *name, const json_t *from, const char *as)
{
    json_t *value = json_object_get(from, name);

    if (value != NULL && !json_is_null(value))
        must(json_object_set(to, as, value) == 0);
}

static json_t *show_protection(const json_t *from)
{
    json_t *to = json_object();
    const json_t *date = json_object_get(from, "expirationDate");
    struct arena arena;

    move(to, "taskArn", from, "TaskArn");
    move(to, "protectionEnabled", from, "ProtectionEnabled");
    if (json_is_number(date)) {
        arena_init(&arena, ARENA_BYTES);
        must(json_object_set_new(to, "ExpirationDate",
                                 text(when_to_iso8601(&arena, (int64_t)(json_number_value(date) * 1000)))) == 0);
        arena_free(&arena);
    }
    return json_pack("{s:o}", "protection", to);
}

static json_t *show_failure(const json_t *from)
{
    json_t *to = json_object();

    move(to, "arn", from, "Arn");
    move(to, "reason", from, "Reason");
    move(to, "detail", from, "Detail");
    return json_pack("{s:o}", "failure", to);
}

static json_t *show_error(const struct task_protection *of, const json_t *from, struct str request_id)
{
    const char *type = json_string_value(json_object_get(from, "__type"));
    const char *hash = type == NULL ? NULL : strrchr(type, '#');
    const char *message = json_string_value(json_object_get(from, "message"));

    return json_pack("{s:o,s:o}", "requestID", text(request_id), "error",
                     error_of(of,
                              hash != NULL   ? hash + 1
                              : type != NULL ? type
                                             : "ServerException",
                              message == NULL ? "" : message));
}

static json_t *show(const struct task_protection *of, const struct http_client_reply *reply, uint16_t *ret_status)
{
    json_error_t ignored;
    json_t *body = json_loadb(reply->body.ptr == NULL ? "" : reply->body.ptr, reply->body.len, 0, &ignored);
    const json_t *failure = json_array_get(json_object_get(body, "failures"), 0);
    json_t *answer;

    *ret_status = reply->status;
    if (reply->status != 200)
        answer = show_error(of, body, http_client_header(reply, "x-amzn-requestid"));
    else if (failure != NULL)
        answer = show_failure(failure);
    else
        answer = show_protection(json_array_get(json_object_get(body, "protectedTasks"), 0));
    json_decref(body);
    return answer;
}

static json_t *ask(const struct task_protection *of, const char *operation, json_t *request, int64_t now_ms,
                   uint16_t *ret_status)
{
    char *body = json_dumps(request, JSON_COMPACT);
    auto_client_reply reply = {0};
    struct arena arena;
    json_t *answer;
    struct fail f;

    must(body != NULL);
    arena_init(&arena, ARENA_BYTES);
    if (call(of, operation, str_of(body), now_ms, &arena, &reply, &f)) {
        answer = show(of, &reply, ret_status);
    } else {
        *ret_status = FAULT;
        answer = json_pack("{s:o}", "error", error_of(of, "ServerException", f.message));
    }
    arena_free(&arena);
    free(body);
    return answer;
}

json_t *task_protection_answer(const struct task_protection *of, struct str body, int64_t now_ms, uint16_t *ret_status)
{
    json_t *request = json_pack("{s:o,s:[o]}", "cluster", text(of->cluster_arn), "tasks", text(of->task_arn));
    json_t *answer;

    must(request != NULL);
    if (of->credentials == NULL) {
        *ret_status = FORBIDDEN;
        answer = json_pack(
            "{s:o}", "error",
            error_of(of, "AccessDeniedException", "Invalid Request: no task IAM role credentials available for task"));
    } else if (body.ptr != NULL && !add_wish(request, body)) {
        *ret_status = BAD_REQUEST;
        answer = json_pack("{s:o}", "error",
                           error_of(of, "InvalidParameterException",
                                    "Invalid request: does not contain 'ProtectionEnabled' field, or others than that "
                                    "and 'ExpiresInMinutes'"));
    } else {
        answer = ask(of, body.ptr == NULL ? "GetTaskProtection" : "UpdateTaskProtection", request, now_ms, ret_status);
    }
    json_decref(request);
    return answer;
}
