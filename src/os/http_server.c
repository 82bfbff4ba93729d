/* Owns the listening socket and libmicrohttpd's threads: start, stop, and the choice of their options. */
#include "os/http_internal.h"

#include "base/must.h"
#include "os/clock.h"
#include "os/condition.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum {
    THREAD_STACK_BYTES = 1 << 20, /* handlers parse JSON on it, which recurses 2048 levels deep in jansson */
    HEADER_BYTES_MAX_DEFAULT = 16 << 10,
    HEAD_TIMEOUT_S_DEFAULT = 10,
    /* Of each connection: half of it reads bodies (32 KiB a system call), the rest holds the parsed head and the head
     * of the reply. libmicrohttpd wipes it all between requests, so more costs time on small ones. */
    CONNECTION_BYTES_MIN = 64 << 10,
    CONNECTION_BYTES_BEHIND_HEAD = 48 << 10,
    CONNECTIONS_REFUSED_MAX = 64, /* over the limit, but still told so with 503 */
    BACKLOG = 1024,
    GATE_GRACE_MS = 1000, /* for replies that are out here, but not with their clients */
};

static bool bind_to(int fd, const struct http_server_options *options, const struct addrinfo *address, struct fail *f)
{
    const int on = 1;
    const int off = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
        return fail(f, errno == EADDRINUSE ? FAIL_CONFLICT : FAIL_SYSTEM, "listen on %s port %u: %s", options->address,
                    options->port, strerror(errno));
    return true;
}

static bool listen_on(const struct http_server_options *options, int *ret_fd, struct fail *f)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *address = NULL;
    char port[8];
    bool bound;
    int error;
    auto_fd fd = -1;

    (void)snprintf(port, sizeof(port), "%u", options->port);
    error = getaddrinfo(options->address, port, &hints, &address);
    if (error != 0)
        return fail(f, FAIL_INPUT, "listen on %s: %s", options->address, gai_strerror(error));
    fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bound = fd >= 0 ? bind_to(fd, options, address, f) : fail(f, FAIL_SYSTEM, "socket: %s", strerror(errno));
    freeaddrinfo(address);
    if (!bound)
        return false;
    *ret_fd = take_fd(&fd);
    return true;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);

    must(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): getsockname has set it */
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* The path stays as it was sent: signatures are computed over the raw bytes. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* What libmicrohttpd has to say concerns single clients' mistakes; it has a counter nowhere and is not for the log. */
static void say_nothing(void *context, const char *format, va_list args)
{
    (void)context;
    (void)format;
    (void)args;
}

/* fd -1: connections come through the gate. */
static struct MHD_Daemon *start_daemon(struct http_server *server, int fd)
{
    const struct http_server_options *options = &server->options;
    unsigned connections_each = options->connections_max + CONNECTIONS_REFUSED_MAX;
    size_t bytes_each = options->header_bytes_max + CONNECTION_BYTES_BEHIND_HEAD;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
                     MHD_USE_ERROR_LOG | (fd < 0 ? MHD_USE_NO_LISTEN_SOCKET : 0U);
    struct MHD_OptionItem listening[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    return MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_proceed, server, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
        MHD_OPTION_THREAD_POOL_SIZE, options->threads,
        /* libmicrohttpd divides the limit among its threads; clients do not spread evenly. session_start counts. */
        MHD_OPTION_CONNECTION_LIMIT, connections_each * options->threads, MHD_OPTION_CONNECTION_TIMEOUT,
        options->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        bytes_each < CONNECTION_BYTES_MIN ? (size_t)CONNECTION_BYTES_MIN : bytes_each, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)THREAD_STACK_BYTES, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK,
        exchange_at_request_line, server, MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, session_notify, server, fd < 0 ? MHD_OPTION_END : MHD_OPTION_ARRAY, listening,
        MHD_OPTION_END);
}

