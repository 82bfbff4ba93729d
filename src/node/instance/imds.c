/* First: OpenSSL's headers use a name that base/attributes.h defines. */
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "node/instance/imds.h"

#include "base/arena.h"
#include "base/must.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/http_server.h"
#include "wire/base64.h"

#include <pthread.h>

enum {
    CONNECTIONS_MAX = 64,
    IDLE_TIMEOUT_S = 30,
    SECRET_BYTES = 32,
    TOKEN_TTL_MAX_S = 21600, /* six hours */
    DEFAULT_HOPS = 64,
};

struct imds {
    struct http_server *server;         /* NULL: somebody else's */
    unsigned char secret[SECRET_BYTES]; /* constant; what tokens are made with */
    pthread_mutex_t lock;               /* protects what follows */
    struct imds_options options;
    struct imds_entry *entries;
    size_t entry_count;
    struct arena arena; /* of the entries */
};

/* ---- tokens ---- */

/* When it ends, and a seal over that: nothing has to be remembered. */
struct token {
    int64_t ends_ms; /* monotonic: tokens do not outlive the service */
    unsigned char seal[32];
};

static void seal(const struct imds *imds, int64_t ends_ms, unsigned char ret_seal[32])
{
    unsigned len = 32;

    must(HMAC(EVP_sha256(), imds->secret, SECRET_BYTES, (const unsigned char *)&ends_ms, sizeof(ends_ms), ret_seal,
              &len) != NULL);
}

static struct str token_new(const struct imds *imds, uint64_t seconds, struct arena *arena)
{
    struct token token = {.ends_ms = clock_monotonic_ms() + (int64_t)seconds * 1000};
    auto_buf text = {.ptr = NULL};

    seal(imds, token.ends_ms, token.seal);
    base64_encode((struct str){(const char *)&token, sizeof(token)}, &text);
    return arena_str(arena, buf_str(&text));
}

static bool token_is_good(const struct imds *imds, struct str text, struct arena *arena)
{
    unsigned char expected[32];
    struct token token;
    struct str bytes;

    if (!base64_decode(text, arena, &bytes) || bytes.len != sizeof(token))
        return false;
    memcpy(&token, bytes.ptr, sizeof(token));
    seal(imds, token.ends_ms, expected);
    return CRYPTO_memcmp(expected, token.seal, sizeof(expected)) == 0 && clock_monotonic_ms() < token.ends_ms;
}

/* ---- answers ---- */

static bool refuse(struct http_reply *reply, uint16_t status, const char *text)
{
    reply->status = status;
    reply->bytes = str_of(text);
    return false;
}

static bool put_token(const struct imds *imds, const struct imds_options *options, struct http_exchange *exchange,
                      struct http_reply *reply)
{
    struct str wanted = wire_header(&exchange->request, "x-aws-ec2-metadata-token-ttl-seconds");
    struct http_header *ttl = arena_new(exchange->arena, struct http_header);
    uint64_t seconds;

    if (wire_header(&exchange->request, "x-forwarded-for").ptr != NULL)
        return refuse(reply, 403, "403 - Forbidden\n"); /* somebody's proxy, that lets everybody ask */
    if (!str_to_uint64(wanted, &seconds) || seconds < 1 || seconds > TOKEN_TTL_MAX_S)
        return refuse(reply, 400, "400 - Bad Request\n");
    *ttl = (struct http_header){STR("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"), wanted};
    reply->headers = ttl;
    reply->header_count = 1;
    reply->hop_limit = options->hop_limit;
    reply->bytes = token_new(imds, seconds, exchange->arena);
    return true;
}

static bool may_read(const struct imds *imds, const struct imds_options *options, struct http_exchange *exchange,
                     struct http_reply *reply)
{
    struct str token = wire_header(&exchange->request, "x-aws-ec2-metadata-token");

    if (token.ptr == NULL ? !options->tokens_required : token_is_good(imds, token, exchange->arena))
        return true;
    return refuse(reply, 401, "401 - Unauthorized\n");
}

/* "/latest/meta-data/x" -> "meta-data/x". A date in the place of "latest" is taken too: there is one version only. */
static bool strip_version(struct str path, struct str *ret_rest)
{
    struct str version;
    struct str rest;

    if (!str_starts(path, STR("/")))
        return false;
    version = str_cut(str_from(path, 1), '/', &rest);
    if (!str_is(version, "latest") && !(version.len == 10 && str_starts(version, STR("20"))))
        return false;
    *ret_rest = rest.ptr == NULL ? STR("") : rest;
    return true;
}

/* A directory's next names, each once: entries stand in the order of their paths' directories. lock held. */
static struct str list_directory(const struct imds *imds, struct str directory, struct arena *arena)
{
    auto_buf text = {.ptr = NULL};
    struct str last = STR("");

    for (size_t i = 0; i < imds->entry_count; i++) {
        struct str path = imds->entries[i].path;
        struct str rest;
        struct str name;

        if (!str_starts(path, directory))
            continue;
        name = str_cut(str_from(path, directory.len), '/', &rest);
        if (str_eq(name, last))
            continue;
        last = name;
        if (text.len > 0)
            buf_add_char(&text, '\n');
        buf_add(&text, name);
        if (rest.ptr != NULL)
            buf_add_char(&text, '/');
    }
    return text.len == 0 ? (struct str){NULL, 0} : arena_str(arena, buf_str(&text));
}

