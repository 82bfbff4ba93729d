#include "os/http_server.h"
#include "os/http_test_client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* The application under test: routes by path, and what the tests need to see of it. */
static struct {
    struct http_server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned begun;
    unsigned ended;
    uint64_t uploaded;
    struct http_exchange *held; /* /hold: owed until the test replies; /stream: open */
    bool stream_open;
    struct buf stream; /* what /stream has yet to give */
    bool stream_done;
    struct http_socket upgraded;
    char early[32];
} app;

static void app_reply_text(struct http_exchange *exchange, uint16_t status, struct str text)
{
    struct http_header type = {STR("Content-Type"), STR("text/plain")};

    http_exchange_reply(exchange,
                        &(struct http_reply){.status = status, .headers = &type, .header_count = 1, .bytes = text});
}

static bool app_begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)pthread_mutex_lock(&app.lock);
    app.begun++;
    (void)pthread_mutex_unlock(&app.lock);
    exchange->body_limit = 1000;
    if (str_starts(exchange->request.path, STR("/upload"))) {
        exchange->body_streamed = true;
        exchange->body_limit = SIZE_MAX;
    }
    if (str_is(exchange->request.path, "/refuse")) {
        app_reply_text(exchange, 403, STR("no"));
        return false;
    }
    return true;
}

static bool app_data(void *context, struct http_exchange *exchange, struct str bytes)
{
    (void)context;
    if (str_is(exchange->request.path, "/upload-fails")) {
        app_reply_text(exchange, 507, STR("full"));
        return false;
    }
    (void)pthread_mutex_lock(&app.lock);
    app.uploaded += bytes.len;
    (void)pthread_mutex_unlock(&app.lock);
    return true;
}

/* Method, path, query, headers and body, a line each, as they were seen. */
static void app_echo(struct http_exchange *exchange)
{
    const struct wire_request *request = &exchange->request;
    struct buf out = {0};

    buf_printf(&out, "%.*s\n%.*s\n%.*s\n", STR_ARG(request->method), STR_ARG(request->path), STR_ARG(request->query));
    for (size_t i = 0; i < request->header_count; i++)
        buf_printf(&out, "%.*s=%.*s\n", STR_ARG(request->headers[i].name), STR_ARG(request->headers[i].value));
    buf_printf(&out, "%.*s", STR_ARG(request->body));
    http_exchange_reply(exchange, &(struct http_reply){.status = 200, .owned = &out});
    assert_null(out.ptr);
}

static void *reply_later(void *context)
{
    struct http_exchange *exchange = context;

    app_reply_text(exchange, 200, arena_str(exchange->arena, STR("later")));
    return NULL;
}

static void app_later(struct http_exchange *exchange)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, reply_later, exchange), 0);
    assert_int_equal(pthread_detach(thread), 0);
}

static void app_file(struct http_exchange *exchange)
{
    int fd = memfd_create("berth-http-test", MFD_CLOEXEC);

    assert_int_equal(write(fd, "0123456789", 10), 10);
    http_exchange_reply(exchange,
                        &(struct http_reply){.status = 206, .kind = HTTP_BODY_FILE, .fd = fd, .offset = 2, .size = 5});
}

static ssize_t app_stream_read(void *context, char *at, size_t size)
{
    ssize_t len;

    (void)context;
    (void)pthread_mutex_lock(&app.lock);
    len = (ssize_t)(app.stream.len < size ? app.stream.len : size);
    if (len > 0) {
        memcpy(at, app.stream.ptr, (size_t)len);
        buf_consume(&app.stream, (size_t)len);
    } else if (app.stream_done) {
        len = -1;
    }
    (void)pthread_mutex_unlock(&app.lock);
    return len;
}

static void app_hold(struct http_exchange *exchange)
{
    (void)pthread_mutex_lock(&app.lock);
    app.held = exchange;
    (void)pthread_cond_broadcast(&app.changed);
    (void)pthread_mutex_unlock(&app.lock);
}

static void app_stream(struct http_exchange *exchange)
{
    exchange->user = &app.stream;
    app_hold(exchange);
    http_exchange_reply(exchange,
                        &(struct http_reply){.status = 200, .kind = HTTP_BODY_STREAM, .read = app_stream_read});
}

static void app_take(void *context, struct http_socket socket, struct str early)
{
    (void)context;
    (void)pthread_mutex_lock(&app.lock);
    app.upgraded = socket;
    (void)snprintf(app.early, sizeof(app.early), "%.*s", STR_ARG(early));
    (void)pthread_cond_broadcast(&app.changed);
    (void)pthread_mutex_unlock(&app.lock);
}

