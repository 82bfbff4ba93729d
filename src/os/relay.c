/* First: libuv's header uses a name that base/attributes.h defines. */
#include <uv.h>

#include "os/relay.h"

#include "base/must.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 64 << 10,
    BACKLOG = 128,
};

struct relay {
    uv_loop_t loop;
    uv_async_t stop;
    uv_tcp_t listener;
    struct sockaddr_storage target;
    pthread_t thread;
    unsigned connections;
};

/* One side of a carried connection: what is read here is written at the other side; while that is under way nothing
 * more is read. */
struct side {
    uv_tcp_t tcp;
    struct connection *connection;
    struct side *other;
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool ended; /* it sends no more */
    char piece[PIECE_BYTES];
};

struct connection {
    struct relay *relay;
    struct side client, server;
    uv_connect_t connect;
    int open_handles;
};

/* ---- ends ---- */

static void on_side_closed(uv_handle_t *handle)
{
    struct connection *connection = ((struct side *)handle->data)->connection;

    if (--connection->open_handles > 0)
        return;
    connection->relay->connections--;
    free(connection);
}

static void close_side(struct side *side)
{
    if (!uv_is_closing((uv_handle_t *)&side->tcp))
        uv_close((uv_handle_t *)&side->tcp, on_side_closed);
}

static void cut(struct connection *connection)
{
    close_side(&connection->client);
    close_side(&connection->server);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct side *side = request->data;

    if (status < 0 || (side->ended && side->other->ended))
        cut(side->connection);
}

/* ---- bytes ---- */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct side *side = handle->data;

    (void)suggested;
    *buf = uv_buf_init(side->piece, sizeof(side->piece));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf);

static void on_written(uv_write_t *request, int status)
{
    struct side *from = request->data;

    if (status < 0 || uv_read_start((uv_stream_t *)&from->tcp, on_room, on_read) != 0)
        cut(from->connection);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct side *side = stream->data;
    uv_stream_t *to = (uv_stream_t *)&side->other->tcp;
    uv_buf_t piece = uv_buf_init(buf->base, len > 0 ? (unsigned)len : 0);

    if (len == 0)
        return;
    if (len == UV_EOF) {
        side->ended = true;
        side->shutdown.data = side;
        if (uv_shutdown(&side->shutdown, to, on_shutdown) != 0)
            cut(side->connection);
        return;
    }
    (void)uv_read_stop(stream);
    side->write.data = side;
    if (len < 0 || uv_write(&side->write, to, &piece, 1, on_written) != 0)
        cut(side->connection);
}

/* ---- beginnings ---- */

static void on_connected(uv_connect_t *request, int status)
{
    struct connection *connection = request->data;

    if (status < 0 || uv_read_start((uv_stream_t *)&connection->client.tcp, on_room, on_read) != 0 ||
        uv_read_start((uv_stream_t *)&connection->server.tcp, on_room, on_read) != 0)
        cut(connection);
}

static void init_side(struct connection *connection, struct side *side, struct side *other)
{
    must(uv_tcp_init(&connection->relay->loop, &side->tcp) == 0);
    (void)uv_tcp_nodelay(&side->tcp, 1);
    side->tcp.data = side;
    side->connection = connection;
    side->other = other;
    connection->open_handles++;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct relay *relay = listener->data;
    struct connection *connection;

    if (status < 0)
        return;
    connection = calloc(1, sizeof(*connection));
    must(connection != NULL);
    connection->relay = relay;
    relay->connections++;
    init_side(connection, &connection->client, &connection->server);
    init_side(connection, &connection->server, &connection->client);
    connection->connect.data = connection;
    if (uv_accept(listener, (uv_stream_t *)&connection->client.tcp) != 0 ||
        relay->connections > RELAY_CONNECTIONS_MAX ||
        uv_tcp_connect(&connection->connect, &connection->server.tcp, (const struct sockaddr *)&relay->target,
                       on_connected) != 0)
        cut(connection);
}

/* ---- life ---- */

static void close_handle(uv_handle_t *handle, void *context)
{
    struct relay *relay = context;

    if (uv_is_closing(handle))
        return;
    if (handle == (uv_handle_t *)&relay->stop || handle == (uv_handle_t *)&relay->listener)
        uv_close(handle, NULL);
    else
        close_side(handle->data);
}

static void on_stop(uv_async_t *stop)
{
    uv_walk(stop->loop, close_handle, stop->data);
}

static void *relay_main(void *context)
{
    struct relay *relay = context;

    (void)uv_run(&relay->loop, UV_RUN_DEFAULT); /* until nothing is open */
    return NULL;
}

static bool look_up(const char *address, uint16_t port, struct sockaddr_storage *ret_target, struct fail *f)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    char service[8];
    int error;

    (void)snprintf(service, sizeof(service), "%u", port);
    error = getaddrinfo(address, service, &hints, &found);
    if (error != 0)
        return fail(f, FAIL_SYSTEM, "look up %s: %s", address, gai_strerror(error));
    memcpy(ret_target, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static bool listen_at(struct relay *relay, int fd, struct fail *f)
{
    int error = uv_tcp_open(&relay->listener, fd);

    if (error != 0)
        (void)close(fd);
    else
        error = uv_listen((uv_stream_t *)&relay->listener, BACKLOG, on_connection);
    return error == 0 || fail(f, FAIL_SYSTEM, "listen: %s", uv_strerror(error));
}

bool relay_start(int listening_fd, const char *address, uint16_t port, struct relay **ret_relay, struct fail *f)
{
    struct relay *relay = calloc(1, sizeof(*relay));

    must(relay != NULL);
    must(uv_loop_init(&relay->loop) == 0);
    must(uv_async_init(&relay->loop, &relay->stop, on_stop) == 0);
    must(uv_tcp_init(&relay->loop, &relay->listener) == 0);
    relay->stop.data = relay;
    relay->listener.data = relay;
    if (listen_at(relay, listening_fd, f) && look_up(address, port, &relay->target, f)) {
        must(pthread_create(&relay->thread, NULL, relay_main, relay) == 0);
        *ret_relay = relay;
        return true;
    }
    on_stop(&relay->stop);
    (void)relay_main(relay);
    must(uv_loop_close(&relay->loop) == 0);
    free(relay);
    return false;
}

void relay_stop(struct relay *relay)
{
    if (relay == NULL)
        return;
    (void)uv_async_send(&relay->stop);
    (void)pthread_join(relay->thread, NULL);
    must(uv_loop_close(&relay->loop) == 0);
    free(relay);
}
