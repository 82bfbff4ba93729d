#include "os/http_client.h"
#include "os/http_server.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <inttypes.h>
#include <pthread.h>

enum { LARGE_BYTES = 5 << 20 };

static struct http_server *server;
static struct http_client *client;
static char base[40]; /* "http://127.0.0.1:PORT" */
static struct fail f;

/* What was asked for and what came with it: method, Authorization, Expect, Content-Type, body length, peer's reuse. */
static void echo(struct http_exchange *exchange)
{
    const struct wire_request *request = &exchange->request;
    struct buf out = {0};

    buf_printf(&out, "%.*s %.*s\n", STR_ARG(request->method), STR_ARG(request->path));
    for (size_t i = 0; i < request->header_count; i++)
        if (!str_is(request->headers[i].name, "Host"))
            buf_printf(&out, "%.*s: %.*s\n", STR_ARG(request->headers[i].name), STR_ARG(request->headers[i].value));
    buf_printf(&out, "[%.*s]", STR_ARG(request->body));
    http_exchange_reply(exchange, &(struct http_reply){.status = 200, .owned = &out});
}

static void redirect(struct http_exchange *exchange)
{
    struct http_header headers[] = {{STR("Location"), exchange->request.query}, {STR("X-Hop"), STR("first")}};

    http_exchange_reply(
        exchange, &(struct http_reply){.status = 307, .headers = headers, .header_count = 2, .bytes = STR("moved")});
}

static void large(struct http_exchange *exchange)
{
    struct buf out = {0};
    char *at = buf_extend(&out, LARGE_BYTES);

    assert_non_null(at);
    memset(at, 'x', LARGE_BYTES);
    http_exchange_reply(exchange, &(struct http_reply){.status = 200, .owned = &out});
}

static void missing(struct http_exchange *exchange)
{
    http_exchange_reply(exchange, &(struct http_reply){.status = 404, .bytes = STR("no such thing")});
}

static void length(struct http_exchange *exchange)
{
    http_exchange_reply(
        exchange,
        &(struct http_reply){.status = 200, .bytes = arena_printf(exchange->arena, "%zu", exchange->request.body.len)});
}

static ssize_t silence(void *context, char *at, size_t size)
{
    (void)context;
    (void)at;
    (void)size;
    return 0;
}

static void silent(struct http_exchange *exchange)
{
    http_exchange_reply(exchange, &(struct http_reply){.status = 200, .kind = HTTP_BODY_STREAM, .read = silence});
}

static void many_headers(struct http_exchange *exchange)
{
    struct http_header headers[300];

    for (size_t i = 0; i < COUNT_OF(headers); i++)
        headers[i] = (struct http_header){STR("X"), STR("y")};
    http_exchange_reply(exchange, &(struct http_reply){.status = 200, .headers = headers, .header_count = 300});
}

static bool begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->body_limit = LARGE_BYTES;
    return true;
}

static void complete(void *context, struct http_exchange *exchange)
{
    static const struct {
        const char *path;
        void (*run)(struct http_exchange *exchange);
    } routes[] = {{"/redirect", redirect}, {"/large", large},   {"/missing", missing},
                  {"/length", length},     {"/silent", silent}, {"/many-headers", many_headers}};

    (void)context;
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        if (str_is(exchange->request.path, routes[i].path)) {
            routes[i].run(exchange);
            return;
        }
    echo(exchange);
}