static void app_upgrade(struct http_exchange *exchange)
{
    struct http_header upgrade = {STR("Upgrade"), STR("test")};

    http_exchange_upgrade(exchange, &upgrade, 1, app_take, NULL);
}

static void app_bad_header(struct http_exchange *exchange)
{
    struct http_header header = {STR("X-Split"), STR("a\r\nSet-Cookie: b")};

    http_exchange_reply(exchange, &(struct http_reply){.status = 200, .headers = &header, .header_count = 1});
}

static void app_upload_done(struct http_exchange *exchange)
{
    app_reply_text(exchange, 201, arena_printf(exchange->arena, "%ju", (uintmax_t)app.uploaded));
}

static void app_complete(void *context, struct http_exchange *exchange)
{
    static const struct {
        const char *path;
        void (*run)(struct http_exchange *exchange);
    } routes[] = {
        {"/later", app_later},        {"/file", app_file},       {"/stream", app_stream},         {"/hold", app_hold},
        {"/upload", app_upload_done}, {"/upgrade", app_upgrade}, {"/bad-header", app_bad_header},
    };

    (void)context;
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        if (str_is(exchange->request.path, routes[i].path)) {
            routes[i].run(exchange);
            return;
        }
    app_echo(exchange);
}

static void app_ended(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)pthread_mutex_lock(&app.lock);
    app.ended++;
    if (app.held == exchange)
        app.held = NULL;
    (void)pthread_cond_broadcast(&app.changed);
    (void)pthread_mutex_unlock(&app.lock);
}

static void wait_app(void)
{
    struct timespec end;

    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += CLIENT_WAIT_MS / 1000;
    assert_int_equal(pthread_cond_timedwait(&app.changed, &app.lock, &end), 0);
}

static struct http_exchange *wait_held(void)
{
    struct http_exchange *held;

    (void)pthread_mutex_lock(&app.lock);
    while (app.held == NULL)
        wait_app();
    held = app.held;
    (void)pthread_mutex_unlock(&app.lock);
    return held;
}

static void wait_all_ended(void)
{
    (void)pthread_mutex_lock(&app.lock);
    while (app.ended < app.begun)
        wait_app();
    assert_int_equal(app.ended, app.begun);
    (void)pthread_mutex_unlock(&app.lock);
}

static const struct http_handler app_handler = {
    .begin = app_begin, .data = app_data, .complete = app_complete, .ended = app_ended};

static const struct http_server_options app_options = {.address = "127.0.0.1",
                                                       .threads = 2,
                                                       .connections_max = 4,
                                                       .idle_timeout_s = 2,
                                                       .head_timeout_s = 1,
                                                       .header_bytes_max = 8192};

static int start(void **state)
{
    struct fail f;

    (void)state;
    memset(&app, 0, sizeof(app));
    app.upgraded.fd = -1;
    (void)pthread_mutex_init(&app.lock, NULL);
    (void)pthread_cond_init(&app.changed, NULL);
    if (!http_server_start(&app_options, &app_handler, &app.server, &f))
        fail_msg("%s", f.message);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_socket_close(&app.upgraded);
    if (app.server != NULL)
        http_server_stop(app.server, 0);
    assert_int_equal(app.ended, app.begun);
    buf_free(&app.stream);
    (void)pthread_cond_destroy(&app.changed);
    (void)pthread_mutex_destroy(&app.lock);
    return 0;
}

static int open_client(void)
{
    return client_open(http_server_port(app.server));
}

static void request_arrives_raw(void **state)
{
    auto_fd fd = open_client();
    auto_buf bytes = {0};
    struct client_reply reply =
        client_ask(fd, &bytes,
                   "PUT /a%2Fb%20c/+%7e?x=%41+b&y&z=%3D;q HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\nx-twice:  2 \r\n"
                   "X-Empty:\r\nContent-Length: 4\r\n\r\nbody");

    (void)state;
    assert_int_equal(reply.status, 200);
    assert_true(str_is(reply.body, "PUT\n/a%2Fb%20c/+%7e\nx=%41+b&y&z=%3D;q\nHost=h\nX-Twice=1\nx-twice=2\nX-Empty=\n"
                                   "Content-Length=4\nbody"));
}

