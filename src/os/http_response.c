/* Owns the making of libmicrohttpd's responses from replies. Runs on the thread that replies, which
 * may be after the server is gone: only read_stream, on a server thread, may look at server and session. */
#include "os/http_internal.h"

#include "base/must.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum {
    HEADER_BYTES_MAX = 16 << 10,
    STREAM_BLOCK_BYTES = 4 << 10, /* for HTTP/1.0 clients; others get chunks from the connection's own buffer */
};

static struct MHD_Response *make_file(const struct http_reply *reply)
{
    if (reply->size > 0)
        return MHD_create_response_from_fd_at_offset64(reply->size, reply->fd, reply->offset);
    (void)close(reply->fd);
    return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *make_bytes(const struct http_reply *reply)
{
    struct MHD_Response *response;

    if (reply->owned == NULL)
        return MHD_create_response_from_buffer(reply->bytes.len, (void *)(uintptr_t)reply->bytes.ptr,
                                               MHD_RESPMEM_MUST_COPY);
    response = MHD_create_response_from_buffer(reply->owned->len, reply->owned->ptr, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(reply->owned->ptr);
    *reply->owned = (struct buf){.limit = reply->owned->limit};
    return response;
}

/* libmicrohttpd sends the head of a reply with MSG_MORE and counts on the body to push it out. A body that has nothing
 * yet would leave it waiting 200 ms; setting TCP_NODELAY pushes what waits, whatever it was set to. */
static void flush_head(struct exchange *exchange)
{
    const int on = 1;

    if (!exchange->flushed)
        (void)setsockopt(exchange->session->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    exchange->flushed = true;
}

/* Called with exchange->lock held; false when there is nothing to read now and the connection was suspended. */
static bool suspend_unless_woken(struct exchange *exchange)
{
    if (exchange->woken || exchange->cut)
        return false;
    exchange->suspended = true;
    session_enter(exchange->session, SESSION_STREAMING);
    MHD_suspend_connection(exchange->connection);
    return true;
}

static ssize_t read_stream(void *context, uint64_t position, char *at, size_t size)
{
    struct exchange *exchange = context;
    ssize_t len;
    bool cut;
    bool suspended;

    (void)position;
    session_enter(exchange->session, SESSION_BUSY);
    for (;;) {
        (void)pthread_mutex_lock(&exchange->lock);
        exchange->woken = false;
        cut = exchange->cut;
        (void)pthread_mutex_unlock(&exchange->lock);
        if (cut)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        len = exchange->read(exchange->read_context, at, size);
        if (len != 0)
            break;
        flush_head(exchange);
        (void)pthread_mutex_lock(&exchange->lock);
        suspended = suspend_unless_woken(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        if (suspended)
            return 0;
    }
    must(len < 0 || (size_t)len <= size);
    if (len > 0)
        return len;
    return len == -1 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *make_stream(struct exchange *exchange, const struct http_reply *reply)
{
    struct MHD_Response *response;

    exchange->read = reply->read;
    exchange->read_context = reply->context;
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, read_stream, exchange, NULL);
    /* libmicrohttpd 0.9.75 sends the last chunk also to HEAD, where it would stand before the next reply. Without
     * chunks the end of the reply is the end of the connection. */
    if (response != NULL && str_is(exchange->shown.request.method, "HEAD"))
        (void)MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

static bool add_header(struct MHD_Response *response, const struct http_header *header)
{
    char name[256];
    char value[HEADER_BYTES_MAX];

    if (header->value.len == 0)
        return true; /* libmicrohttpd refuses empty ones; leaving it out says the same */
    return str_to_buffer(header->name, name, sizeof(name)) && str_to_buffer(header->value, value, sizeof(value)) &&
           MHD_add_response_header(response, name, value) == MHD_YES;
}

static struct MHD_Response *with_headers(struct MHD_Response *response, const struct http_header *headers, size_t count)
{
    for (size_t i = 0; response != NULL && i < count; i++) {
        if (add_header(response, &headers[i]))
            continue;
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

struct MHD_Response *response_make(struct exchange *exchange, const struct http_reply *reply)
{
    struct MHD_Response *response = NULL;

    switch (reply->kind) {
    case HTTP_BODY_BYTES:
        response = make_bytes(reply);
        break;
    case HTTP_BODY_FILE:
        response = make_file(reply);
        break;
    case HTTP_BODY_STREAM:
        response = make_stream(exchange, reply);
        break;
    }
    return with_headers(response, reply->headers, reply->header_count);
}

struct MHD_Response *response_make_upgrade(struct exchange *exchange, const struct http_header *headers,
                                           size_t header_count)
{
    return with_headers(MHD_create_response_for_upgrade(exchange_upgraded, exchange), headers, header_count);
}
