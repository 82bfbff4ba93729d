#include "os/websocket.h"

#include "os/http_test_client.h"
#include "os/websocket_handshake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

enum { LARGE_BYTES = 3 << 20, SENDERS = 4, MESSAGES_EACH = 500 };

/* What one side has seen, in order: "open;", "text:...;" (long ones as their length), "closed CODE REASON;". */
struct side {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct buf seen;
    uint64_t id;
    size_t messages;
    bool open;
    bool closed;
    bool echo;
};

static struct http_server *server;
static struct websockets *ours;   /* of the server */
static struct websockets *theirs; /* of the client */
static struct side here;          /* the server's side */
static struct side there;         /* the client's */
static struct websocket_options serve_options;
static struct fail f;

static void side_init(struct side *side)
{
    *side = (struct side){0};
    (void)pthread_mutex_init(&side->lock, NULL);
    (void)pthread_cond_init(&side->changed, NULL);
}

static void side_free(struct side *side)
{
    buf_free(&side->seen);
    (void)pthread_cond_destroy(&side->changed);
    (void)pthread_mutex_destroy(&side->lock);
}

static void on_opened(void *context, uint64_t id)
{
    struct side *side = context;

    (void)pthread_mutex_lock(&side->lock);
    side->id = id;
    side->open = true;
    buf_add_cstr(&side->seen, "open;");
    (void)pthread_cond_broadcast(&side->changed);
    (void)pthread_mutex_unlock(&side->lock);
}

static void on_message(void *context, uint64_t id, bool text, struct str bytes)
{
    struct side *side = context;

    (void)pthread_mutex_lock(&side->lock);
    side->messages++;
    if (bytes.len > 100)
        buf_printf(&side->seen, "%s:%zu bytes;", text ? "text" : "binary", bytes.len);
    else
        buf_printf(&side->seen, "%s:%.*s;", text ? "text" : "binary", STR_ARG(bytes));
    if (side->echo)
        (void)websocket_send(side == &here ? ours : theirs, id, text, bytes);
    (void)pthread_cond_broadcast(&side->changed);
    (void)pthread_mutex_unlock(&side->lock);
}

static void on_closed(void *context, uint64_t id, uint16_t code, struct str reason)
{
    struct side *side = context;

    (void)pthread_mutex_lock(&side->lock);
    assert_int_equal(side->id, id);
    side->closed = true;
    buf_printf(&side->seen, "closed %u %.*s;", code, STR_ARG(reason));
    (void)pthread_cond_broadcast(&side->changed);
    (void)pthread_mutex_unlock(&side->lock);
}

static struct websocket_options options_for(struct side *side)
{
    return (struct websocket_options){.context = side, .opened = on_opened, .message = on_message, .closed = on_closed};
}

/* Under side->lock. */
static void wait_change(struct side *side)
{
    struct timespec end;

    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += CLIENT_WAIT_MS / 1000;
    if (pthread_cond_timedwait(&side->changed, &side->lock, &end) != 0)
        fail_msg("nothing after %.*s", STR_ARG(buf_str(&side->seen)));
}

static void wait_open(struct side *side)
{
    (void)pthread_mutex_lock(&side->lock);
    while (!side->open)
        wait_change(side);
    (void)pthread_mutex_unlock(&side->lock);
}

static void wait_closed(struct side *side)
{
    (void)pthread_mutex_lock(&side->lock);
    while (!side->closed)
        wait_change(side);
    (void)pthread_mutex_unlock(&side->lock);
}

static void wait_messages(struct side *side, size_t count)
{
    (void)pthread_mutex_lock(&side->lock);
    while (side->messages < count)
        wait_change(side);
    (void)pthread_mutex_unlock(&side->lock);
}

static void assert_seen(struct side *side, const char *expected)
{
    (void)pthread_mutex_lock(&side->lock);
    if (!str_is(buf_str(&side->seen), expected))
        fail_msg("seen: %.*s", STR_ARG(buf_str(&side->seen)));
    (void)pthread_mutex_unlock(&side->lock);
}

static bool begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    return true;
}

static void complete(void *context, struct http_exchange *exchange)
{
    (void)context;
    if (str_is(exchange->request.path, "/socket"))
        websocket_serve(ours, exchange, (struct str){0}, &serve_options);
    else if (str_is(exchange->request.path, "/protocol"))
        websocket_serve(ours, exchange, STR("v4.channel.k8s.io"), &serve_options);
    else
        http_exchange_reply(exchange, &(struct http_reply){.status = 404});
}