static void at_end(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

static const struct http_handler handler = {.begin = begin, .complete = complete, .ended = at_end};

static int start(void **state)
{
    const struct http_server_options options = {
        .address = "127.0.0.1", .threads = 1, .connections_max = 10, .idle_timeout_s = 30};

    (void)state;
    /* Proxies of the environment must not matter. */
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    if (!http_server_start(&options, &handler, &server, &f) || !http_client_new(&client, &f))
        return 1;
    (void)snprintf(base, sizeof(base), "http://127.0.0.1:%u", http_server_port(server));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_client_free(client);
    http_server_stop(server, 0);
    return 0;
}

static const char *url_of(const char *path)
{
    static char url[200];

    (void)snprintf(url, sizeof(url), "%s%s", base, path);
    return url;
}

/* Fetches and expects a reply. */
static struct http_client_reply fetch(const struct http_client_request *request)
{
    struct http_client_reply reply = {0};

    if (!http_fetch(client, request, &reply, &f))
        fail_msg("%s", f.message);
    return reply;
}

static void sends_what_the_request_says(void **state)
{
    static const struct http_header headers[] = {
        {STR_INIT("X-One"), STR_INIT("1")}, {STR_INIT("X-Empty"), STR_INIT("")}, {STR_INIT("X-One"), STR_INIT("2")}};
    static const struct {
        const char *method;
        struct str body;
        const char *seen;
    } rows[] = {
        {NULL, {0}, "GET /e\nX-One: 1\nX-Empty: \nX-One: 2\n[]"},
        {"DELETE", {0}, "DELETE /e\nX-One: 1\nX-Empty: \nX-One: 2\n[]"},
        {"POST", {0}, "POST /e\nX-One: 1\nX-Empty: \nX-One: 2\nContent-Length: 0\n[]"},
        {"PUT", STR_INIT("a body"), "PUT /e\nX-One: 1\nX-Empty: \nX-One: 2\nContent-Length: 6\n[a body]"},
        {"GET", STR_INIT("b"), "GET /e\nX-One: 1\nX-Empty: \nX-One: 2\nContent-Length: 1\n[b]"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_client_request request = {
            .method = rows[i].method, .url = url_of("/e"), .headers = headers, .header_count = 3, .body = rows[i].body};
        auto_client_reply reply = fetch(&request);
        struct str seen = buf_str(&reply.body);

        /* curl places Content-Length before the request's own headers. */
        assert_int_equal(reply.status, 200);
        if (!str_is(seen, rows[i].seen))
            fail_msg("%.*s", STR_ARG(seen));
    }
}

static void head_has_no_body(void **state)
{
    struct http_client_request request = {.method = "HEAD", .url = url_of("/missing")};
    auto_client_reply reply = fetch(&request);

    (void)state;
    assert_int_equal(reply.status, 404);
    assert_true(str_is(http_client_header(&reply, "content-length"), "13"));
    assert_int_equal(reply.body.len, 0);
}

static void redirect_keeps_the_secret_at_home(void **state)
{
    static const struct http_header secret = {STR_INIT("Authorization"), STR_INIT("Bearer secret")};
    struct http_client_request request = {.headers = &secret, .header_count = 1, .follow_redirects = true};
    char url[200];

    (void)state;
    for (int other_host = 0; other_host <= 1; other_host++) {
        (void)snprintf(url, sizeof(url), "%s/redirect?http://%s:%u/e", base, other_host ? "localhost" : "127.0.0.1",
                       http_server_port(server));
        request.url = url;
        auto_client_reply reply = fetch(&request);

        assert_int_equal(reply.status, 200);
        assert_true(
            str_is(buf_str(&reply.body), other_host ? "GET /e\n[]" : "GET /e\nAuthorization: Bearer secret\n[]"));
        assert_null(http_client_header(&reply, "X-Hop").ptr);
    }
    request.follow_redirects = false;
    auto_client_reply reply = fetch(&request);

    assert_int_equal(reply.status, 307);
    assert_true(str_is(http_client_header(&reply, "x-hop"), "first"));
    assert_true(str_is(buf_str(&reply.body), "moved"));
}

struct sink {
    uint64_t taken;
    uint64_t enough;
};

static bool take(void *context, struct str bytes)
{
    struct sink *sink = context;

    sink->taken += bytes.len;
    return sink->taken <= sink->enough;
}

static void sink_gets_good_bodies_only(void **state)
{
    struct sink sink = {.enough = UINT64_MAX};
    struct http_client_request request = {
        .url = url_of("/large"), .sink = take, .sink_context = &sink, .body_limit = 50};
    auto_client_reply good = fetch(&request);

    (void)state;
    assert_int_equal(sink.taken, LARGE_BYTES);
    assert_int_equal(good.body.len, 0);
    request.url = url_of("/missing");
    auto_client_reply bad = fetch(&request);

    assert_int_equal(bad.status, 404);
    assert_int_equal(sink.taken, LARGE_BYTES);
    assert_true(str_is(buf_str(&bad.body), "no such thing"));
}

struct source {
    size_t left;
    size_t broken_at;
};

static ssize_t give(void *context, char *at, size_t size)
{
    struct source *source = context;
    size_t len = source->left < size ? source->left : size;

    if (source->left <= source->broken_at)
        return -1;
    memset(at, 'y', len);
    source->left -= len;
    return (ssize_t)len;
}

static void source_is_sent_piece_by_piece(void **state)
{
    struct source source = {.left = 3 << 20};
    struct http_client_request request = {
        .method = "PATCH", .url = url_of("/length"), .source = give, .source_context = &source, .source_size = 3 << 20};
    auto_client_reply reply = fetch(&request);

    (void)state;
    assert_int_equal(reply.status, 200);
    assert_true(str_is(buf_str(&reply.body), "3145728"));
}

static void failures_name_host_and_reason(void **state)
{
    static const _Atomic bool cancelled = true;
    struct sink sink = {.enough = 10};
    struct source source = {.left = 1000, .broken_at = 2000};
    const struct http_header split = {STR("X"), STR("a\r\nb: c")};
    const struct {
        struct http_client_request request;
        const char *path; /* on our server; NULL: request.url */
        enum fail_code code;
        const char *message; /* how it ends */
    } rows[] = {
        {{.url = "http://127.0.0.1:1/secret"}, NULL, FAIL_SYSTEM, "Connection refused"},
        {{.url = "http://no.such.host.invalid/"}, NULL, FAIL_SYSTEM, "Could not resolve host: no.such.host.invalid"},
        {{.url = "file:///etc/passwd"}, NULL, FAIL_INPUT, ""},
        {{.url = "nonsense url"}, NULL, FAIL_INPUT, "not a URL of the form http://host or https://host"},
        {{.body_limit = 1000}, "/large", FAIL_LIMIT, "the reply is larger than 1000 bytes"},
        {{0}, "/many-headers", FAIL_LIMIT, "the reply's headers are too large"},
        {{.sink = take, .sink_context = &sink}, "/large", FAIL_CONFLICT, "broken off"},
        {{.method = "PUT", .source = give, .source_context = &source, .source_size = 1000},
         "/length",
         FAIL_CONFLICT,
         "broken off"},
        {{.cancel = &cancelled}, "/silent", FAIL_CONFLICT, "broken off"},
        {{.stall_timeout_ms = 1000}, "/silent", FAIL_LIMIT, "Less than 1 bytes/sec transferred the last 1 seconds"},
        {{.total_timeout_ms = 200}, "/silent", FAIL_LIMIT, "milliseconds with 0 bytes received"},
        {{.headers = &split, .header_count = 1}, "/e", FAIL_INPUT, "header X cannot be sent"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_client_request request = rows[i].request;
        struct http_client_reply reply = {0};

        if (rows[i].path != NULL)
            request.url = url_of(rows[i].path);
        assert_false(http_fetch(client, &request, &reply, &f));
        if (f.code != rows[i].code || !str_ends(str_of(f.message), str_of(rows[i].message)))
            fail_msg("row %zu: %d %s", i, (int)f.code, f.message);
        assert_true(rows[i].path == NULL || str_starts(str_of(f.message), STR("127.0.0.1:")));
        assert_null(strstr(f.message, "secret"));
    }
}

/* The server takes one connection: a second one beside it would be told 503. */
static void connection_is_used_again(void **state)
{
    const struct http_server_options options = {
        .address = "127.0.0.1", .threads = 1, .connections_max = 1, .idle_timeout_s = 30};
    struct http_server *narrow;
    char url[60];
    struct http_client_request request = {.url = url};

    (void)state;
    assert_true(http_server_start(&options, &handler, &narrow, &f));
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/e", http_server_port(narrow));
    for (int i = 0; i < 20; i++) {
        auto_client_reply reply = fetch(&request);

        assert_int_equal(reply.status, 200);
    }
    http_server_stop(narrow, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_what_the_request_says),       cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(redirect_keeps_the_secret_at_home), cmocka_unit_test(sink_gets_good_bodies_only),
        cmocka_unit_test(source_is_sent_piece_by_piece),     cmocka_unit_test(failures_name_host_and_reason),
        cmocka_unit_test(connection_is_used_again),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