static struct http_server *server_new(const struct http_server_options *options, const struct http_handler *handler)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (server == NULL)
        return NULL;
    server->handler = *handler;
    server->options = *options;
    if (options->header_bytes_max == 0)
        server->options.header_bytes_max = HEADER_BYTES_MAX_DEFAULT;
    if (options->head_timeout_s == 0)
        server->options.head_timeout_s = HEAD_TIMEOUT_S_DEFAULT;
    list_init(&server->sessions);
    (void)pthread_mutex_init(&server->lock, NULL);
    condition_init(&server->changed);
    return server;
}

static void server_free(struct http_server *server)
{
    (void)pthread_cond_destroy(&server->changed);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

/* A connection that the gate has accepted; libmicrohttpd takes fd in any case. */
static void take_plain(void *context, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    struct http_server *server = context;

    (void)MHD_add_connection(server->daemon, fd, peer, peer_len);
}

/* Takes fd when it succeeds. */
static bool start_threads(struct http_server *server, int fd, struct fail *f)
{
    const struct http_server_options *options = &server->options;
    bool tls = options->tls_certificate_pem != NULL;
    const struct tls_gate_options gate = {.fd = fd,
                                          .certificate_pem = options->tls_certificate_pem,
                                          .key_pem = options->tls_key_pem,
                                          .take = take_plain,
                                          .context = server};

    server->daemon = start_daemon(server, tls ? -1 : fd);
    if (server->daemon == NULL)
        return fail(f, FAIL_SYSTEM, "start the HTTP server on port %u: its threads could not be set up", options->port);
    if (!tls || tls_gate_start(&gate, &server->gate, f))
        return true;
    MHD_stop_daemon(server->daemon);
    return false;
}

bool http_server_start(const struct http_server_options *options, const struct http_handler *handler,
                       struct http_server **ret_server, struct fail *f)
{
    struct http_server *server;
    auto_fd fd = -1;

    must(options->threads >= 1);
    if (options->listening_fd > 0)
        fd = options->listening_fd;
    else if (!listen_on(options, &fd, f))
        return false;
    server = server_new(options, handler);
    if (server == NULL)
        return fail(f, FAIL_SYSTEM, "start the HTTP server: out of memory");
    server->port = port_of(fd);
    if (!session_watch_start(server, f)) {
        server_free(server);
        return false;
    }
    if (!start_threads(server, fd, f)) {
        session_watch_stop(server);
        server_free(server);
        return false;
    }
    server->fd = take_fd(&fd);
    *ret_server = server;
    return true;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

/* Waits until nothing is under way, up to grace_ms; under server->lock. */
static void wait_for_exchanges(struct http_server *server, unsigned grace_ms)
{
    int64_t until_ms = clock_monotonic_ms() + grace_ms;

    while (server->exchange_count > 0 && condition_wait(&server->changed, &server->lock, until_ms))
        ;
}

/* Closes the listening socket under libmicrohttpd's feet: its number becomes something that is never ready, until
 * MHD_stop_daemon closes it. MHD_quiesce_daemon (0.9.75) is meant for this, but with a thread pool it races with the
 * threads' own handling of the socket and aborts; a mere shutdown(2) would keep them spinning on EPOLLHUP. */
static void stop_listening(struct http_server *server)
{
    auto_fd never_ready = eventfd(0, EFD_CLOEXEC);

    if (never_ready >= 0)
        (void)dup3(never_ready, server->fd, O_CLOEXEC);
}

void http_server_stop(struct http_server *server, unsigned grace_ms)
{
    atomic_store(&server->stopping, true);
    if (server->gate != NULL)
        tls_gate_close(server->gate);
    else
        stop_listening(server);
    (void)pthread_mutex_lock(&server->lock);
    wait_for_exchanges(server, grace_ms);
    server->cutting = true; /* libmicrohttpd must not be stopped with a connection suspended */
    list_each(link, after, &server->sessions)
    {
        struct session *session = list_item(link, struct session, link);

        if (session->exchange != NULL)
            exchange_cut(session->exchange);
    }
    (void)pthread_mutex_unlock(&server->lock);
    MHD_stop_daemon(server->daemon);
    if (server->gate != NULL)
        tls_gate_stop(server->gate, GATE_GRACE_MS);
    session_watch_stop(server);
    server_free(server);
}