/* What stands at a path, or the listing of the directory that it is, with or without a slash at its end. */
static struct str look_up(struct imds *imds, struct str path, struct arena *arena)
{
    struct str found = {NULL, 0};

    (void)pthread_mutex_lock(&imds->lock);
    for (size_t i = 0; i < imds->entry_count && found.ptr == NULL; i++)
        if (str_eq(imds->entries[i].path, path))
            found = arena_str(arena, imds->entries[i].value);
    if (found.ptr == NULL && path.len > 0 && !str_ends(path, STR("/")))
        path = arena_printf(arena, "%.*s/", STR_ARG(path));
    if (found.ptr == NULL)
        found = list_directory(imds, path, arena);
    (void)pthread_mutex_unlock(&imds->lock);
    return found;
}

static bool get(struct imds *imds, const struct imds_options *options, struct http_exchange *exchange,
                struct http_reply *reply)
{
    struct str rest;

    if (!may_read(imds, options, exchange, reply))
        return false;
    if (str_is(exchange->request.path, "/")) {
        reply->bytes = STR("latest");
        return true;
    }
    if (strip_version(exchange->request.path, &rest))
        reply->bytes = look_up(imds, rest, exchange->arena);
    return reply->bytes.ptr != NULL || refuse(reply, 404, "404 - Not Found\n");
}

static void answer(struct imds *imds, struct http_exchange *exchange, struct http_reply *reply)
{
    struct str method = exchange->request.method;
    bool is_token = str_is(exchange->request.path, "/latest/api/token");
    struct imds_options options;

    (void)pthread_mutex_lock(&imds->lock);
    options = imds->options;
    (void)pthread_mutex_unlock(&imds->lock);
    if (!options.enabled)
        (void)refuse(reply, 403, "403 - Forbidden\n");
    else if (is_token && str_is(method, "PUT"))
        (void)put_token(imds, &options, exchange, reply);
    else if (is_token || !(str_is(method, "GET") || str_is(method, "HEAD")))
        (void)refuse(reply, 405, "405 - Method Not Allowed\n");
    else
        (void)get(imds, &options, exchange, reply);
}

static bool begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->body_limit = 0;
    return true;
}

void imds_answer(struct imds *imds, struct http_exchange *exchange)
{
    static const struct http_header type = {STR_INIT("Content-Type"), STR_INIT("text/plain")};
    struct http_reply reply = {.status = 200,
                               .headers = &type,
                               .header_count = 1,
                               .kind = HTTP_BODY_BYTES,
                               .hop_limit = DEFAULT_HOPS,
                               .bytes = {NULL, 0}};

    answer(imds, exchange, &reply);
    http_exchange_reply(exchange, &reply);
}

static void complete(void *context, struct http_exchange *exchange)
{
    imds_answer(context, exchange);
}

static void ended(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

/* ---- life ---- */

struct imds *imds_new(const struct imds_options *options)
{
    struct imds *imds = calloc(1, sizeof(*imds));

    must(imds != NULL);
    must(pthread_mutex_init(&imds->lock, NULL) == 0);
    imds->options = *options;
    entropy_fill(imds->secret, sizeof(imds->secret));
    arena_init(&imds->arena, ARENA_LIMIT_DEFAULT);
    return imds;
}

bool imds_start(int listening_fd, const struct imds_options *options, struct imds **ret_imds, struct fail *f)
{
    struct http_server_options http = {.listening_fd = listening_fd,
                                       .threads = 1,
                                       .connections_max = CONNECTIONS_MAX,
                                       .idle_timeout_s = IDLE_TIMEOUT_S};
    struct imds *imds = imds_new(options);
    const struct http_handler handler = {.context = imds, .begin = begin, .complete = complete, .ended = ended};

    if (http_server_start(&http, &handler, &imds->server, f)) {
        *ret_imds = imds;
        return true;
    }
    imds_stop(imds);
    return false;
}

void imds_stop(struct imds *imds)
{
    if (imds->server != NULL)
        http_server_stop(imds->server, /* grace_ms= */ 0);
    arena_free(&imds->arena);
    (void)pthread_mutex_destroy(&imds->lock);
    free(imds);
}

void imds_set_options(struct imds *imds, const struct imds_options *options)
{
    (void)pthread_mutex_lock(&imds->lock);
    imds->options = *options;
    (void)pthread_mutex_unlock(&imds->lock);
}

void imds_set_entries(struct imds *imds, const struct imds_entry *entries, size_t count)
{
    (void)pthread_mutex_lock(&imds->lock);
    arena_reset(&imds->arena);
    imds->entries = arena_array(&imds->arena, struct imds_entry, count + 1);
    imds->entry_count = count;
    for (size_t i = 0; i < count; i++) {
        imds->entries[i].path = arena_str(&imds->arena, entries[i].path);
        imds->entries[i].value = arena_str(&imds->arena, entries[i].value);
    }
    (void)pthread_mutex_unlock(&imds->lock);
}
