#include "edge/registry/testing/exchange.h"

#include "base/must.h"

#include <pthread.h>

struct exchange {
    struct http_exchange shown;
    struct arena arena;
    struct kept_reply reply;
    pthread_mutex_t lock; /* protects replied and reply */
    pthread_cond_t changed;
    bool replied;
};

static struct str read_range(struct arena *arena, int fd, uint64_t offset, uint64_t size)
{
    char *bytes = arena_alloc(arena, size + 1);

    must(pread(fd, bytes, size, (off_t)offset) == (ssize_t)size);
    return (struct str){bytes, size};
}

static struct str body_of(struct arena *arena, const struct http_reply *reply)
{
    if (reply->kind == HTTP_BODY_FILE)
        return read_range(arena, reply->fd, reply->offset, reply->size);
    return arena_str(arena, reply->owned != NULL ? buf_str(reply->owned) : reply->bytes);
}

/* The server's, for this test: keeps a copy of everything, as the headers' memory goes with the exchange. */
void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct exchange *whole = list_item(exchange, struct exchange, shown);
    struct kept_reply *kept = &whole->reply;

    must(pthread_mutex_lock(&whole->lock) == 0);
    must(!whole->replied);
    kept->status = reply->status;
    kept->body = body_of(&kept->arena, reply);
    must(reply->header_count <= REPLY_HEADERS_MAX_KEPT);
    for (size_t i = 0; i < reply->header_count; i++)
        kept->headers[kept->header_count++] = (struct http_header){arena_str(&kept->arena, reply->headers[i].name),
                                                                   arena_str(&kept->arena, reply->headers[i].value)};
    if (reply->kind == HTTP_BODY_FILE)
        must(close(reply->fd) == 0);
    if (reply->owned != NULL)
        buf_free(reply->owned);
    whole->replied = true;
    must(pthread_cond_signal(&whole->changed) == 0);
    must(pthread_mutex_unlock(&whole->lock) == 0);
}

static void wait_for_reply(struct exchange *exchange)
{
    must(pthread_mutex_lock(&exchange->lock) == 0);
    while (!exchange->replied)
        must(pthread_cond_wait(&exchange->changed, &exchange->lock) == 0);
    must(pthread_mutex_unlock(&exchange->lock) == 0);
}

static void fill_request(struct exchange *exchange, const struct asked *asked)
{
    struct wire_request *request = &exchange->shown.request;
    struct http_header *headers = arena_array(&exchange->arena, struct http_header, COUNT_OF(asked->headers) + 1);

    request->method = str_of(asked->method);
    request->path = str_cut(str_of(asked->target), '?', &request->query);
    for (; asked->headers[request->header_count] != NULL; request->header_count++) {
        struct http_header *header = &headers[request->header_count];

        header->name = str_cut(str_of(asked->headers[request->header_count]), ':', &header->value);
        header->value = str_trim(header->value);
    }
    request->headers = headers;
}

/* False when the handler has replied before the end of the body. */
static bool send_body(struct registry *registry, struct exchange *exchange, const struct asked *asked)
{
    struct str rest = asked->body;
    size_t piece = asked->piece_bytes == 0 ? rest.len : asked->piece_bytes;

    if (!exchange->shown.body_streamed) {
        must(rest.len <= exchange->shown.body_limit);
        exchange->shown.request.body = rest.ptr == NULL ? STR("") : rest;
        return true;
    }
    while (rest.len > 0) {
        size_t len = piece < rest.len ? piece : rest.len;

        if (!registry_data(registry, &exchange->shown, str_to(rest, len)))
            return false;
        rest = str_from(rest, len);
    }
    return true;
}

struct kept_reply exchange_run(struct registry *registry, const struct asked *asked)
{
    struct exchange exchange = {0};
    struct kept_reply reply;

    arena_init(&exchange.arena, ARENA_LIMIT_DEFAULT);
    arena_init(&exchange.reply.arena, ARENA_LIMIT_DEFAULT);
    must(pthread_mutex_init(&exchange.lock, NULL) == 0);
    must(pthread_cond_init(&exchange.changed, NULL) == 0);
    exchange.shown.arena = &exchange.arena;
    exchange.shown.peer_address = STR("127.0.0.1");
    fill_request(&exchange, asked);
    if (registry_begin(registry, &exchange.shown) && send_body(registry, &exchange, asked) && !asked->cut)
        registry_complete(registry, &exchange.shown);
    if (!asked->cut)
        wait_for_reply(&exchange);
    registry_ended(registry, &exchange.shown);
    must(pthread_cond_destroy(&exchange.changed) == 0);
    must(pthread_mutex_destroy(&exchange.lock) == 0);
    arena_free(&exchange.arena);
    reply = exchange.reply;
    return reply;
}

void kept_reply_free(struct kept_reply *reply)
{
    arena_free(&reply->arena);
}

struct str kept_reply_header(const struct kept_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (str_eq_nocase(reply->headers[i].name, str_of(name)))
            return reply->headers[i].value;
    return (struct str){NULL, 0};
}
