/* Owns one exchange from its request line to its end, and the meeting of two threads in it: the server thread, which
 * runs the callbacks, and whoever replies. Does not read the head (http_request.c) nor make responses
 * (http_response.c). */
#include "os/http_internal.h"

#include "base/must.h"
#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>

static struct exchange *exchange_of(struct http_exchange *shown)
{
    return (struct exchange *)(void *)((char *)shown - offsetof(struct exchange, shown));
}

static void exchange_free(struct exchange *exchange)
{
    (void)pthread_mutex_destroy(&exchange->lock);
    buf_free(&exchange->body);
    arena_free(&exchange->arena);
    free(exchange);
}

/* Takes it from its session; the connection may go on with another. */
static void unlink_exchange(struct exchange *exchange)
{
    struct http_server *server = exchange->server;

    (void)pthread_mutex_lock(&server->lock);
    exchange->session->exchange = NULL;
    server->exchange_count--;
    if (server->exchange_count == 0)
        (void)pthread_cond_broadcast(&server->changed);
    (void)pthread_mutex_unlock(&server->lock);
    session_enter(exchange->session, SESSION_IDLE);
}

static void tell_ended(struct exchange *exchange)
{
    if (exchange->begun)
        exchange->handler.ended(exchange->handler.context, &exchange->shown);
    exchange->begun = false;
}

void *exchange_at_request_line(void *context, const char *target, struct MHD_Connection *connection)
{
    struct http_server *server = context;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct exchange *exchange = calloc(1, sizeof(*exchange));

    if (exchange == NULL || info == NULL || info->socket_context == NULL) {
        free(exchange);
        return NULL; /* exchange_proceed closes the connection */
    }
    exchange->server = server;
    exchange->handler = server->handler;
    exchange->session = info->socket_context;
    exchange->connection = connection;
    arena_init(&exchange->arena, ARENA_LIMIT_DEFAULT);
    (void)pthread_mutex_init(&exchange->lock, NULL);
    exchange->shown = (struct http_exchange){.arena = &exchange->arena,
                                             .peer_address = str_of(exchange->session->peer),
                                             .tls = server->options.tls_certificate_pem != NULL};
    request_set_target(&exchange->shown, str_of(target == NULL ? "" : target));
    (void)pthread_mutex_lock(&server->lock);
    exchange->session->exchange = exchange;
    exchange->cut = server->cutting;
    server->exchange_count++;
    (void)pthread_mutex_unlock(&server->lock);
    session_enter(exchange->session, SESSION_HEAD);
    return exchange;
}

/* Gives libmicrohttpd the reply, or suspends the connection until there is one. */
static enum MHD_Result settle(struct exchange *exchange)
{
    struct MHD_Response *response;
    enum MHD_Result result;
    bool over;

    (void)pthread_mutex_lock(&exchange->lock);
    response = exchange->response;
    exchange->response = NULL;
    over = exchange->replied || exchange->cut;
    if (!over) {
        exchange->suspended = true;
        MHD_suspend_connection(exchange->connection);
    }
    (void)pthread_mutex_unlock(&exchange->lock);
    if (!over)
        return MHD_YES;
    if (response == NULL)
        return MHD_NO;
    exchange->phase = PHASE_REPLYING;
    if (exchange->begun && exchange->handler.replying != NULL)
        exchange->handler.replying(exchange->handler.context, &exchange->shown);
    if (exchange->hop_limit > 0)
        (void)setsockopt(exchange->session->fd, IPPROTO_IP, IP_TTL, &exchange->hop_limit, sizeof(exchange->hop_limit));
    if (exchange->last || atomic_load(&exchange->server->stopping))
        (void)MHD_add_response_header(response, "Connection", "close");
    result = MHD_queue_response(exchange->connection, exchange->status, response);
    MHD_destroy_response(response);
    return result;
}

static void refuse(struct exchange *exchange, uint16_t status, const char *why)
{
    static const struct http_header type = {STR_INIT("Content-Type"), STR_INIT("text/plain")};

    http_exchange_reply(
        &exchange->shown,
        &(struct http_reply){.status = status, .headers = &type, .header_count = 1, .bytes = str_of(why)});
}

