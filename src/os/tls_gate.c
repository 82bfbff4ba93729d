/* One thread, one epoll: every connection is pumped until neither side moves. */
#include <openssl/err.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */

#include "os/tls_context.h"
#include "os/tls_gate.h"

#include "base/list.h"
#include "base/must.h"
#include "os/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum {
    BUFFER_BYTES = 16 << 10, /* a TLS record */
    ROUNDS_MAX = 64,         /* of one connection before the others get their turn */
    EVENTS_MAX = 64,
    STACK_BYTES = 256 << 10,
    UNANSWERED_MS_MAX = 30000, /* sent bytes that the client does not acknowledge */
};

struct gate_connection;

/* What epoll tells of. */
struct gate_end {
    struct gate_connection *connection; /* NULL: the listening socket, the wake */
    int fd;
    uint32_t events; /* waited for; 0: not registered */
};

/* Bytes on their way from one side to the other. */
struct gate_flow {
    char bytes[BUFFER_BYTES];
    size_t at, len;
    bool source_ended;
    bool sink_told; /* that the source has ended */
};

struct gate_connection {
    struct list link;
    struct tls_gate *gate;
    SSL *ssl;
    struct gate_end client, server;
    struct gate_flow in, out;
    uint32_t client_wants; /* what SSL said it waits for, beside what the flows want */
    bool broken;
};

struct tls_gate {
    struct tls_gate_options options;
    SSL_CTX *context;
    int epoll_fd;
    struct gate_end listening, wake;
    struct list connections;
    struct list over; /* to be freed when no event of this round can mean them any more */
    pthread_t thread;
    _Atomic bool closing;
    sem_t closed;               /* posted when nothing is accepted any more */
    _Atomic int64_t stop_at_ms; /* monotonic; 0: not stopping */
};

/* ---- events ---- */

static void watch(const struct tls_gate *gate, struct gate_end *end, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = end};
    int change = end->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (events == end->events)
        return;
    if (events == 0)
        change = EPOLL_CTL_DEL;
    must(epoll_ctl(gate->epoll_fd, change, end->fd, &event) == 0);
    end->events = events;
}

/* ---- one connection ---- */

/* What came of an SSL call that did not succeed: whether the connection still lives. */
static bool note_ssl(struct gate_connection *connection, int result, bool *ended)
{
    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        connection->client_wants |= EPOLLIN;
        return true;
    case SSL_ERROR_WANT_WRITE:
        connection->client_wants |= EPOLLOUT;
        return true;
    case SSL_ERROR_ZERO_RETURN:
        *ended = true;
        return true;
    default:
        ERR_clear_error();
        return false;
    }
}

/* Each of the four moves what it can and says whether it moved anything. */

static bool take_from_client(struct gate_connection *connection)
{
    struct gate_flow *in = &connection->in;
    size_t len = 0;
    int result;

    if (in->len > 0 || in->source_ended)
        return false;
    result = SSL_read_ex(connection->ssl, in->bytes, sizeof(in->bytes), &len);
    if (result != 1 && !note_ssl(connection, result, &in->source_ended))
        connection->broken = true;
    in->at = 0;
    in->len = len;
    return len > 0 || in->source_ended;
}

static bool give_to_client(struct gate_connection *connection)
{
    struct gate_flow *out = &connection->out;
    size_t len = 0;
    bool ended = false;
    int result;

    if (out->len == 0 && out->source_ended && !out->sink_told) {
        (void)SSL_shutdown(connection->ssl);
        (void)shutdown(connection->client.fd, SHUT_WR);
        ERR_clear_error();
        out->sink_told = true;
        return true;
    }
    if (out->len == 0)
        return false;
    result = SSL_write_ex(connection->ssl, out->bytes + out->at, out->len, &len);
    if (result != 1 && !note_ssl(connection, result, &ended))
        connection->broken = true;
    out->at += len;
    out->len -= len;
    return len > 0;
}

