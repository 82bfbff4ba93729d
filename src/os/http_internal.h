/* What the files of the HTTP server share; nobody else includes it. Locks, in their order: http_server.lock, then
 * exchange.lock, then libmicrohttpd's own (MHD_suspend_connection, MHD_resume_connection). */
#pragma once

#include "base/list.h"
#include "os/http_server.h"
#include "os/tls_gate.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    HTTP_DRAIN_BYTES_MAX = 64 << 20, /* of a refused body that is still read, so that the client gets to the reply */
    HTTP_BODY_BYTES_PER_S_MIN = 1 << 10,
};

/* What a connection is doing, for the watch on slow clients. Written by the connection's server thread. */
enum session_state {
    SESSION_IDLE,      /* no request line yet */
    SESSION_HEAD,      /* a request line, not all headers */
    SESSION_BODY,      /* waiting for the body */
    SESSION_BUSY,      /* ours to move: a handler runs, or a reply goes out */
    SESSION_STREAMING, /* a STREAM reply that has nothing to send right now */
};

/* A connection. Life: 1 session_start (accepted)  2 any number of exchanges  3 session_end (before its socket closes).
 */
struct session {
    struct list link; /* http_server.sessions */
    struct http_server *server;
    int fd;                      /* libmicrohttpd's */
    struct exchange *exchange;   /* under http_server.lock; NULL between requests */
    _Atomic int state;           /* enum session_state */
    _Atomic unsigned since_s;    /* http_server.now_s when it got there */
    _Atomic uint64_t body_bytes; /* since it entered SESSION_BODY */
    bool over_limit;             /* one connection too many: its request gets 503 */
    bool left;                   /* the watch's: the client has left its body half sent, ... */
    uint64_t left_bytes;         /* ... after that many bytes */
    char peer[48];
};

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_handler handler;
    struct http_server_options options;
    struct tls_gate *gate; /* NULL: plain HTTP */
    int fd;                /* listens; libmicrohttpd's to close, or the gate's */
    uint16_t port;
    _Atomic unsigned now_s; /* seconds since the start, counted by the watch */
    _Atomic bool stopping;
    pthread_t watch;
    pthread_mutex_t lock; /* protects what follows, and session.exchange */
    pthread_cond_t changed;
    struct list sessions;
    size_t session_count;
    size_t exchange_count;
    bool cutting; /* what begins now is cut off at once */
    bool watch_ends;
};

enum exchange_phase {
    PHASE_HEAD,     /* before begin */
    PHASE_BODY,     /* begin accepted */
    PHASE_DRAIN,    /* refused, but the rest of the body is read first */
    PHASE_COMPLETE, /* handler.complete was called */
    PHASE_REPLYING, /* libmicrohttpd has the reply */
};

struct exchange {
    struct http_exchange shown; /* what handlers see */
    struct arena arena;
    struct http_handler handler; /* a copy: a late reply may come after the server is gone */
    struct http_server *server;
    struct session *session;
    struct MHD_Connection *connection;
    enum exchange_phase phase; /* of the server thread, as all up to `lock` */
    bool begun;                /* the handler knows it and will be told `ended` */
    bool upgraded;             /* handed over; only the memory is left */
    bool last;                 /* the connection closes after it */
    bool flushed;              /* STREAM: the head of the reply was pushed out */
    struct buf body;
    size_t body_bytes; /* taken so far */
    uint64_t drained_bytes;
    ssize_t (*read)(void *context, char *at, size_t size); /* STREAM */
    void *read_context;
    int hop_limit;                                                            /* of the reply */
    void (*take)(void *context, struct http_socket socket, struct str early); /* upgrade */
    void *take_context;

    pthread_mutex_t lock; /* protects what follows */
    bool replied;
    bool suspended;
    bool woken;    /* http_exchange_wake came while the stream was read */
    bool cut;      /* break it off: the client is gone, or the server stops */
    bool orphaned; /* the connection is gone before the reply: whoever replies ends the exchange */
    uint16_t status;
    struct MHD_Response *response; /* NULL after replied: the reply could not be made, cut the connection */
};

/* http_exchange.c: libmicrohttpd's callbacks of a request. */
void *exchange_at_request_line(void *context, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_proceed(void *server, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_size, void **context);
void exchange_completed(void *server, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode why);
void exchange_upgraded(void *context, struct MHD_Connection *connection, void *request_context, const char *early,
                       size_t early_len, MHD_socket fd, struct MHD_UpgradeResponseHandle *handle);
/* Breaks an exchange off, from any thread, under http_server.lock. */
void exchange_cut(struct exchange *exchange);

/* http_request.c: reads the head of a request into exchange->shown. Returns 0, or the status that refuses it and a
 * sentence that says why. */
void request_set_target(struct http_exchange *shown, struct str target);
uint16_t request_read_head(struct exchange *exchange, const char *method, const char *version, const char **ret_why);
/* Whether a body follows; its length, UINT64_MAX when it is chunked. */
uint64_t request_body_length(const struct wire_request *request);
/* Whether the client holds the body back until it is told to go on (Expect: 100-continue). */
bool request_waits_for_leave(const struct wire_request *request);

/* http_response.c: NULL when a header cannot be sent or memory is out. Takes reply->fd and reply->owned in any case. */
struct MHD_Response *response_make(struct exchange *exchange, const struct http_reply *reply);
struct MHD_Response *response_make_upgrade(struct exchange *exchange, const struct http_header *headers,
                                           size_t header_count);

/* http_session.c */
void session_notify(void *server, struct MHD_Connection *connection, void **context,
                    enum MHD_ConnectionNotificationCode what);
void session_enter(struct session *session, enum session_state state);
/* Around work of ours while a body comes in: that time is not the client's. release takes what hold returned. */
unsigned session_hold(struct session *session);
void session_release(struct session *session, unsigned held_s);
checked bool session_watch_start(struct http_server *server, struct fail *f);
void session_watch_stop(struct http_server *server);