static void at_end(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

static int start(void **state)
{
    const struct http_handler handler = {.begin = begin, .complete = complete, .ended = at_end};
    const struct http_server_options options = {
        .address = "127.0.0.1", .threads = 1, .connections_max = 10, .idle_timeout_s = 30};

    (void)state;
    side_init(&here);
    side_init(&there);
    serve_options = options_for(&here);
    return http_server_start(&options, &handler, &server, &f) && websockets_start(&ours, &f) &&
                   websockets_start(&theirs, &f)
               ? 0
               : -1;
}

static void stop_sockets(void)
{
    if (theirs != NULL)
        websockets_stop(theirs);
    theirs = NULL;
    if (ours != NULL)
        websockets_stop(ours);
    ours = NULL;
}

static int stop(void **state)
{
    (void)state;
    stop_sockets();
    http_server_stop(server, 1000);
    assert_int_equal(here.open, here.closed);
    assert_int_equal(there.open, there.closed);
    side_free(&here);
    side_free(&there);
    return 0;
}

static struct websocket_target target_for(const char *path)
{
    static char url[100];

    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u%s", http_server_port(server), path);
    return (struct websocket_target){.url = url};
}

static void connect_both(void)
{
    struct websocket_target target = target_for("/socket");
    struct websocket_options options = options_for(&there);
    uint64_t id;

    if (!websocket_connect(theirs, &target, &options, &id, &f))
        fail_msg("%s", f.message);
    wait_open(&here);
    wait_open(&there);
    assert_int_equal(there.id, id);
}

static void key_is_accepted_as_in_the_rfc(void **state)
{
    char accept[WEBSOCKET_ACCEPT_BYTES];

    (void)state;
    websocket_accept_key(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept); /* RFC 6455, section 1.3 */
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void messages_go_both_ways_whole_and_in_order(void **state)
{
    auto_free char *large = malloc(LARGE_BYTES);

    (void)state;
    here.echo = true;
    connect_both();
    memset(large, 'x', LARGE_BYTES);
    assert_true(websocket_send(theirs, there.id, true, STR("first")));
    assert_true(websocket_send(theirs, there.id, false, STR("")));
    assert_true(websocket_send(theirs, there.id, false, (struct str){large, LARGE_BYTES}));
    assert_true(websocket_send(theirs, there.id, true, STR("last")));
    wait_messages(&there, 4);
    websocket_close(theirs, there.id, 1000, STR("done"));
    wait_closed(&here);
    wait_closed(&there);
    assert_seen(&here, "open;text:first;binary:;binary:3145728 bytes;text:last;closed 1000 done;");
    assert_seen(&there, "open;text:first;binary:;binary:3145728 bytes;text:last;closed 1000 done;");
    assert_false(websocket_send(theirs, there.id, true, STR("late")));
    websocket_close(ours, here.id, 1000, STR("twice"));
}

static void *send_many(void *context)
{
    for (int i = 0; i < MESSAGES_EACH; i++)
        if (!websocket_send(ours, here.id, true, STR("m")))
            return NULL;
    return context;
}

static void any_thread_may_send(void **state)
{
    pthread_t senders[SENDERS];
    void *result;

    (void)state;
    connect_both();
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&senders[i], NULL, send_many, &here), 0);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_join(senders[i], &result), 0);
        assert_ptr_equal(result, &here);
    }
    wait_messages(&there, (size_t)SENDERS * MESSAGES_EACH);
}

/* What was queued before the goodbye arrives before it. */
static void goodbye_waits_for_the_queue(void **state)
{
    auto_free char *large = calloc(1, LARGE_BYTES);

    (void)state;
    connect_both();
    assert_true(websocket_send(ours, here.id, false, (struct str){large, LARGE_BYTES}));
    websocket_close(ours, here.id, 4001, STR("moved"));
    assert_false(websocket_send(ours, here.id, true, STR("after")));
    wait_closed(&here);
    wait_closed(&there);
    assert_seen(&there, "open;binary:3145728 bytes;closed 4001 moved;");
}

static void stop_says_goodbye(void **state)
{
    (void)state;
    connect_both();
    websockets_stop(ours);
    ours = NULL;
    wait_closed(&there);
    assert_seen(&here, "open;closed 1001 we stop;");
    assert_seen(&there, "open;closed 1001 going away;");
}

