/* The HTTP server port: libmicrohttpd behind an interface that knows requests, bodies and replies, nothing of AWS.
 *
 * Life of an exchange:
 *   1 begin     headers are there; the handler decides how the body is taken (kept whole up to a limit, or streamed)
 *   2 data      streamed bodies only: each piece as it arrives; may block on the disk
 *   3 complete  the whole request is there; the handler replies now or later, from any thread, exactly once
 *   4 ended     the reply is out, or the connection died (also before 3): the handler frees what it hung on the
 * exchange
 *
 * begin, data, complete and ended of one exchange come from one server thread, one after the other. HEAD gets the
 * headers of the reply only. The server answers itself: 400 (malformed), 408 (slow client), 413 (body over the limit),
 * 431 (headers too large), 503 (too many connections). */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "wire/protocol.h"

struct http_server;

struct http_exchange {
    struct arena *arena;         /* lives until `ended`; only touched by one thread at a time */
    struct wire_request request; /* strs in the arena; body is set at `complete` for kept bodies */
    struct str peer_address;     /* "127.0.0.1" */
    bool tls;
    bool body_streamed; /* set in begin; false: keep the body */
    size_t body_limit;  /* set in begin; bytes; larger bodies get 413 (data sees no more) */
    void *user;         /* the handler's */
};

enum http_body_kind { HTTP_BODY_BYTES, HTTP_BODY_FILE, HTTP_BODY_STREAM };

struct http_reply {
    uint16_t status;
    const struct http_header *headers; /* Content-Length and Connection are the server's */
    size_t header_count;
    enum http_body_kind kind;
    struct str bytes;      /* BYTES: copied unless `owned` is given */
    struct buf *owned;     /* BYTES instead of `bytes`: moved out of the caller's buf, which is left empty */
    int fd;                /* FILE: taken over and closed */
    uint64_t offset, size; /* FILE: the range that is sent */
    /* STREAM: called on a server thread with room for `size` bytes; returns how many were written, 0 for "none yet"
     * (call http_exchange_wake when there are), -1 at the end. */
    ssize_t (*read)(void *context, char *at, size_t size);
    void *context;
};

struct http_handler {
    void *context;
    /* Returns false after having replied itself (a refusal before the body is read). */
    bool (*begin)(void *context, struct http_exchange *exchange);
    bool (*data)(void *context, struct http_exchange *exchange, struct str bytes); /* false: replied, stop reading */
    void (*complete)(void *context, struct http_exchange *exchange);
    void (*ended)(void *context, struct http_exchange *exchange);
};

struct http_server_options {
    const char *address; /* "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;       /* 0: any free one */
    unsigned threads;
    unsigned connections_max;
    unsigned idle_timeout_s; /* of a connection without progress: slow clients are cut off */
    size_t header_bytes_max;
    const char *tls_certificate_pem; /* NULL: plain HTTP */
    const char *tls_key_pem;
};

/* Listens and serves. Fails with FAIL_CONFLICT when the port is taken, naming it. The handler outlives the server. */
checked bool http_server_start(const struct http_server_options *options, const struct http_handler *handler,
                               struct http_server **ret_server, struct fail *f);
uint16_t http_server_port(const struct http_server *server);
/* Stops accepting, waits up to grace_ms for exchanges under way, then cuts them off; frees the server. Not from a
 * server thread. */
void http_server_stop(struct http_server *server, unsigned grace_ms);

/* Replies: once an exchange, from any thread. */
void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply);
/* Tells the server that a STREAM body has more, from any thread, until `ended`. */
void http_exchange_wake(struct http_exchange *exchange);

/* Answers 101 and hands over the connection: `take` gets a connected socket (it owns and closes it) and bytes that came
 * behind the request head. Headers such as Sec-WebSocket-Accept are the caller's. From any thread, instead of a reply.
 */
void http_exchange_upgrade(struct http_exchange *exchange, const struct http_header *headers, size_t header_count,
                           void (*take)(void *context, int fd, struct str early), void *context);
