/* For tests: a client on a bare socket, so that a test says every byte that is sent and sees every byte that comes.
 * What cannot be done fails the test (cmocka); nothing waits longer than CLIENT_WAIT_MS. */
#pragma once

#include "base/buf.h"

enum { CLIENT_WAIT_MS = 20000 };

/* A connected socket to 127.0.0.1; the caller closes it. */
int client_open(uint16_t port);
/* Whether anybody still listens there. */
bool client_can_connect(uint16_t port);
void client_send(int fd, struct str bytes);
/* Reads until `bytes` holds text; false when the connection ends first. */
bool client_read_until(int fd, struct buf *bytes, const char *text);
/* Reads to the end of the connection (a reset counts as one). */
void client_read_all(int fd, struct buf *bytes);

struct client_reply {
    unsigned status;
    struct str head; /* status line and headers, with the empty line; in `bytes` */
    struct str body; /* as framed by Content-Length; chunks are not decoded but stand as sent */
};
/* Reads one reply off *bytes, which keeps what came behind it when client_drop is called next. `has_body`: false for
 * answers to HEAD. Replies without Content-Length are read to the last chunk, or the end of the connection. */
struct client_reply client_reply(int fd, struct buf *bytes, bool has_body);
/* Removes a reply from the front of its bytes. */
void client_drop(struct buf *bytes, const struct client_reply *reply);
/* Sends a request and reads the reply. */
struct client_reply client_ask(int fd, struct buf *bytes, const char *request);
/* The value of a header in the head, absent without; names in any case. */
struct str client_header(const struct client_reply *reply, const char *name);
