/* A server of one thread, as the metadata endpoint's is, in front of an ECS that answers when the test says so. */
#include "node/task/task_protection.h"

#include "base/must.h"
#include "node/task/metadata_answer.h"
#include "os/http_client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>

enum { CALLS_MAX = 64 };

static struct http_server *front, *ecs;
static struct protection_calls *calls;
static struct host_credentials credentials = {.access_key_id = STR_INIT("AKIA"), .secret_access_key = STR_INIT("key")};
static char ecs_url[40], base[40];
static struct fail f;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct http_exchange *held[CALLS_MAX];
static char asked[256]; /* the newest: its target and body */
static size_t held_count;

/* ---- servers ---- */

static bool begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->body_limit = 4096;
    return true;
}

static void ended(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

static void front_complete(void *context, struct http_exchange *exchange)
{
    struct task_protection *of = arena_new(exchange->arena, struct task_protection);

    (void)context;
    if (str_is(exchange->request.path, "/other")) {
        metadata_reply(exchange, json_string("other"), 200);
        return;
    }
    *of = (struct task_protection){.endpoint = str_of(ecs_url),
                                   .region = STR("us-east-1"),
                                   .cluster_arn = STR("cluster"),
                                   .task_arn = STR("task"),
                                   .credentials = str_is(exchange->request.path, "/no-role") ? NULL : &credentials};
    task_protection_answer(calls, of, exchange);
}

static void ecs_complete(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)pthread_mutex_lock(&lock);
    (void)snprintf(asked, sizeof(asked), "%.*s", STR_ARG(exchange->request.body));
    must(held_count < CALLS_MAX);
    held[held_count++] = exchange;
    (void)pthread_cond_signal(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void wait_for_held(size_t count)
{
    (void)pthread_mutex_lock(&lock);
    while (held_count < count)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
}

static void release(uint16_t status, const char *body)
{
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < held_count; i++)
        http_exchange_reply(held[i], &(struct http_reply){.status = status, .bytes = str_of(body)});
    held_count = 0;
    (void)pthread_mutex_unlock(&lock);
}

/* ---- clients ---- */

struct visit {
    pthread_t thread;
    const char *method, *path, *body;
    char answer[256]; /* status and body */
    _Atomic bool done;
};

static void *visit_main(void *context)
{
    struct visit *visit = context;
    auto_client_reply reply = {0};
    struct http_client *client;
    struct fail failure;
    char url[80];
    const struct http_client_request request = {.method = visit->method, .url = url, .body = str_of(visit->body)};

    (void)snprintf(url, sizeof(url), "%s%s", base, visit->path);
    must(http_client_new(&client, &failure));
    if (http_fetch(client, &request, &reply, &failure))
        (void)snprintf(visit->answer, sizeof(visit->answer), "%u %.*s", reply.status, STR_ARG(buf_str(&reply.body)));
    else
        (void)snprintf(visit->answer, sizeof(visit->answer), "%s", failure.message);
    http_client_free(client);
    visit->done = true;
    return NULL;
}

static struct visit *set_out(struct visit *visit, const char *method, const char *path, const char *body)
{
    *visit = (struct visit){.method = method, .path = path, .body = body};
    must(pthread_create(&visit->thread, NULL, visit_main, visit) == 0);
    return visit;
}

static const char *come_back(struct visit *visit)
{
    (void)pthread_join(visit->thread, NULL);
    return visit->answer;
}

/* ---- cases ---- */

static void stalled_server_stalls_nobody_else(void **state)
{
    struct visit put;
    struct visit other;

    (void)state;
    set_out(&put, "PUT", "/", "{\"ProtectionEnabled\":true,\"ExpiresInMinutes\":5}");
    wait_for_held(1);
    assert_string_equal(come_back(set_out(&other, "GET", "/other", NULL)), "200 \"other\"");
    assert_false(put.done);
    assert_string_equal(asked, "{\"cluster\":\"cluster\",\"tasks\":[\"task\"],\"protectionEnabled\":true,"
                               "\"expiresInMinutes\":5}");
    release(200, "{\"protectedTasks\":[{\"taskArn\":\"task\",\"protectionEnabled\":true}],\"failures\":[]}");
    assert_string_equal(come_back(&put), "200 {\"protection\":{\"TaskArn\":\"task\",\"ProtectionEnabled\":true}}");
}

static void answers_of_the_server_and_of_our_own(void **state)
{
    static const struct {
        const char *method, *path, *body;
        uint16_t status; /* of ECS; 0: it is not asked */
        const char *says, *answer;
    } rows[] = {
        {"GET", "/", NULL, 200, "{\"failures\":[{\"arn\":\"task\",\"reason\":\"TASK_NOT_VALID\"}]}",
         "200 {\"failure\":{\"Arn\":\"task\",\"Reason\":\"TASK_NOT_VALID\"}}"},
        {"GET", "/", NULL, 400, "{\"__type\":\"a#ClusterNotFoundException\",\"message\":\"Cluster not found.\"}",
         "400 {\"requestID\":\"\",\"error\":{\"Arn\":\"task\",\"Code\":\"ClusterNotFoundException\",\"Message\":"
         "\"Cluster not found.\"}}"},
        {"GET", "/no-role", NULL, 0, NULL,
         "403 {\"error\":{\"Arn\":\"task\",\"Code\":\"AccessDeniedException\",\"Message\":\"Invalid Request: no task "
         "IAM role credentials available for task\"}}"},
        {"PUT", "/", "{\"ProtectionEnabled\":1}", 0, NULL,
         "400 {\"error\":{\"Arn\":\"task\",\"Code\":\"InvalidParameterException\",\"Message\":\"Invalid request: does "
         "not contain 'ProtectionEnabled' field, or others than that and 'ExpiresInMinutes'\"}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct visit visit;

        set_out(&visit, rows[i].method, rows[i].path, rows[i].body);
        if (rows[i].status != 0) {
            wait_for_held(1);
            release(rows[i].status, rows[i].says);
        }
        assert_string_equal(come_back(&visit), rows[i].answer);
    }
}

static void too_many_are_refused_and_the_end_breaks_them_off(void **state)
{
    static struct visit visits[PROTECTION_CALLS_MAX];
    struct visit one;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(visits); i++)
        set_out(&visits[i], "GET", "/", NULL);
    wait_for_held(COUNT_OF(visits));
    assert_string_equal(come_back(set_out(&one, "GET", "/", NULL)),
                        "429 {\"error\":{\"Arn\":\"task\",\"Code\":\"ThrottlingException\",\"Message\":\"Rate "
                        "exceeded\"}}");
    protection_calls_free(calls);
    for (size_t i = 0; i < COUNT_OF(visits); i++)
        assert_memory_equal(come_back(&visits[i]), "500 ", 4);
    release(200, "{}");
    calls = protection_calls_new();
}

static int setup(void **state)
{
    const struct http_server_options options = {
        .address = "127.0.0.1", .threads = 1, .connections_max = 100, .idle_timeout_s = 30};
    const struct http_handler front_handler = {.begin = begin, .complete = front_complete, .ended = ended};
    const struct http_handler ecs_handler = {.begin = begin, .complete = ecs_complete, .ended = ended};

    (void)state;
    calls = protection_calls_new();
    if (!http_server_start(&options, &front_handler, &front, &f) ||
        !http_server_start(&options, &ecs_handler, &ecs, &f))
        return -1;
    (void)snprintf(base, sizeof(base), "http://127.0.0.1:%u", http_server_port(front));
    (void)snprintf(ecs_url, sizeof(ecs_url), "http://127.0.0.1:%u", http_server_port(ecs));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_server_stop(front, 1000);
    protection_calls_free(calls);
    http_server_stop(ecs, 1000);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stalled_server_stalls_nobody_else),
        cmocka_unit_test(answers_of_the_server_and_of_our_own),
        cmocka_unit_test(too_many_are_refused_and_the_end_breaks_them_off),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
