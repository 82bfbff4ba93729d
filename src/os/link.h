/* A link: messages both ways over one connected socket, whole and in order, until one side closes. It carries the host
 * protocol; a message is four bytes of length (big-endian) and so many bytes.
 *
 * Life: link_start (a reader thread begins) -> message* -> closed, once -> link_free. */
#pragma once

#include "base/fail.h"
#include "base/str.h"
#include "os/http_server.h"

enum { LINK_MESSAGE_MAX = 64 << 20, LINK_SENT_TOGETHER_MAX = 32 };

struct link;

struct link_handler {
    void *context;
    /* A link that brings nothing for so long is closed: the other side is dead, frozen or cut off, and no packet says
     * so. 0: it may be silent for ever. */
    unsigned silence_ms_max;
    /* One message, valid during the call. On the link's own thread. */
    void (*message)(void *context, struct link *link, struct str bytes);
    /* The connection is gone, for whatever reason; the last call. On the link's own thread, which may call link_free.
     */
    void (*closed)(void *context, struct link *link);
};

/* Takes over the socket; `early` are bytes that came before. The handler is copied. */
struct link *link_start(struct http_socket socket, struct str early, const struct link_handler *handler, void *user);
void *link_user(const struct link *link);

/* Sends a message, from any thread; waits until the kernel has taken it. false: the link is closed, or the other side
 * has taken nothing for ten seconds (then it is closed). */
bool link_send(struct link *link, struct str bytes);
/* Several, up to LINK_SENT_TOGETHER_MAX, one behind the other: the other side wakes once for them, not once for each.
 */
bool link_send_all(struct link *link, const struct str *messages, size_t count);
/* Ends the connection; `closed` will be called. Any thread. */
void link_shut(struct link *link);
/* From `closed`, or any thread after it returned. No thread may be in link_send or link_send_all, nor enter it any
 * more: whoever sends holds a lock that `closed` takes, or is ended before. */
void link_free(struct link *link);

/* Connects to an HTTP server and upgrades: "GET path HTTP/1.1 ... Upgrade: berth-host" with a bearer token. Gives the
 * connected socket after the 101; fails with FAIL_SYSTEM, or FAIL_DENIED with what the server answered. Blocks for at
 * most five seconds. */
checked bool link_dial(const char *host, unsigned short port, const char *path, const char *token, int *ret_fd,
                       struct fail *f);
