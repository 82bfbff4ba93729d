/* Many clients at once, and a body larger than we want to hold. Bounded by counts, not by time. */
#include "os/http_server.h"
#include "os/http_test_client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    CLIENTS = 64,
    REQUESTS_EACH = 40,
    WORKERS = 2,
    UPLOAD_BYTES = 200 << 20,
    PIECE_BYTES = 1 << 20,
    GROWTH_BYTES_MAX = 8 << 20,
};

static struct http_server *server;
static _Atomic uint64_t uploaded;
static _Atomic unsigned ended;

/* A queue that worker threads reply from, as the core thread does. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_exchange *waiting[CLIENTS];
    size_t count;
    bool over;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *reply_from_queue(void *context)
{
    (void)pthread_mutex_lock(&queue.lock);
    for (;;) {
        while (queue.count == 0 && !queue.over)
            (void)pthread_cond_wait(&queue.changed, &queue.lock);
        if (queue.count == 0)
            break;
        struct http_exchange *exchange = queue.waiting[--queue.count];

        (void)pthread_mutex_unlock(&queue.lock);
        http_exchange_reply(exchange, &(struct http_reply){.status = 200, .bytes = exchange->request.body});
        (void)pthread_mutex_lock(&queue.lock);
    }
    (void)pthread_mutex_unlock(&queue.lock);
    return context;
}

static bool begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->body_streamed = str_is(exchange->request.path, "/upload");
    exchange->body_limit = exchange->body_streamed ? SIZE_MAX : 100;
    return true;
}

static bool data(void *context, struct http_exchange *exchange, struct str bytes)
{
    (void)context;
    (void)exchange;
    atomic_fetch_add(&uploaded, bytes.len);
    return true;
}

static void complete(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)pthread_mutex_lock(&queue.lock);
    assert_true(queue.count < CLIENTS);
    queue.waiting[queue.count++] = exchange;
    (void)pthread_cond_signal(&queue.changed);
    (void)pthread_mutex_unlock(&queue.lock);
}

static void at_end(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    atomic_fetch_add(&ended, 1);
}

/* Each client sends its own number and must get it back, on one connection. */
static void *run_client(void *number)
{
    auto_fd fd = client_open(http_server_port(server));
    auto_buf bytes = {0};
    char request[200];
    char body[32];

    for (int i = 0; i < REQUESTS_EACH; i++) {
        struct client_reply reply;
        int len = snprintf(body, sizeof(body), "%d-%d", *(int *)number, i);

        (void)snprintf(request, sizeof(request), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len,
                       body);
        reply = client_ask(fd, &bytes, request);
        if (reply.status != 200 || !str_is(reply.body, body))
            return NULL;
    }
    return number;
}

static void many_clients_get_their_own_replies(void **state)
{
    pthread_t clients[CLIENTS];
    int numbers[CLIENTS];
    void *result;

    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&clients[i], NULL, run_client, &numbers[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(clients[i], &result), 0);
        assert_ptr_equal(result, &numbers[i]);
    }
}

static size_t resident_bytes(void)
{
    unsigned long total_pages;
    unsigned long pages;
    auto_file file = fopen("/proc/self/statm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &total_pages, &pages), 2); /* NOLINT(cert-err34-c): the kernel's text */
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void large_upload_is_not_kept(void **state)
{
    auto_fd fd = client_open(http_server_port(server));
    auto_free char *piece = malloc(PIECE_BYTES);
    auto_buf bytes = {0};
    char head[100];
    size_t before;
    size_t most = 0;

    (void)state;
    memset(piece, 'x', PIECE_BYTES);
    (void)snprintf(head, sizeof(head), "PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", UPLOAD_BYTES);
    client_send(fd, str_of(head));
    before = resident_bytes();
    for (int sent = 0; sent < UPLOAD_BYTES; sent += PIECE_BYTES) {
        size_t now;

        client_send(fd, (struct str){piece, PIECE_BYTES});
        now = resident_bytes();
        most = now > most ? now : most;
    }
    assert_int_equal(client_ask(fd, &bytes, "").status, 200);
    assert_int_equal(atomic_load(&uploaded), UPLOAD_BYTES);
    assert_true(most < before + GROWTH_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_clients_get_their_own_replies),
                                       cmocka_unit_test(large_upload_is_not_kept)};
    const struct http_handler handler = {.begin = begin, .data = data, .complete = complete, .ended = at_end};
    const struct http_server_options options = {
        .address = "127.0.0.1", .threads = 2, .connections_max = 100, .idle_timeout_s = 30};
    pthread_t workers[WORKERS];
    struct fail f;
    int failed;

    if (!http_server_start(&options, &handler, &server, &f)) {
        (void)fprintf(stderr, "%s\n", f.message);
        return 1;
    }
    for (int i = 0; i < WORKERS; i++)
        if (pthread_create(&workers[i], NULL, reply_from_queue, NULL) != 0)
            return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)pthread_mutex_lock(&queue.lock);
    queue.over = true;
    (void)pthread_cond_broadcast(&queue.changed);
    (void)pthread_mutex_unlock(&queue.lock);
    for (int i = 0; i < WORKERS; i++)
        (void)pthread_join(workers[i], NULL);
    http_server_stop(server, 1000);
    return failed != 0 || atomic_load(&ended) != CLIENTS * REQUESTS_EACH + 1;
}
