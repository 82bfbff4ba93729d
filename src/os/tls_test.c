/* The same ports over TLS: a server with a certificate made here, our HTTP client, our websockets. */
#include <openssl/evp.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "os/files.h"
#include "os/http_client.h"
#include "os/http_server.h"
#include "os/websocket.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/mman.h>

enum { LARGE_BYTES = 5 << 20, WAIT_S = 20 };

static struct http_server *server;
static struct websockets *ours;
static struct websockets *theirs;
static struct http_client *client;
static char ca_file[] = "/tmp/berth-tls-XXXXXX";
static char *certificate_pem;
static char *key_pem;
static struct fail f;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned ended;
    unsigned closed;
    uint64_t bytes_back;
} app = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

    assert_true(X509_set_version(certificate, 2));
    assert_true(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1));
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    assert_true(X509_set_pubkey(certificate, key));
    assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"berth test", -1, -1, 0));
    assert_true(X509_set_issuer_name(certificate, name));
    assert_true(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static char *text_of(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = strndup(bytes, (size_t)len);

    (void)BIO_free(bio);
    assert_non_null(text);
    return text;
}

static void make_credentials(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key);
    BIO *bio = BIO_new(BIO_s_mem());
    int fd = mkstemp(ca_file);

    assert_true(PEM_write_bio_X509(bio, certificate));
    certificate_pem = text_of(bio);
    bio = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    key_pem = text_of(bio);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_true(file_write(ca_file, str_of(certificate_pem), 0600, &f));
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void on_message(void *context, uint64_t id, bool text, struct str bytes)
{
    if (context == &ours) { /* the server's side answers in kind */
        (void)websocket_send(ours, id, text, bytes);
        return;
    }
    (void)pthread_mutex_lock(&app.lock);
    app.bytes_back += bytes.len;
    (void)pthread_cond_broadcast(&app.changed);
    (void)pthread_mutex_unlock(&app.lock);
}

static void on_closed(void *context, uint64_t id, uint16_t code, struct str reason)
{
    (void)context;
    (void)id;
    assert_int_equal(code, 1000);
    assert_true(str_is(reason, "enough"));
    (void)pthread_mutex_lock(&app.lock);
    app.closed++;
    (void)pthread_cond_broadcast(&app.changed);
    (void)pthread_mutex_unlock(&app.lock);
}

static ssize_t silence(void *context, char *at, size_t size)
{
    (void)context;
    (void)at;
    (void)size;
    return 0;
}

static bool begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->body_limit = LARGE_BYTES;
    return true;
}

static void complete(void *context, struct http_exchange *exchange)
{
    static const struct websocket_options options = {.context = &ours, .message = on_message, .closed = on_closed};
    struct http_reply reply = {.status = 200, .bytes = exchange->request.body};

    (void)context;
    assert_true(exchange->tls);
    if (str_is(exchange->request.path, "/socket")) {
        websocket_serve(ours, exchange, (struct str){0}, &options);
        return;
    }
    if (str_is(exchange->request.path, "/file")) {
        reply = (struct http_reply){.status = 200,
                                    .kind = HTTP_BODY_FILE,
                                    .fd = memfd_create("berth-tls-test", MFD_CLOEXEC),
                                    .offset = 100,
                                    .size = LARGE_BYTES};
        assert_int_equal(ftruncate(reply.fd, LARGE_BYTES + 100), 0);
    }
    if (str_is(exchange->request.path, "/silent"))
        reply = (struct http_reply){.status = 200, .kind = HTTP_BODY_STREAM, .read = silence};
    http_exchange_reply(exchange, &reply);
}

static void at_end(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    (void)pthread_mutex_lock(&app.lock);
    app.ended++;
    (void)pthread_cond_broadcast(&app.changed);
    (void)pthread_mutex_unlock(&app.lock);
}

static int start(void **state)
{
    const struct http_handler handler = {.begin = begin, .complete = complete, .ended = at_end};
    struct http_server_options options = {
        .address = "127.0.0.1", .threads = 2, .connections_max = 10, .idle_timeout_s = 30};

    (void)state;
    make_credentials();
    options.tls_certificate_pem = certificate_pem;
    options.tls_key_pem = "not a key";
    assert_false(http_server_start(&options, &handler, &server, &f));
    options.tls_key_pem = key_pem;
    return http_server_start(&options, &handler, &server, &f) && websockets_start(&ours, &f) &&
                   websockets_start(&theirs, &f) && http_client_new(&client, &f)
               ? 0
               : -1;
}

