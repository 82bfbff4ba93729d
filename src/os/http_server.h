/* The HTTP server port: libmicrohttpd behind an interface that knows requests, bodies and replies, nothing of AWS.
 *
 * Life of an exchange:
 *   1 begin     headers are there; the handler decides how the body is taken (kept whole up to a limit, or streamed)
 *   2 data      streamed bodies only: each piece as it arrives; may block on the disk
 *   3 complete  the whole request is there; the handler replies now or later, from any thread, exactly once
 *   4 replying  the reply is there and about to go out; not when the client is gone by then. May be NULL
 *   5 ended     the reply is out, or the connection died: the handler frees what it hung on the exchange
 *
 * begin, data, complete and replying of one exchange come from one server thread, one after the other. Between complete
 * and the reply the exchange stays valid whatever the connection does, so a worker may always reply; ended comes after
 * it. Before complete, ended may come at any time; it comes once for every begin that was called, usually from that
 * server thread, and while a reply is owed at http_server_stop, from the thread that gives it.
 *
 * A request whose Expect: 100-continue asks for leave gets it once begin has accepted. After a refusal the rest of a
 * moderate body (64 MiB) is read and dropped before the reply goes out, so that clients which look only after sending
 * see it; a longer one is cut off. HEAD gets the headers of the reply only.
 *
 * The server answers itself: 400 (malformed), 408 (slow client), 413 (body over the
 * limit), 431 (headers too large), 503 (too many connections). */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "wire/protocol.h"

struct http_server;

struct http_exchange {
    struct arena *arena;         /* lives until `ended`; only touched by one thread at a time */
    struct wire_request request; /* path and query raw, as sent; headers in their order, repeated ones too;
                                    strs live until `ended`; body is set at `complete` for kept bodies */
    struct str peer_address;     /* "127.0.0.1" */
    bool tls;
    bool body_streamed; /* set in begin; false: keep the body */
    size_t body_limit;  /* set in begin; bytes, 0: no body at all; larger bodies get 413 (data sees no more) */
    void *user;         /* the handler's */
    int64_t begun_us;   /* when begin was called, on the monotonic clock */
    uint16_t status;    /* in `ended`: of the reply; 0 without one */
};

enum http_body_kind { HTTP_BODY_BYTES, HTTP_BODY_FILE, HTTP_BODY_STREAM };

struct http_reply {
    uint16_t status;
    const struct http_header *headers; /* Content-Length, Date and Connection are the server's */
    size_t header_count;
    enum http_body_kind kind;
    struct str bytes;      /* BYTES: copied unless `owned` is given */
    struct buf *owned;     /* BYTES instead of `bytes`: moved out of the caller's buf, which is left empty */
    int fd;                /* FILE: taken over and closed */
    uint64_t offset, size; /* FILE: the range that is sent */
    /* STREAM: called on a server thread with room for `size` bytes; returns how many were written, 0 for "none yet"
     * (call http_exchange_wake when there are), -1 at the end, -2 to break off so that the client notices. Not called
     * for HEAD, nor after the client has gone, which is noticed within about a second. */
    ssize_t (*read)(void *context, char *at, size_t size);
    void *context;
    int hop_limit; /* how many routers the connection's packets pass from now on (IP_TTL); 0: as before */
};

struct http_handler {
    void *context;
    /* Returns false after having replied itself, in begin (a refusal before the body is read). */
    bool (*begin)(void *context, struct http_exchange *exchange);
    bool (*data)(void *context, struct http_exchange *exchange, struct str bytes); /* false: replied, stop reading */
    void (*complete)(void *context, struct http_exchange *exchange);
    void (*replying)(void *context, struct http_exchange *exchange); /* what must be done before the client knows */
    void (*ended)(void *context, struct http_exchange *exchange);
};

struct http_server_options {
    const char *address; /* "127.0.0.1", "::1", "0.0.0.0", "::" (both families) */
    uint16_t port;       /* 0: any free one */
    int listening_fd;    /* > 0: a listening socket that is taken over, instead of address and port */
    unsigned threads;    /* >= 1 */
    unsigned connections_max;
    unsigned idle_timeout_s;         /* of a connection without progress, in any direction */
    unsigned head_timeout_s;         /* from the request line to the last header; 0: 10 */
    size_t header_bytes_max;         /* request line and headers; 0: 16 KiB */
    const char *tls_certificate_pem; /* NULL: plain HTTP */
    const char *tls_key_pem;
};

/* Listens and serves. Fails with FAIL_CONFLICT when the port is taken, naming it. The handler's context outlives the
 * server; options are copied but for the PEM texts, which are read here. */
checked bool http_server_start(const struct http_server_options *options, const struct http_handler *handler,
                               struct http_server **ret_server, struct fail *f);
uint16_t http_server_port(const struct http_server *server);
/* Stops accepting, waits up to grace_ms for exchanges under way, then cuts them off; frees the server. Replies still
 * owed may be given afterwards; they end their exchange and go nowhere. Upgraded sockets of a TLS server do not
 * outlive it. Not from a server thread. */
void http_server_stop(struct http_server *server, unsigned grace_ms);

/* Replies: once an exchange, from any thread. The exchange may end before this returns. */
void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply);
/* Tells the server that a STREAM body has more, from any thread, until `ended`: whoever wakes and the handler's `ended`
 * agree under a lock of theirs. */
void http_exchange_wake(struct http_exchange *exchange);

/* A connection that has left HTTP: owned by its holder. */
struct http_socket {
    int fd; /* non-blocking, close-on-exec; plain bytes also under TLS */
};
/* Closes it, from any thread. */
void http_socket_close(struct http_socket *socket);

/* Answers 101 and hands over the connection: `take` gets the socket and bytes that came behind the request head; it is
 * not called when the connection dies first. `ended` follows. Headers such as Upgrade and Sec-WebSocket-Accept are the
 * caller's (Upgrade is required). From any thread, instead of a reply. */
void http_exchange_upgrade(struct http_exchange *exchange, const struct http_header *headers, size_t header_count,
                           void (*take)(void *context, struct http_socket socket, struct str early), void *context);