static bool take_from_server(struct gate_connection *connection)
{
    struct gate_flow *out = &connection->out;
    ssize_t len;

    if (out->len > 0 || out->source_ended)
        return false;
    len = recv(connection->server.fd, out->bytes, sizeof(out->bytes), 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    out->source_ended = len <= 0;
    out->at = 0;
    out->len = len > 0 ? (size_t)len : 0;
    return true;
}

static bool give_to_server(struct gate_connection *connection)
{
    struct gate_flow *in = &connection->in;
    ssize_t len;

    if (in->len == 0 && in->source_ended && !in->sink_told) {
        (void)shutdown(connection->server.fd, SHUT_WR);
        in->sink_told = true;
        return true;
    }
    if (in->len == 0)
        return false;
    len = send(connection->server.fd, in->bytes + in->at, in->len, MSG_NOSIGNAL);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (len < 0) { /* the server does not listen any more; what it has said is still delivered */
        in->len = 0;
        in->source_ended = true;
        in->sink_told = true;
        return true;
    }
    in->at += (size_t)len;
    in->len -= (size_t)len;
    return true;
}

/* The server's end is the end: HTTP has no use for a client's bytes behind it. */
static bool is_over(const struct gate_connection *connection)
{
    return connection->broken || connection->out.sink_told;
}

static void finish(struct gate_connection *connection)
{
    struct tls_gate *gate = connection->gate;

    watch(gate, &connection->client, 0);
    watch(gate, &connection->server, 0);
    list_remove(&connection->link);
    list_add_last(&gate->over, &connection->link);
}

static void pump(struct gate_connection *connection)
{
    const struct tls_gate *gate = connection->gate;
    uint32_t from_server = 0;
    bool moved = true;

    for (int i = 0; i < ROUNDS_MAX && moved && !is_over(connection); i++) {
        connection->client_wants = 0;
        moved = take_from_client(connection);
        moved = give_to_server(connection) || moved;
        moved = take_from_server(connection) || moved;
        moved = give_to_client(connection) || moved;
    }
    if (is_over(connection)) {
        finish(connection);
        return;
    }
    if (moved) /* what OpenSSL holds does not show in epoll: come back at once */
        connection->client_wants |= EPOLLOUT;
    if (connection->out.len == 0 && !connection->out.source_ended)
        from_server |= EPOLLIN;
    if (connection->in.len > 0)
        from_server |= EPOLLOUT;
    watch(gate, &connection->client, connection->client_wants);
    watch(gate, &connection->server, from_server);
}

static void connection_free(struct gate_connection *connection)
{
    SSL_free(connection->ssl);
    if (connection->client.fd >= 0)
        (void)close(connection->client.fd);
    if (connection->server.fd >= 0)
        (void)close(connection->server.fd);
    free(connection);
}

/* ---- accepting ---- */

/* Takes both descriptors in any case. */
static struct gate_connection *connection_new(struct tls_gate *gate, int fd, int server_fd)
{
    struct gate_connection *connection = calloc(1, sizeof(*connection));
    const int on = 1;
    const int unanswered_ms = UNANSWERED_MS_MAX;

    if (connection == NULL) {
        (void)close(fd);
        (void)close(server_fd);
        return NULL;
    }
    connection->gate = gate;
    connection->client = (struct gate_end){.connection = connection, .fd = fd};
    connection->server = (struct gate_end){.connection = connection, .fd = server_fd};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof(unanswered_ms));
    connection->ssl = SSL_new(gate->context);
    if (connection->ssl == NULL || SSL_set_fd(connection->ssl, fd) != 1) {
        connection_free(connection);
        return NULL;
    }
    SSL_set_accept_state(connection->ssl);
    list_add_last(&gate->connections, &connection->link);
    return connection;
}

/* False when there is nobody to accept. */
static bool accept_one(struct tls_gate *gate)
{
    struct sockaddr_storage peer = {0};
    socklen_t peer_len = sizeof(peer);
    int fd = accept4(gate->listening.fd, (struct sockaddr *)&peer, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct gate_connection *connection;
    int pair[2];

    if (fd < 0)
        return false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        (void)close(fd);
        return false;
    }
    connection = connection_new(gate, fd, pair[0]);
    if (connection == NULL) {
        (void)close(pair[1]);
        return true;
    }
    gate->options.take(gate->options.context, pair[1], (const struct sockaddr *)&peer, peer_len);
    pump(connection);
    return true;
}

static void accept_all(struct tls_gate *gate)
{
    while (accept_one(gate))
        ;
    /* Out of descriptors: wait until a connection has gone, rather than be told again and again. */
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        watch(gate, &gate->listening, 0);
}

/* ---- the thread ---- */