static int stop(void **state)
{
    (void)state;
    http_client_free(client);
    websockets_stop(theirs);
    websockets_stop(ours); /* upgraded sockets are closed before their TLS server stops */
    http_server_stop(server, 1000);
    free(certificate_pem);
    free(key_pem);
    return unlink(ca_file);
}

static const char *url_of(const char *scheme, const char *path)
{
    static char url[100];

    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", scheme, http_server_port(server), path);
    return url;
}

/* Under app.lock. */
static void wait_app(void)
{
    struct timespec end;

    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += WAIT_S;
    assert_int_equal(pthread_cond_timedwait(&app.changed, &app.lock, &end), 0);
}

static void bodies_come_through(void **state)
{
    auto_free char *body = calloc(1, LARGE_BYTES);
    struct http_client_request request = {.method = "PUT",
                                          .url = url_of("https", "/e"),
                                          .body = {body, LARGE_BYTES},
                                          .body_limit = LARGE_BYTES,
                                          .ca_file = ca_file};
    struct http_client_reply reply = {0};

    (void)state;
    memset(body, 'z', LARGE_BYTES);
    if (!http_fetch(client, &request, &reply, &f))
        fail_msg("%s", f.message);
    assert_true(str_eq(buf_str(&reply.body), request.body));
    http_client_reply_free(&reply);
    request.method = "GET";
    request.url = url_of("https", "/file");
    request.body = (struct str){0};
    if (!http_fetch(client, &request, &reply, &f))
        fail_msg("%s", f.message);
    assert_int_equal(reply.body.len, LARGE_BYTES);
    http_client_reply_free(&reply);
}

static void unknown_certificate_is_refused(void **state)
{
    struct http_client_request request = {.url = url_of("https", "/e")};
    auto_client_reply reply = {0};

    (void)state;
    assert_false(http_fetch(client, &request, &reply, &f));
    assert_int_equal(f.code, FAIL_SYSTEM);
    assert_non_null(strstr(f.message, "certificate"));
    request.insecure = true;
    assert_true(http_fetch(client, &request, &reply, &f));
}

static void silent_stream_ends_when_its_client_leaves(void **state)
{
    struct http_client_request request = {
        .url = url_of("https", "/silent"), .ca_file = ca_file, .total_timeout_ms = 300};
    struct http_client_reply reply;
    unsigned ended;

    (void)state;
    (void)pthread_mutex_lock(&app.lock);
    ended = app.ended;
    (void)pthread_mutex_unlock(&app.lock);
    assert_false(http_fetch(client, &request, &reply, &f));
    assert_int_equal(f.code, FAIL_LIMIT);
    (void)pthread_mutex_lock(&app.lock);
    while (app.ended == ended)
        wait_app();
    (void)pthread_mutex_unlock(&app.lock);
}

static void websocket_goes_both_ways(void **state)
{
    static const struct websocket_options options = {.message = on_message, .closed = on_closed};
    struct websocket_target target = {.url = url_of("wss", "/socket"), .ca_file = ca_file};
    auto_free char *large = calloc(1, LARGE_BYTES);
    uint64_t id;

    (void)state;
    for (int by_server = 0; by_server <= 1; by_server++) {
        app.bytes_back = 0;
        app.closed = 0;
        if (!websocket_connect(theirs, &target, &options, &id, &f))
            fail_msg("%s", f.message);
        assert_true(websocket_send(theirs, id, true, STR("hello")));
        assert_true(websocket_send(theirs, id, false, (struct str){large, LARGE_BYTES}));
        (void)pthread_mutex_lock(&app.lock);
        while (app.bytes_back < LARGE_BYTES + 5)
            wait_app();
        (void)pthread_mutex_unlock(&app.lock);
        if (by_server == 1) /* the server's ids count up from 1, as the rounds do */
            websocket_close(ours, (uint64_t)by_server + 1, 1000, STR("enough"));
        else
            websocket_close(theirs, id, 1000, STR("enough"));
        (void)pthread_mutex_lock(&app.lock);
        while (app.closed < 2)
            wait_app();
        (void)pthread_mutex_unlock(&app.lock);
    }
    target.ca_file = NULL;
    assert_false(websocket_connect(theirs, &target, &options, &id, &f));
    assert_non_null(strstr(f.message, "certificate"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_come_through),
        cmocka_unit_test(unknown_certificate_is_refused),
        cmocka_unit_test(silent_stream_ends_when_its_client_leaves),
        cmocka_unit_test(websocket_goes_both_ways),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
