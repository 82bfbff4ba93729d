/* Reports of tasks against a server that answers when the test wants it to: what is on the disk at each moment is what
 * a process that is killed then leaves to the next. */
#include "node/agent/agent_reports.h"

#include "base/must.h"
#include "os/files.h"
#include "os/http_server.h"

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define ID  "0123456789abcdef0123456789abcdef"
#define ARN "arn:aws:ecs:us-east-1:123456789012:task/web/" ID

struct bed {
    char dir[64], backend[64];
    struct agent_config config;
    struct agent_reports *reports;
    struct http_server *server;

    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t changed;
    struct http_exchange *asked; /* not answered yet; one report is under way at a time */
    unsigned ended;
    bool forgets; /* the engine drops a task at once when its end is known */
    bool lives;   /* the engine has the task that the former process left */
};

/* ---- the server ---- */

static bool begin_exchange(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->body_limit = 1 << 16;
    return true;
}

static void complete(void *context, struct http_exchange *exchange)
{
    struct bed *bed = context;

    (void)pthread_mutex_lock(&bed->lock);
    must(bed->asked == NULL);
    bed->asked = exchange;
    (void)pthread_cond_signal(&bed->changed);
    (void)pthread_mutex_unlock(&bed->lock);
}

static void exchange_ended(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

/* The status of the report that is under way, once there is one; "": it has none. */
static struct str heard(struct bed *bed, char status[16])
{
    json_error_t error;
    json_t *request;
    const char *text;

    (void)pthread_mutex_lock(&bed->lock);
    while (bed->asked == NULL)
        (void)pthread_cond_wait(&bed->changed, &bed->lock);
    request = json_loadb(bed->asked->request.body.ptr, bed->asked->request.body.len, 0, &error);
    (void)pthread_mutex_unlock(&bed->lock);
    assert_string_equal(json_string_value(json_object_get(request, "task")), ARN);
    text = json_string_value(json_object_get(request, "status"));
    (void)snprintf(status, 16, "%s", text == NULL ? "" : text);
    json_decref(request);
    return str_of(status);
}

static void answer(struct bed *bed, uint16_t status, const char *body)
{
    const struct http_reply reply = {.status = status, .kind = HTTP_BODY_BYTES, .bytes = str_of(body)};
    struct http_exchange *exchange;

    (void)pthread_mutex_lock(&bed->lock);
    exchange = bed->asked;
    bed->asked = NULL;
    (void)pthread_mutex_unlock(&bed->lock);
    http_exchange_reply(exchange, &reply);
}

/* ---- the agent ---- */

static void take(struct bed *bed, enum host_task_status status)
{
    struct host_task_report report = {.task_arn = STR(ARN), .status = status};

    agent_reports_take(bed->reports, &(struct host_task_reports){&report, 1});
}

static void ended(void *context, struct str task_id)
{
    struct bed *bed = context;

    must(str_is(task_id, ID));
    if (bed->forgets)
        agent_reports_take(bed->reports, &(struct host_task_reports){NULL, 0});
    (void)pthread_mutex_lock(&bed->lock);
    bed->ended++;
    (void)pthread_cond_signal(&bed->changed);
    (void)pthread_mutex_unlock(&bed->lock);
}

static bool lives(void *context, struct str task_id)
{
    const struct bed *bed = context;

    must(str_is(task_id, ID));
    return bed->lives;
}

static void wait_for_end(struct bed *bed)
{
    (void)pthread_mutex_lock(&bed->lock);
    while (bed->ended == 0)
        (void)pthread_cond_wait(&bed->changed, &bed->lock);
    (void)pthread_mutex_unlock(&bed->lock);
}

static bool is_kept(const struct bed *bed)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/reports/" ID, bed->dir);
    return access(path, F_OK) == 0;
}

static void start(struct bed *bed)
{
    const struct agent_reports_options options = {
        .config = &bed->config, .context = bed, .ended = ended, .lives = lives};
    struct fail f;

    assert_true(agent_reports_start(&options, &bed->reports, &f));
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    const struct http_handler handler = {
        .context = bed, .begin = begin_exchange, .complete = complete, .ended = exchange_ended};
    const struct http_server_options options = {
        .address = "127.0.0.1", .threads = 1, .connections_max = 8, .idle_timeout_s = 60};
    struct fail f;

    must(bed != NULL);
    must(pthread_mutex_init(&bed->lock, NULL) == 0);
    must(pthread_cond_init(&bed->changed, NULL) == 0);
    (void)snprintf(bed->dir, sizeof(bed->dir), "/tmp/agent-reports-XXXXXX");
    assert_non_null(mkdtemp(bed->dir));
    (void)setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    assert_true(http_server_start(&options, &handler, &bed->server, &f));
    (void)snprintf(bed->backend, sizeof(bed->backend), "http://127.0.0.1:%u", http_server_port(bed->server));
    bed->config = (struct agent_config){.cluster = STR("web"),
                                        .backend = str_of(bed->backend),
                                        .region = STR("us-east-1"),
                                        .data_dir = str_of(bed->dir),
                                        .external = true};
    start(bed);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    struct fail f;

    if (bed->reports != NULL)
        agent_reports_stop(bed->reports);
    http_server_stop(bed->server, /* grace_ms= */ 0);
    must(path_remove(bed->dir, &f));
    (void)pthread_cond_destroy(&bed->changed);
    (void)pthread_mutex_destroy(&bed->lock);
    free(bed);
    return 0;
}