static void free_over(struct tls_gate *gate)
{
    if (list_empty(&gate->over))
        return;
    while (!list_empty(&gate->over))
        connection_free(list_item(list_take_first(&gate->over), struct gate_connection, link));
    if (gate->listening.fd >= 0)
        watch(gate, &gate->listening, EPOLLIN);
}

static void woken(struct tls_gate *gate)
{
    uint64_t count;

    (void)!read(gate->wake.fd, &count, sizeof(count));
    if (!atomic_load(&gate->closing) || gate->listening.fd < 0)
        return;
    watch(gate, &gate->listening, 0);
    (void)close(take_fd(&gate->listening.fd));
    (void)sem_post(&gate->closed);
}

static void handle(struct tls_gate *gate, struct gate_end *end)
{
    if (end == &gate->wake)
        woken(gate);
    else if (end == &gate->listening)
        accept_all(gate);
    else if (!is_over(end->connection))
        pump(end->connection);
}

/* How long to wait for events; -1: for ever. */
static int patience_ms(const struct tls_gate *gate)
{
    int64_t stop_at_ms = atomic_load(&gate->stop_at_ms);

    return stop_at_ms == 0 ? -1 : clock_left_ms(stop_at_ms);
}

static void *run(void *context)
{
    struct tls_gate *gate = context;
    int wait_ms = -1;

    while (wait_ms != 0 && (wait_ms < 0 || !list_empty(&gate->connections))) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(gate->epoll_fd, events, EVENTS_MAX, wait_ms);

        for (int i = 0; i < count; i++)
            handle(gate, events[i].data.ptr);
        free_over(gate);
        wait_ms = patience_ms(gate);
    }
    return NULL;
}

/* A client that has gone must not end us: OpenSSL writes without MSG_NOSIGNAL. */
static int start_thread(struct tls_gate *gate)
{
    pthread_attr_t attributes;
    sigset_t pipe_only;
    sigset_t before;
    int error;

    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = pthread_create(&gate->thread, &attributes, run, gate);
    (void)pthread_attr_destroy(&attributes);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* ---- for everybody ---- */

static void gate_free(struct tls_gate *gate)
{
    if (gate->epoll_fd >= 0)
        (void)close(gate->epoll_fd);
    if (gate->wake.fd >= 0)
        (void)close(gate->wake.fd);
    SSL_CTX_free(gate->context);
    (void)sem_destroy(&gate->closed);
    free(gate);
}

bool tls_gate_start(const struct tls_gate_options *options, struct tls_gate **ret_gate, struct fail *f)
{
    struct tls_gate *gate = calloc(1, sizeof(*gate));
    int error;

    if (gate == NULL)
        return fail(f, FAIL_SYSTEM, "start TLS: out of memory");
    gate->options = *options;
    gate->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    gate->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    gate->listening.fd = options->fd;
    list_init(&gate->connections);
    list_init(&gate->over);
    (void)sem_init(&gate->closed, 0, 0);
    if (gate->epoll_fd < 0 || gate->wake.fd < 0) {
        gate_free(gate);
        return fail(f, FAIL_SYSTEM, "start TLS: %s", strerror(errno));
    }
    if (!tls_context_new(options->certificate_pem, options->key_pem, &gate->context, f)) {
        gate_free(gate);
        return false;
    }
    watch(gate, &gate->wake, EPOLLIN);
    watch(gate, &gate->listening, EPOLLIN);
    error = start_thread(gate);
    if (error != 0) {
        gate_free(gate);
        return fail(f, FAIL_SYSTEM, "start a thread: %s", strerror(error));
    }
    *ret_gate = gate;
    return true;
}

static void wake(struct tls_gate *gate)
{
    const uint64_t one = 1;

    (void)!write(gate->wake.fd, &one, sizeof(one));
}

void tls_gate_close(struct tls_gate *gate)
{
    if (atomic_exchange(&gate->closing, true))
        return;
    wake(gate);
    while (sem_wait(&gate->closed) != 0 && errno == EINTR)
        ;
}

void tls_gate_stop(struct tls_gate *gate, unsigned grace_ms)
{
    tls_gate_close(gate);
    atomic_store(&gate->stop_at_ms, clock_monotonic_ms() + grace_ms);
    wake(gate);
    (void)pthread_join(gate->thread, NULL);
    while (!list_empty(&gate->connections))
        connection_free(list_item(list_take_first(&gate->connections), struct gate_connection, link));
    gate_free(gate);
}
