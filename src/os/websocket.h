/* WebSockets (RFC 6455), both sides, on one thread: wslay for the frames, libuv for the waiting.
 *
 * Life of a connection:
 *   1 websocket_serve (from an HTTP exchange) or websocket_connect; it has an id from here on
 *   2 opened    first of its callbacks
 *   3 message   whole messages; pings are answered and sent underneath
 *   4 closed    last of its callbacks; its id is never used again
 *
 * Callbacks come one after the other on the thread of the struct websockets; they must not block and may call
 * websocket_send and websocket_close. Ids instead of pointers: whoever sends to a connection that has just closed is
 * told false and nothing else happens. */
#pragma once

#include "base/fail.h"
#include "os/http_server.h"

struct websockets;

struct websocket_options {
    void *context;
    void (*opened)(void *context, uint64_t id); /* may be NULL, as all three */
    void (*message)(void *context, uint64_t id, bool text, struct str bytes);
    /* code: the status that the peer or we gave (RFC 6455, section 7.4), 1006 when the connection broke without. */
    void (*closed)(void *context, uint64_t id, uint16_t code, struct str reason);
    size_t message_bytes_max; /* of one from the peer, larger ones close with 1009; 0: 64 MiB */
    size_t queue_bytes_max;   /* waiting to be sent, more closes with 1008; 0: 64 MiB */
    unsigned ping_ms;         /* a ping every so often; 0: 30 s */
    unsigned silence_ms;      /* without a byte from the peer, not even a pong, closes with 1006; 0: three pings */
};

checked bool websockets_start(struct websockets **ret_sockets, struct fail *f);
/* Closes all with 1001 (no farewell is waited for), tells each, and frees. Not from a callback; nobody may call the
 * functions below any more. */
void websockets_stop(struct websockets *sockets);

/* Answers an upgrade request, in `complete` of its exchange: 101 and the connection goes over to `sockets`, or 400 and
 * 426 when it is no proper one. protocol: the Sec-WebSocket-Protocol to agree to, absent: none. When the client leaves
 * first, no callback ever comes: options->context must not be owned by the connection before `opened`. */
void websocket_serve(struct websockets *sockets, struct http_exchange *exchange, struct str protocol,
                     const struct websocket_options *options);

struct websocket_target {
    const char *url; /* ws://host:port/path?query or wss://... */
    const struct http_header *headers;
    size_t header_count;
    unsigned timeout_ms; /* of connection and handshake together; 0: 10 s */
    const char *ca_file; /* as in http_client.h */
    bool insecure;
};

/* Connects and shakes hands; blocks, so not on a callback's thread. Failures name the host, not the path: FAIL_DENIED
 * when the server answers with another status than 101 (the message has it), FAIL_LIMIT after timeout_ms. */
checked bool websocket_connect(struct websockets *sockets, const struct websocket_target *target,
                               const struct websocket_options *options, uint64_t *ret_id, struct fail *f);

/* Queues a copy of a message, from any thread. false: the connection is closed, or is now, since its queue is full. */
bool websocket_send(struct websockets *sockets, uint64_t id, bool text, struct str bytes);
/* Sends what is queued, then says goodbye and waits a few seconds for the peer's answer. From any thread; a closed id
 * is fine. reason: at most 123 bytes of UTF-8. */
void websocket_close(struct websockets *sockets, uint64_t id, uint16_t code, struct str reason);