/* A head that we may have read differently than the client meant: nothing behind it can be trusted. */
static enum MHD_Result refuse_head(struct exchange *exchange, uint16_t status, const char *why)
{
    refuse(exchange, status, why);
    exchange->last = true;
    return settle(exchange);
}

static bool is_replied(struct exchange *exchange)
{
    bool replied;

    (void)pthread_mutex_lock(&exchange->lock);
    replied = exchange->replied;
    (void)pthread_mutex_unlock(&exchange->lock);
    return replied;
}

/* After a refusal in `begin`: a moderate body that is on its way in any case is read first, see http_server.h. */
static enum MHD_Result refuse_body(struct exchange *exchange, uint64_t length)
{
    bool waits_for_leave = request_waits_for_leave(&exchange->shown.request);

    must(is_replied(exchange));
    exchange->phase = PHASE_DRAIN;
    if (length > 0 && (length == UINT64_MAX || length <= HTTP_DRAIN_BYTES_MAX) && !waits_for_leave) {
        session_enter(exchange->session, SESSION_BODY);
        return MHD_YES;
    }
    return settle(exchange);
}

/* Room for the whole body at once, so that it does not grow by copying; pages that stay empty cost nothing. */
static bool prepare_body(struct exchange *exchange, uint64_t length)
{
    buf_init(&exchange->body, exchange->shown.body_limit);
    if (exchange->shown.body_streamed || length == 0 || length == UINT64_MAX)
        return true;
    if (buf_extend(&exchange->body, (size_t)length) == NULL)
        return false;
    exchange->body.len = 0;
    return true;
}

static enum MHD_Result at_head(struct exchange *exchange, const char *method, const char *version)
{
    const char *why = NULL;
    uint16_t status = request_read_head(exchange, method, version, &why);
    uint64_t length = request_body_length(&exchange->shown.request);

    session_enter(exchange->session, SESSION_BUSY);
    if (status == 0 && exchange->session->over_limit) {
        status = 503;
        why = "Too many connections.\n";
    }
    if (status != 0)
        return refuse_head(exchange, status, why);
    exchange->begun = true;
    exchange->shown.begun_us = clock_monotonic_us();
    if (!exchange->handler.begin(exchange->handler.context, &exchange->shown))
        return refuse_body(exchange, length);
    if (length != UINT64_MAX && length > exchange->shown.body_limit) {
        refuse(exchange, 413, "The request's body is too large.\n");
        return refuse_body(exchange, length);
    }
    if (!prepare_body(exchange, length))
        return MHD_NO;
    exchange->phase = PHASE_BODY;
    session_enter(exchange->session, SESSION_BODY);
    return MHD_YES;
}

static enum MHD_Result drain(struct exchange *exchange, size_t len)
{
    exchange->drained_bytes += len;
    return exchange->drained_bytes > HTTP_DRAIN_BYTES_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result at_body(struct exchange *exchange, struct str bytes)
{
    unsigned held_s;

    atomic_fetch_add(&exchange->session->body_bytes, bytes.len);
    if (exchange->phase == PHASE_DRAIN)
        return drain(exchange, bytes.len);
    if (bytes.len > exchange->shown.body_limit - exchange->body_bytes) {
        exchange->phase = PHASE_DRAIN;
        refuse(exchange, 413, "The request's body is too large.\n");
        return MHD_YES;
    }
    exchange->body_bytes += bytes.len;
    if (!exchange->shown.body_streamed) {
        buf_add(&exchange->body, bytes);
        return exchange->body.overflowed ? MHD_NO : MHD_YES;
    }
    held_s = session_hold(exchange->session);
    if (!exchange->handler.data(exchange->handler.context, &exchange->shown, bytes)) {
        must(is_replied(exchange));
        exchange->phase = PHASE_DRAIN;
    }
    session_release(exchange->session, held_s);
    return MHD_YES;
}

enum MHD_Result exchange_proceed(void *server, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_size, void **context)
{
    struct exchange *exchange = *context;
    size_t len = *upload_size;

