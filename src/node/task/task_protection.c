#include "node/task/task_protection.h"

#include "base/must.h"
#include "base/when.h"
#include "model/gen/ecs.h"
#include "node/task/metadata_answer.h"
#include "os/aws_call.h"

#include <pthread.h>

enum { TIMEOUT_MS = 4000, THREAD_STACK = 256 << 10, ARENA_BYTES = 1 << 20 };
enum { BAD_REQUEST = 400, FORBIDDEN = 403, TOO_MANY = 429, FAULT = 500, TIMED_OUT = 504 }; /* HTTP statuses */

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
    const char *type = aws_error_type(from);
    const char *message = aws_error_message(from);

    return json_pack("{s:o,s:o}", "requestID", text(request_id), "error",
                     error_of(of, type != NULL ? type : "ServerException", message != NULL ? message : ""));
}

static json_t *show(const struct task_protection *of, const struct http_client_reply *reply, uint16_t *ret_status)
{
    json_t *body = aws_reply_body(reply);
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

/* ---- the call ---- */

struct protection_calls {
    pthread_mutex_t lock; /* protects `running` */
    pthread_cond_t ended;
    size_t running;
    _Atomic bool stopping;
};

/* In its exchange's arena. */
struct protection_call {
    struct protection_calls *calls;
    struct http_exchange *exchange;
    const struct task_protection *of;
    const struct operation *operation;
    char *body;
};

static json_t *could_not_call(const struct task_protection *of, const struct fail *f, uint16_t *ret_status)
{
    bool late = f->code == FAIL_LIMIT;

    *ret_status = late ? TIMED_OUT : FAULT;
    return json_pack("{s:o}", "error",
                     late ? error_of(of, "RequestCanceled", "Timed out calling ECS Task Protection API")
                          : error_of(of, "ServerException", f->message));
}

static void *call_main(void *context)
{
    const struct protection_call *call = context;
    struct protection_calls *calls = call->calls;
    const struct aws_call aws = {.operation = call->operation,
                                 .signer = aws_signer(call->of->credentials, call->of->region),
                                 .endpoint = call->of->endpoint,
                                 .body = str_of(call->body),
                                 .total_timeout_ms = TIMEOUT_MS,
                                 .cancel = &calls->stopping};
    auto_client_reply reply = {0};
    uint16_t status;
    struct fail f;
    json_t *answer =
        aws_call(&aws, &reply, &f) ? show(call->of, &reply, &status) : could_not_call(call->of, &f, &status);

    free(call->body);
    metadata_reply(call->exchange, answer, status);
    (void)pthread_mutex_lock(&calls->lock);
    calls->running--;
    (void)pthread_cond_signal(&calls->ended);
    (void)pthread_mutex_unlock(&calls->lock);
    return NULL;
}

/* false: there are too many. */
static bool count_call(struct protection_calls *calls)
{
    bool good;

    (void)pthread_mutex_lock(&calls->lock);
    good = calls->running < PROTECTION_CALLS_MAX;
    if (good)
        calls->running++;
    (void)pthread_mutex_unlock(&calls->lock);
    return good;
}

static void start_thread(struct protection_call *call)
{
    pthread_attr_t attributes;
    pthread_t thread;

    must(pthread_attr_init(&attributes) == 0);
    must(pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0);
    must(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    must(pthread_create(&thread, &attributes, call_main, call) == 0);
    (void)pthread_attr_destroy(&attributes);
}

struct protection_calls *protection_calls_new(void)
{
    struct protection_calls *calls = calloc(1, sizeof(*calls));

    must(calls != NULL);
    must(pthread_mutex_init(&calls->lock, NULL) == 0);
    must(pthread_cond_init(&calls->ended, NULL) == 0);
    return calls;
}

void protection_calls_free(struct protection_calls *calls)
{
    if (calls == NULL)
        return;
    calls->stopping = true;
    (void)pthread_mutex_lock(&calls->lock);
    while (calls->running > 0)
        (void)pthread_cond_wait(&calls->ended, &calls->lock);
    (void)pthread_mutex_unlock(&calls->lock);
    (void)pthread_mutex_destroy(&calls->lock);
    (void)pthread_cond_destroy(&calls->ended);
    free(calls);
}

/* ---- requests ---- */

static void refuse(const struct task_protection *of, struct http_exchange *exchange, uint16_t status, const char *code,
                   const char *message)
{
    metadata_reply(exchange, json_pack("{s:o}", "error", error_of(of, code, message)), status);
}

static void begin(struct protection_calls *calls, const struct task_protection *of, struct http_exchange *exchange,
                  const json_t *request)
{
    struct protection_call *call = arena_new(exchange->arena, struct protection_call);

    if (!count_call(calls)) {
        refuse(of, exchange, TOO_MANY, "ThrottlingException", "Rate exceeded");
        return;
    }
    *call = (struct protection_call){calls, exchange, of, &ecs_get_task_protection_operation,
                                     json_dumps(request, JSON_COMPACT)};
    must(call->body != NULL);
    if (str_is(exchange->request.method, "PUT"))
        call->operation = &ecs_update_task_protection_operation;
    start_thread(call);
}

void task_protection_answer(struct protection_calls *calls, const struct task_protection *of,
                            struct http_exchange *exchange)
{
    json_t *request = json_pack("{s:o,s:[o]}", "cluster", text(of->cluster_arn), "tasks", text(of->task_arn));

    must(request != NULL);
    if (of->credentials == NULL)
        refuse(of, exchange, FORBIDDEN, "AccessDeniedException",
               "Invalid Request: no task IAM role credentials available for task");
    else if (str_is(exchange->request.method, "PUT") && !add_wish(request, exchange->request.body))
        refuse(of, exchange, BAD_REQUEST, "InvalidParameterException",
               "Invalid request: does not contain 'ProtectionEnabled' field, or others than that and "
               "'ExpiresInMinutes'");
    else
        begin(calls, of, exchange, request);
    json_decref(request);
}