/* A client that speaks for itself. */
static int open_raw(void)
{
    int fd = client_open(http_server_port(server));
    auto_buf bytes = {0};
    struct client_reply reply =
        client_ask(fd, &bytes,
                   "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");

    assert_int_equal(reply.status, 101);
    assert_true(str_is(client_header(&reply, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_int_equal(bytes.len, reply.head.len);
    wait_open(&here);
    return fd;
}

#define FRAME(bytes) STR_INIT(bytes)
#define MASK         "\0\0\0\0"

static void broken_frames_close_the_connection(void **state)
{
    static const struct {
        const char *what;
        struct str bytes;
        unsigned code; /* in the server's goodbye; 0: it just closes */
    } rows[] = {
        {"not masked", FRAME("\x81\x02hi"), 1002},
        {"reserved bit", FRAME("\xc1\x82" MASK "hi"), 1002},
        {"unknown opcode", FRAME("\x83\x82" MASK "hi"), 1002},
        {"continuation of nothing", FRAME("\x80\x82" MASK "hi"), 1002},
        {"new message inside another", FRAME("\x01\x81" MASK "h\x81\x81" MASK "i"), 1002},
        {"bad UTF-8", FRAME("\x81\x82" MASK "\xc0\x80"), 1007},
        {"larger than allowed", FRAME("\x82\xff\0\0\0\0\0\1\0\1" MASK "x"), 1009},
        {"larger than allowed, in pieces", FRAME("\x02\xfe\xff\xff" MASK "x"), 1009},
        {"fragmented ping", FRAME("\x09\x80" MASK), 0},
        {"long ping", FRAME("\x89\xfe\0\x7e" MASK), 0},
        {"length of 64 bits with the highest set", FRAME("\x82\xff\x80\0\0\0\0\0\0\0" MASK), 0},
        {"length not in its shortest form", FRAME("\x82\xfe\0\1" MASK "x"), 0},
        {"goodbye with a forbidden code", FRAME("\x88\x82" MASK "\x03\xed"), 1002},
    };

    (void)state;
    serve_options.message_bytes_max = 60000;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_fd fd = open_raw();
        auto_buf bytes = {0};
        unsigned code = 0;

        client_send(fd, rows[i].bytes);
        client_read_all(fd, &bytes);
        if (bytes.len >= 4 && bytes.ptr[0] == (char)0x88)
            code = (unsigned)((unsigned char)bytes.ptr[2] << 8 | (unsigned char)bytes.ptr[3]);
        if (code != rows[i].code)
            fail_msg("%s: %u", rows[i].what, code);
        wait_closed(&here);
        here.open = false;
        here.closed = false;
    }
    assert_int_equal(here.messages, 0);
}

static void peer_that_takes_memory_without_end_is_cut_off(void **state)
{
    static const struct {
        struct str first;
        struct str again;
    } rows[] = {
        {FRAME("\x01\x80" MASK), FRAME("\x00\x80" MASK)}, /* a message of empty fragments */
        {FRAME("\x89\x80" MASK), FRAME("\x89\x80" MASK)}, /* pings whose answers nobody reads */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_fd fd = open_raw();
        auto_buf flood = {0};
        bool closed = false;

        client_send(fd, rows[i].first);
        for (int n = 0; n < 10000; n++)
            buf_add(&flood, rows[i].again);
        while (!closed) {
            client_send(fd, buf_str(&flood));
            (void)pthread_mutex_lock(&here.lock);
            closed = here.closed;
            (void)pthread_mutex_unlock(&here.lock);
        }
        assert_non_null(memmem(here.seen.ptr, here.seen.len, "closed 1008 the peer sent ", 26));
        here.open = false;
        here.closed = false;
        buf_clear(&here.seen);
    }
}

static void slow_reader_is_cut_off_when_the_queue_is_full(void **state)
{
    auto_fd fd = -1;
    auto_free char *large = calloc(1, LARGE_BYTES);
    int sent = 0;

    (void)state;
    serve_options.queue_bytes_max = 10 << 20;
    fd = open_raw();
    assert_true(fd >= 0);
    while (websocket_send(ours, here.id, false, (struct str){large, LARGE_BYTES}))
        assert_true(++sent < 100);
    wait_closed(&here);
    assert_seen(&here, "open;closed 1008 the peer reads too slowly: the queue is full;");
}

static void silent_peer_is_cut_off(void **state)
{
    auto_fd fd = -1;
    auto_buf bytes = {0};

    (void)state;
    serve_options.ping_ms = 50;
    serve_options.silence_ms = 200;
    fd = open_raw();
    client_read_all(fd, &bytes);
    assert_true(str_starts(buf_str(&bytes), STR("\x89\x00")));
    wait_closed(&here);
    assert_seen(&here, "open;closed 1006 the peer does not answer pings;");
}

static void answering_peer_stays(void **state)
{
    (void)state;
    serve_options.ping_ms = 20;
    serve_options.silence_ms = 2000;
    connect_both();
    /* Only pongs come from the client, for longer than the silence allowed. */
    (void)poll(NULL, 0, 2500);
    assert_false(here.closed);
    assert_true(websocket_send(ours, here.id, true, STR("still there")));
    wait_messages(&there, 1);
}

static void upgrade_requests_are_checked(void **state)
{
    static const struct {
        const char *request;
        unsigned status;
    } rows[] = {
        {"GET /socket HTTP/1.1\r\nHost: h\r\n\r\n", 426},
        {"GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 426},
        {"GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         400},
        {"GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short==\r\n\r\n",
         400},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_fd fd = client_open(http_server_port(server));
        auto_buf bytes = {0};
        struct client_reply reply = client_ask(fd, &bytes, rows[i].request);

        assert_int_equal(reply.status, rows[i].status);
        assert_true(str_is(client_header(&reply, "Sec-WebSocket-Version"), "13"));
    }
}

/* A server that answers every connection with one text, or with nothing. */
static void *answer_once(void *context)
{
    char request[4096];
    const char *answer = ((void **)context)[1];
    auto_fd fd = accept(*(int *)((void **)context)[0], NULL, NULL);
    ssize_t len = recv(fd, request, sizeof(request), 0);

    if (len > 0 && answer != NULL)
        (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    if (answer == NULL)
        (void)recv(fd, request, sizeof(request), 0); /* until the client gives up */
    return NULL;
}

static void failed_handshakes_say_why(void **state)
{
    static const struct {
        const char *answer;
        enum fail_code code;
        const char *why;
    } rows[] = {
        {"HTTP/1.1 403 Forbidden\r\n\r\n", FAIL_DENIED, "the websocket was answered with 403 Forbidden"},
        {"HTTP/1.1 400 Bad Request\r\n\r\nInactiveInstanceException", FAIL_DENIED,
         "the websocket was answered with 400 Bad Request: InactiveInstanceException"},
        {"SSH-2.0-x\r\n\r\n", FAIL_INPUT, "no HTTP answer to the websocket handshake"},
        {"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n", FAIL_INPUT,
         "the websocket handshake was not answered as RFC 6455 says"},
        {"HTTP/1.1 101 OK\r\n", FAIL_SYSTEM, "the connection ended during the websocket handshake"},
        {NULL, FAIL_LIMIT, "the websocket handshake took too long"},
    };
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char url[60];
    struct websocket_target target = {.url = url, .timeout_ms = 300};
    struct websocket_options options = options_for(&there);
    uint64_t id;

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 5), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u/secret", ntohs(address.sin_port));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pthread_t thread;
        void *context[] = {&listener, (void *)(uintptr_t)rows[i].answer};

        assert_int_equal(pthread_create(&thread, NULL, answer_once, context), 0);
        assert_false(websocket_connect(theirs, &target, &options, &id, &f));
        if (f.code != rows[i].code || !str_ends(str_of(f.message), str_of(rows[i].why)))
            fail_msg("%s", f.message);
        assert_true(str_starts(str_of(f.message), STR("127.0.0.1:")));
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    (void)close(listener);
    assert_false(websocket_connect(theirs, &target, &options, &id, &f));
    assert_int_equal(f.code, FAIL_SYSTEM);
    target.url = "http://127.0.0.1/";
    assert_false(websocket_connect(theirs, &target, &options, &id, &f));
    assert_int_equal(f.code, FAIL_INPUT);
}

#define socket_test(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_is_accepted_as_in_the_rfc),
        socket_test(messages_go_both_ways_whole_and_in_order),
        socket_test(any_thread_may_send),
        socket_test(goodbye_waits_for_the_queue),
        socket_test(stop_says_goodbye),
        socket_test(broken_frames_close_the_connection),
        socket_test(peer_that_takes_memory_without_end_is_cut_off),
        socket_test(slow_reader_is_cut_off_when_the_queue_is_full),
        socket_test(silent_peer_is_cut_off),
        socket_test(answering_peer_stays),
        socket_test(upgrade_requests_are_checked),
        socket_test(failed_handshakes_say_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
