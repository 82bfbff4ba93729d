/* What a websocket's bytes go over: a socket that left our HTTP server, or a libcurl handle that connected (and speaks
 * TLS underneath for wss). Non-blocking. */
#pragma once

#include "base/buf.h"
#include "os/http_server.h"
#include "os/websocket.h"

#include <curl/curl.h>

struct channel {
    struct http_socket socket; /* server side; fd -1 otherwise */
    CURL *curl;                /* client side; NULL otherwise */
    struct buf early;          /* read before the frames began */
    struct buf unsent;         /* taken by channel_send, not yet by libcurl */
    size_t turn_bytes;         /* read in this turn of the loop */
};

/* The descriptor to poll. */
int channel_fd(const struct channel *channel);
/* As frames_options.receive and send have it. */
ssize_t channel_receive(struct channel *channel, char *at, size_t size);
ssize_t channel_send(struct channel *channel, struct str bytes, bool more);
/* Sends what is left of earlier bytes: 0 when nothing is left, else FRAMES_AGAIN or FRAMES_END. */
ssize_t channel_flush(struct channel *channel);
void channel_close(struct channel *channel);

/* Connects and shakes hands as a client; blocks. */
checked bool channel_connect(const struct websocket_target *target, struct channel *ret_channel, struct fail *f);
