/* Owns the connections of a server and the watch over them. libmicrohttpd cuts off who sends nothing; a client that
 * sends a byte now and then would hold a connection for ever, and one that leaves while a stream is silent, or with its
 * body half sent, would not be missed. Once a second the watch looks for them. */
#include "os/clock.h"
#include "os/condition.h"
#include "os/http_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { WATCH_STACK_BYTES = 64 << 10 };

static void format_peer(const struct sockaddr *address, char *out, socklen_t size)
{
    const void *at = NULL;
    int family = address->sa_family;

    if (family == AF_INET)
        at = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

        at = six;
        if (IN6_IS_ADDR_V4MAPPED(six)) {
            family = AF_INET;
            at = &six->s6_addr[12];
        }
    }
    if (at == NULL || inet_ntop(family, at, out, size) == NULL)
        out[0] = '\0';
}

static void session_start(struct http_server *server, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct session *session = calloc(1, sizeof(*session));

    *context = session;
    if (session == NULL)
        return; /* its first request finds no session and closes it */
    session->server = server;
    session->fd = fd->connect_fd;
    format_peer(peer->client_addr, session->peer, sizeof(session->peer));
    session_enter(session, SESSION_IDLE);
    (void)pthread_mutex_lock(&server->lock);
    list_add_last(&server->sessions, &session->link);
    server->session_count++;
    session->over_limit = server->session_count > server->options.connections_max;
    (void)pthread_mutex_unlock(&server->lock);
}

static void session_end(struct http_server *server, struct session *session)
{
    if (session == NULL)
        return;
    (void)pthread_mutex_lock(&server->lock);
    list_remove(&session->link);
    server->session_count--;
    (void)pthread_mutex_unlock(&server->lock);
    free(session);
}

void session_notify(void *server, struct MHD_Connection *connection, void **context,
                    enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        session_start(server, connection, context);
    else
        session_end(server, *context);
}

void session_enter(struct session *session, enum session_state state)
{
    if (state == SESSION_BODY)
        atomic_store(&session->body_bytes, 0);
    atomic_store(&session->since_s, atomic_load(&session->server->now_s));
    atomic_store(&session->state, state);
}

unsigned session_hold(struct session *session)
{
    atomic_store(&session->state, SESSION_BUSY);
    return atomic_load(&session->server->now_s);
}

void session_release(struct session *session, unsigned held_s)
{
    atomic_fetch_add(&session->since_s, atomic_load(&session->server->now_s) - held_s);
    atomic_store(&session->state, SESSION_BODY);
}

static bool is_too_slow(struct session *session)
{
    const struct http_server_options *options = &session->server->options;
    enum session_state state = (enum session_state)atomic_load(&session->state);
    unsigned age_s = atomic_load(&session->server->now_s) - atomic_load(&session->since_s);

    switch (state) {
    case SESSION_IDLE: /* libmicrohttpd ends it sooner unless bytes of a request line trickle in */
        return age_s > options->idle_timeout_s + options->head_timeout_s;
    case SESSION_HEAD:
        return age_s > options->head_timeout_s;
    case SESSION_BODY:
        return age_s > options->idle_timeout_s &&
               atomic_load(&session->body_bytes) < (uint64_t)age_s * HTTP_BODY_BYTES_PER_S_MIN;
    case SESSION_BUSY:
    case SESSION_STREAMING:
        return false;
    }
    return false;
}

/* libmicrohttpd sees the closed socket and ends the exchange. Nothing of a reply was sent in these states, so ours is
 * not mixed with another. */
static void cut_off(struct session *session)
{
    static const char reply[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

    (void)send(session->fd, reply, sizeof(reply) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(session->fd, SHUT_RDWR);
}

/* The client has closed its side: a half-closed client counts as gone, as it does for libmicrohttpd while it reads. */
static bool has_left(const struct session *session)
{
    struct pollfd end = {.fd = session->fd, .events = POLLRDHUP};

    return poll(&end, 1, 0) == 1;
}

/* Whether the client closed its side before its body was complete. libmicrohttpd does not notice when the end came
 * together with the last bytes (its epoll is edge-triggered, and a short read counts as having read everything), so the
 * connection, and an upload that its request holds, would stay until they time out. Seen twice in a row, lest the last
 * bytes are just being handled. */
static bool has_left_body(struct session *session)
{
    uint64_t bytes = atomic_load(&session->body_bytes);
    int pending = 0;
    bool left = atomic_load(&session->state) == SESSION_BODY && has_left(session) &&
                ioctl(session->fd, FIONREAD, &pending) == 0 && pending == 0;
    bool again = left && session->left && session->left_bytes == bytes;

    session->left = left;
    session->left_bytes = bytes;
    return again;
}

/* Under server->lock, so no session ends and no socket closes meanwhile. */
static void look_at_all(struct http_server *server)
{
    list_each(link, after, &server->sessions)
    {
        struct session *session = list_item(link, struct session, link);

        if (is_too_slow(session))
            cut_off(session);
        if (has_left_body(session))
            (void)shutdown(session->fd, SHUT_RDWR);
        if (atomic_load(&session->state) == SESSION_STREAMING && session->exchange != NULL && has_left(session))
            exchange_cut(session->exchange);
    }
}

static void *watch(void *context)
{
    struct http_server *server = context;
    int64_t next_ms = clock_monotonic_ms();

    (void)pthread_mutex_lock(&server->lock);
    while (!server->watch_ends) {
        next_ms += 1000;
        while (!server->watch_ends && condition_wait(&server->changed, &server->lock, next_ms))
            ;
        atomic_fetch_add(&server->now_s, 1);
        look_at_all(server);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}

bool session_watch_start(struct http_server *server, struct fail *f)
{
    pthread_attr_t attributes;
    int error;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, WATCH_STACK_BYTES);
    error = pthread_create(&server->watch, &attributes, watch, server);
    (void)pthread_attr_destroy(&attributes);
    if (error != 0)
        return fail(f, FAIL_SYSTEM, "start a thread: %s", strerror(error));
    return true;
}

void session_watch_stop(struct http_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->watch_ends = true;
    (void)pthread_cond_broadcast(&server->changed);
    (void)pthread_mutex_unlock(&server->lock);
    (void)pthread_join(server->watch, NULL);
}