    (void)server;
    (void)connection;
    (void)url;
    if (exchange == NULL)
        return MHD_NO;
    if (exchange->phase == PHASE_HEAD)
        return at_head(exchange, method, version);
    if (len > 0) {
        *upload_size = 0;
        return at_body(exchange, (struct str){upload, len});
    }
    if (exchange->phase == PHASE_BODY) {
        session_enter(exchange->session, SESSION_BUSY);
        exchange->phase = PHASE_COMPLETE;
        if (!exchange->shown.body_streamed)
            exchange->shown.request.body = buf_str(&exchange->body);
        exchange->handler.complete(exchange->handler.context, &exchange->shown);
    }
    return settle(exchange);
}

void exchange_completed(void *server, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode why)
{
    struct exchange *exchange = *context;
    bool owed;

    (void)server;
    (void)connection;
    (void)why;
    if (exchange == NULL)
        return;
    *context = NULL;
    if (exchange->upgraded) { /* libmicrohttpd holds a lock of its own here: nothing but memory may be touched */
        exchange_free(exchange);
        return;
    }
    unlink_exchange(exchange);
    (void)pthread_mutex_lock(&exchange->lock);
    owed = exchange->phase == PHASE_COMPLETE && !exchange->replied;
    exchange->orphaned = owed;
    if (exchange->response != NULL)
        MHD_destroy_response(exchange->response);
    exchange->response = NULL;
    (void)pthread_mutex_unlock(&exchange->lock);
    if (owed)
        return; /* deliver ends it */
    tell_ended(exchange);
    exchange_free(exchange);
}

void exchange_cut(struct exchange *exchange)
{
    (void)pthread_mutex_lock(&exchange->lock);
    exchange->cut = true;
    if (exchange->suspended)
        MHD_resume_connection(exchange->connection);
    exchange->suspended = false;
    (void)pthread_mutex_unlock(&exchange->lock);
}

/* Hands the reply to the server thread; after that the exchange may be gone. */
static void deliver(struct exchange *exchange, uint16_t status, struct MHD_Response *response)
{
    bool orphaned;

    (void)pthread_mutex_lock(&exchange->lock);
    must(!exchange->replied);
    exchange->replied = true;
    exchange->status = status;
    exchange->shown.status = status;
    exchange->response = response;
    orphaned = exchange->orphaned;
    if (exchange->suspended)
        MHD_resume_connection(exchange->connection);
    exchange->suspended = false;
    (void)pthread_mutex_unlock(&exchange->lock);
    if (!orphaned)
        return;
    if (response != NULL)
        MHD_destroy_response(response);
    tell_ended(exchange);
    exchange_free(exchange);
}

void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    static const struct http_reply broken = {.status = 500, .bytes = STR_INIT("The reply could not be sent.\n")};
    struct exchange *whole = exchange_of(exchange);
    struct MHD_Response *response = response_make(whole, reply);

    whole->hop_limit = reply->hop_limit;
    if (response != NULL)
        deliver(whole, reply->status, response);
    else
        deliver(whole, broken.status, response_make(whole, &broken));
}

void http_exchange_wake(struct http_exchange *exchange)
{
    struct exchange *whole = exchange_of(exchange);

    (void)pthread_mutex_lock(&whole->lock);
    whole->woken = true;
    if (whole->suspended)
        MHD_resume_connection(whole->connection);
    whole->suspended = false;
    (void)pthread_mutex_unlock(&whole->lock);
}

void http_exchange_upgrade(struct http_exchange *exchange, const struct http_header *headers, size_t header_count,
                           void (*take)(void *context, struct http_socket socket, struct str early), void *context)
{
    struct exchange *whole = exchange_of(exchange);

    whole->take = take;
    whole->take_context = context;
    deliver(whole, MHD_HTTP_SWITCHING_PROTOCOLS, response_make_upgrade(whole, headers, header_count));
}

void exchange_upgraded(void *context, struct MHD_Connection *connection, void *request_context, const char *early,
                       size_t early_len, MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
    struct exchange *exchange = context;
    struct http_socket socket = {.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)};

    (void)connection;
    (void)request_context;
    (void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE); /* our copy keeps the connection open */
    unlink_exchange(exchange);
    if (socket.fd >= 0)
        exchange->take(exchange->take_context, socket, (struct str){early, early_len});
    tell_ended(exchange);
    exchange->upgraded = true;
}

void http_socket_close(struct http_socket *socket)
{
    if (socket->fd >= 0)
        (void)close(take_fd(&socket->fd));
}