static void connection_is_kept_and_pipelined(void **state)
{
    auto_fd fd = open_client();
    auto_buf bytes = {0};
    static const char *const paths[] = {"/one", "/two", "/three"};

    (void)state;
    client_send(fd,
                STR("GET /one HTTP/1.1\r\nHost: h\r\n\r\nPOST /two HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
                    "GET http://h:1/three?q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct client_reply reply = client_reply(fd, &bytes, true);

        assert_int_equal(reply.status, 200);
        assert_true(str_search(reply.body, str_of(paths[i])) < reply.body.len);
        client_drop(&bytes, &reply);
    }
    client_read_all(fd, &bytes);
    assert_int_equal(bytes.len, 0);
}

static void head_gets_headers_only(void **state)
{
    static const struct {
        const char *request;
        const char *length;
    } rows[] = {
        {"HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\n", "19"},
        {"HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n", "5"},
        {"HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n", NULL},
    };
    auto_fd fd = open_client();
    auto_buf bytes = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client_reply reply = client_ask(fd, &bytes, rows[i].request);

        assert_true(reply.status == 200 || reply.status == 206);
        assert_true(str_eq(client_header(&reply, "Content-Length"), str_of(rows[i].length)));
        assert_int_equal(reply.head.len, bytes.len);
    }
    client_read_all(fd, &bytes); /* a stream without a length ends with its connection */
    assert_true(str_ends(buf_str(&bytes), STR("\r\n\r\n")));
}