static void stop(struct bed *bed)
{
    agent_reports_stop(bed->reports);
    bed->reports = NULL;
}

/* ---- tests ---- */

/* So answered, the end that was heard is over and leaves nothing. */
static void is_taken(struct bed *bed, uint16_t status, const char *body)
{
    answer(bed, status, body);
    wait_for_end(bed);
    stop(bed);
    assert_false(is_kept(bed));
}

static void an_end_is_on_the_disk_until_it_is_taken(void **state)
{
    struct bed *bed = *state;
    char status[16];

    take(bed, HOST_TASK_STATUS_GONE);
    assert_true(str_is(heard(bed, status), "STOPPED"));
    assert_true(is_kept(bed));
    answer(bed, 500, "{\"__type\":\"ServerException\"}");
    assert_true(str_is(heard(bed, status), "STOPPED"));
    assert_true(is_kept(bed));
    assert_int_equal(bed->ended, 0);
    is_taken(bed, 200, "{}");
}

static void an_end_that_comes_while_something_else_is_said_stays_on_the_disk(void **state)
{
    struct bed *bed = *state;
    char status[16];

    take(bed, HOST_TASK_STATUS_RUNNING);
    assert_true(str_is(heard(bed, status), "RUNNING"));
    take(bed, HOST_TASK_STATUS_GONE);
    assert_true(is_kept(bed));
    answer(bed, 200, "{}");
    assert_true(str_is(heard(bed, status), "STOPPED"));
    assert_true(is_kept(bed));
    is_taken(bed, 200, "{}");
}

static void a_task_that_is_dropped_at_once_leaves_no_file(void **state)
{
    struct bed *bed = *state;
    char status[16];

    bed->forgets = true;
    take(bed, HOST_TASK_STATUS_GONE);
    assert_true(str_is(heard(bed, status), "STOPPED"));
    is_taken(bed, 200, "{}");
}

static void the_next_process_says_it(void **state)
{
    struct bed *bed = *state;
    char status[16];

    take(bed, HOST_TASK_STATUS_GONE);
    assert_true(str_is(heard(bed, status), "STOPPED"));
    answer(bed, 500, "{\"__type\":\"ServerException\"}");
    stop(bed);
    assert_true(is_kept(bed));
    start(bed);
    assert_true(str_is(heard(bed, status), "STOPPED"));
    is_taken(bed, 200, "{}");
}

/* When nothing is left of the task, its folder is gone before the report of that is made. */
static void an_end_is_on_the_disk_before_the_task_is_gone(void **state)
{
    struct bed *bed = *state;
    char status[16];

    take(bed, HOST_TASK_STATUS_STOPPED);
    assert_true(is_kept(bed));
    stop(bed);
    start(bed);
    assert_true(str_is(heard(bed, status), "STOPPED"));
    is_taken(bed, 200, "{}");
}

/* What is still to be cleaned up is not GONE yet. */
static void the_next_process_waits_for_what_it_has(void **state)
{
    struct bed *bed = *state;
    char status[16];

    take(bed, HOST_TASK_STATUS_STOPPED);
    stop(bed);
    bed->lives = true;
    start(bed);
    take(bed, HOST_TASK_STATUS_ACTIVATING); /* something to hear: it cannot be */
    assert_true(str_is(heard(bed, status), "PENDING"));
    take(bed, HOST_TASK_STATUS_GONE);
    answer(bed, 200, "{}");
    assert_true(str_is(heard(bed, status), "STOPPED"));
    assert_true(is_kept(bed));
    is_taken(bed, 200, "{}");
}

static void what_a_server_refuses_as_invalid_is_not_said_again(void **state)
{
    struct bed *bed = *state;
    char status[16];

    take(bed, HOST_TASK_STATUS_GONE);
    assert_true(str_is(heard(bed, status), "STOPPED"));
    is_taken(bed, 400, "{\"__type\":\"InvalidParameterException\",\"message\":\"The referenced task was not found.\"}");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_end_is_on_the_disk_until_it_is_taken),
        CASE(an_end_that_comes_while_something_else_is_said_stays_on_the_disk),
        CASE(a_task_that_is_dropped_at_once_leaves_no_file),
        CASE(the_next_process_says_it),
        CASE(an_end_is_on_the_disk_before_the_task_is_gone),
        CASE(the_next_process_waits_for_what_it_has),
        CASE(what_a_server_refuses_as_invalid_is_not_said_again),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