static void leave_to_send_is_given_once_begin_accepts(void **state)
{
    auto_fd fd = open_client();
    auto_fd refused = open_client();
    auto_buf bytes = {0};
    struct client_reply reply;

    (void)state;
    reply = client_ask(fd, &bytes, "PUT /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(reply.status, 100);
    assert_int_equal(app.begun, 1);
    reply = client_ask(fd, &bytes, "ok");
    assert_int_equal(reply.status, 200);
    assert_true(str_ends(reply.body, STR("ok")));
    reply = client_ask(refused, &bytes,
                       "PUT /refuse HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(reply.status, 403);
    reply =
        client_ask(fd, &bytes, "PUT /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
    assert_int_equal(reply.status, 413);
}

static void malformed_requests_are_refused(void **state)
{
    static const struct {
        const char *request;
        unsigned status;
    } rows[] = {
        {"GET nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400},
        {"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nX Y: 1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nX : 1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: a\x01\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
        {"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x10\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
        {"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        {"GET / HTTP/9.1\r\nHost: h\r\n\r\n", 505},
        {"GET / HTTP/1.0\r\n\r\n", 200},
        {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_fd fd = open_client();
        auto_buf bytes = {0};
        struct client_reply reply = client_ask(fd, &bytes, rows[i].request);

        if (reply.status != rows[i].status)
            fail_msg("%s: %u, not %u", rows[i].request, reply.status, rows[i].status);
        if (reply.status != 200) {
            assert_true(str_is(client_header(&reply, "Connection"), "close"));
            client_read_all(fd, &bytes);
        }
    }
}

static void heads_are_limited(void **state)
{
    static const int sizes[] = {9000, 100000};
    char request[110000];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        auto_fd fd = open_client();
        auto_buf bytes = {0};

        (void)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: h\r\nX: %0*d\r\n\r\n", sizes[i], 0);
        assert_int_equal(client_ask(fd, &bytes, request).status, 431);
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        auto_fd fd = open_client();
        auto_buf bytes = {0};
        struct client_reply reply;

        (void)snprintf(request, sizeof(request), "GET /%0*d HTTP/1.1\r\nHost: h\r\n\r\n", sizes[i], 0);
        reply = client_ask(fd, &bytes, request);
        assert_true(reply.status == 431 || reply.status == 414);
    }
}

/* After the reply the connection is good for another request: the body was read to its end. */
static void bodies_are_limited_and_refusals_heard(void **state)
{
    static const struct {
        const char *head;
        const char *piece; /* sent 100 times */
        const char *tail;
        unsigned status;
    } rows[] = {
        {"PUT /e HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n", "0123456789", "", 200},
        {"PUT /e HTTP/1.1\r\nHost: h\r\nContent-Length: 1100\r\n\r\n", "0123456789-", "", 413},
        {"PUT /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "a\r\n0123456789\r\n", "0\r\n\r\n", 200},
        {"PUT /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "b\r\n0123456789-\r\n", "0\r\n\r\n", 413},
        {"PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 1100\r\n\r\n", "0123456789-", "", 403},
        {"PUT /upload-fails HTTP/1.1\r\nHost: h\r\nContent-Length: 1100\r\n\r\n", "0123456789-", "", 507},
        {"PUT /upload-fails HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\n01\r\n", "0\r\n\r\n",
         507},
    };
    auto_fd fd = open_client();
    auto_buf bytes = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        client_send(fd, str_of(rows[i].head));
        for (int n = 0; n < 100; n++)
            client_send(fd, str_of(rows[i].piece));
        assert_int_equal(client_ask(fd, &bytes, rows[i].tail).status, rows[i].status);
    }
}

static void replies_come_from_any_thread(void **state)
{
    auto_fd fd = open_client();
    auto_buf bytes = {0};

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct client_reply reply = client_ask(fd, &bytes, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");

        assert_int_equal(reply.status, 200);
        assert_true(str_is(reply.body, "later"));
    }
}

static void file_range_is_sent(void **state)
{
    auto_fd fd = open_client();
    auto_buf bytes = {0};
    struct client_reply reply = client_ask(fd, &bytes, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");

    (void)state;
    assert_int_equal(reply.status, 206);
    assert_true(str_is(reply.body, "23456"));
}

static void header_that_would_split_the_reply_is_not_sent(void **state)
{
    auto_fd fd = open_client();
    auto_buf bytes = {0};
    struct client_reply reply = client_ask(fd, &bytes, "GET /bad-header HTTP/1.1\r\nHost: h\r\n\r\n");

    (void)state;
    assert_int_equal(reply.status, 500);
    assert_null(client_header(&reply, "Set-Cookie").ptr);
}

/* Adds to the stream and wakes it, unless it has ended. */
static void stream_give(const char *text, bool done)
{
    (void)pthread_mutex_lock(&app.lock);
    buf_add_cstr(&app.stream, text);
    app.stream_done = done;
    if (app.held != NULL)
        http_exchange_wake(app.held);
    (void)pthread_mutex_unlock(&app.lock);
}

static void stream_comes_piece_by_piece(void **state)
{
    auto_fd fd = open_client();
    auto_buf bytes = {0};
    struct client_reply reply;

    (void)state;
    client_send(fd, STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_true(client_read_until(fd, &bytes, "\r\n\r\n")); /* the head comes before there is a body */
    stream_give("first", false);
    assert_true(client_read_until(fd, &bytes, "5\r\nfirst\r\n"));
    stream_give("second", false);
    assert_true(client_read_until(fd, &bytes, "6\r\nsecond\r\n"));
    stream_give("", true);
    reply = client_reply(fd, &bytes, true);
    assert_true(str_is(reply.body, "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"));
    assert_int_equal(client_ask(fd, &bytes, "GET /e HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
}

static void silent_stream_ends_when_its_client_leaves(void **state)
{
    int fd = open_client();
    auto_buf bytes = {0};

    (void)state;
    client_send(fd, STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_true(client_read_until(fd, &bytes, "\r\n\r\n"));
    assert_int_equal(app.ended, 0);
    (void)close(fd);
    wait_all_ended();
}

static void connection_is_handed_over(void **state)
{
    auto_fd fd = open_client();
    auto_buf bytes = {0};
    struct client_reply reply;
    char got[8] = "";

    (void)state;
    reply =
        client_ask(fd, &bytes, "GET /upgrade HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nearly");
    assert_int_equal(reply.status, 101);
    assert_true(str_is(client_header(&reply, "Upgrade"), "test"));
    (void)pthread_mutex_lock(&app.lock);
    while (app.upgraded.fd < 0)
        wait_app();
    (void)pthread_mutex_unlock(&app.lock);
    wait_all_ended();
    assert_string_equal(app.early, "early");
    assert_true(fcntl(app.upgraded.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(app.upgraded.fd, F_GETFD) & FD_CLOEXEC);
    buf_clear(&bytes);
    assert_int_equal(write(app.upgraded.fd, "down!", 5), 5);
    assert_true(client_read_until(fd, &bytes, "down!"));
    client_send(fd, STR("up!"));
    assert_int_equal(poll(&(struct pollfd){.fd = app.upgraded.fd, .events = POLLIN}, 1, CLIENT_WAIT_MS), 1);
    assert_int_equal(read(app.upgraded.fd, got, sizeof(got)), 3);
    assert_string_equal(got, "up!");
    http_socket_close(&app.upgraded);
    client_read_all(fd, &bytes);
}

/* Both send just often enough for libmicrohttpd not to call them idle. */
static void trickling_clients_are_cut_off(void **state)
{
    static const char *const heads[] = {
        "GET /e HTTP/1.1\r\nHost: h\r\nX: ",
        "PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        auto_fd fd = open_client();
        auto_buf bytes = {0};
        int waited_ms = 0;

        client_send(fd, str_of(heads[i]));
        while (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 300) == 0) {
            client_send(fd, STR("x"));
            waited_ms += 300;
            assert_true(waited_ms < CLIENT_WAIT_MS);
        }
        assert_int_equal(client_reply(fd, &bytes, true).status, 408);
        client_read_all(fd, &bytes);
    }
    wait_all_ended();
}

static void silent_clients_are_cut_off(void **state)
{
    auto_fd fd = open_client();
    auto_fd half = open_client();
    auto_buf bytes = {0};

    (void)state;
    client_send(half, STR("GET /e HT"));
    client_read_all(fd, &bytes);
    client_read_all(half, &bytes);
    assert_true(bytes.len == 0 || str_starts(buf_str(&bytes), STR("HTTP/1.1 408")));
}

static void connections_over_the_limit_are_told(void **state)
{
    int fds[6];
    auto_buf bytes = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = open_client();
        assert_int_equal(client_ask(fds[i], &bytes, "GET /e HTTP/1.1\r\nHost: h\r\n\r\n").status,
                         i < app_options.connections_max ? 200 : 503);
    }
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        (void)close(fds[i]);
}

static void taken_port_is_named(void **state)
{
    struct http_server_options options = app_options;
    struct http_server *second;
    char expected[100];
    struct fail f;

    (void)state;
    options.port = http_server_port(app.server);
    assert_false(http_server_start(&options, &app_handler, &second, &f));
    assert_int_equal(f.code, FAIL_CONFLICT);
    (void)snprintf(expected, sizeof(expected), "listen on 127.0.0.1 port %u: Address already in use", options.port);
    assert_string_equal(f.message, expected);
    options.address = "nowhere.invalid";
    assert_false(http_server_start(&options, &app_handler, &second, &f));
    assert_int_equal(f.code, FAIL_INPUT);
}

static void *stop_in_peace(void *context)
{
    (void)context;
    http_server_stop(app.server, CLIENT_WAIT_MS);
    return NULL;
}

static void stop_waits_for_replies_under_way(void **state)
{
    uint16_t port = http_server_port(app.server);
    auto_fd fd = open_client();
    auto_buf bytes = {0};
    struct client_reply reply;
    pthread_t stopper;

    (void)state;
    client_send(fd, STR("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"));
    (void)wait_held();
    assert_int_equal(pthread_create(&stopper, NULL, stop_in_peace, NULL), 0);
    /* The listening socket goes first: once nobody new gets in, the server is stopping. */
    while (client_can_connect(port))
        (void)poll(NULL, 0, 1);
    app_reply_text(wait_held(), 200, STR("during"));
    reply = client_reply(fd, &bytes, true);
    assert_int_equal(reply.status, 200);
    assert_true(str_is(client_header(&reply, "Connection"), "close"));
    assert_int_equal(pthread_join(stopper, NULL), 0);
    app.server = NULL;
}

static void reply_after_stop_is_safe(void **state)
{
    auto_fd fd = open_client();
    auto_fd streaming = open_client();
    auto_buf bytes = {0};
    struct http_exchange *held;

    (void)state;
    client_send(streaming, STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_true(client_read_until(streaming, &bytes, "\r\n\r\n"));
    app.held = NULL;
    client_send(fd, STR("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"));
    held = wait_held();
    http_server_stop(app.server, 10);
    app.server = NULL;
    assert_int_equal(app.ended, 1);
    buf_clear(&bytes);
    client_read_all(fd, &bytes);
    assert_int_equal(bytes.len, 0);
    app_reply_text(held, 200, STR("too late"));
    assert_int_equal(app.ended, 2);
}

#define server_test(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(request_arrives_raw),
        server_test(connection_is_kept_and_pipelined),
        server_test(head_gets_headers_only),
        server_test(leave_to_send_is_given_once_begin_accepts),
        server_test(malformed_requests_are_refused),
        server_test(heads_are_limited),
        server_test(bodies_are_limited_and_refusals_heard),
        server_test(replies_come_from_any_thread),
        server_test(file_range_is_sent),
        server_test(header_that_would_split_the_reply_is_not_sent),
        server_test(stream_comes_piece_by_piece),
        server_test(silent_stream_ends_when_its_client_leaves),
        server_test(connection_is_handed_over),
        server_test(trickling_clients_are_cut_off),
        server_test(silent_clients_are_cut_off),
        server_test(connections_over_the_limit_are_told),
        server_test(taken_port_is_named),
        server_test(stop_waits_for_replies_under_way),
        server_test(reply_after_stop_is_safe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
