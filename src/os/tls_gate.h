/* TLS in front of a plain server: accepts, speaks TLS with the client, and hands the server one end of a socket pair
 * on which the same bytes go in the clear. So all that the server does with a socket (sendfile, an upgrade that hands
 * it to somebody else) is the same under TLS.
 *
 * libmicrohttpd's own TLS is not used: 0.9.75 gives an upgraded connection what is left of the connection's memory as
 * its buffer, and since building the 101 takes all of it, that is always the emergency reserve, 4 bytes a direction.
 *
 * Life of a connection: 1 accepted, and handed over  2 bytes go both ways; the handshake is part of them  3 one side
 * ends: what it has sent is delivered, then the other is told  4 both ended, or one broke: both are closed. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <sys/socket.h>

struct tls_gate;

struct tls_gate_options {
    int fd;                      /* listens, non-blocking; the gate's on success */
    const char *certificate_pem; /* the server's, then those that lead to its root */
    const char *key_pem;
    /* Takes the plain end of a new connection, in any case; on the gate's thread. */
    void (*take)(void *context, int fd, const struct sockaddr *peer, socklen_t peer_len);
    void *context;
};

/* Fails with FAIL_INPUT when the certificate and the key are not a pair. */
checked bool tls_gate_start(const struct tls_gate_options *options, struct tls_gate **ret_gate, struct fail *f);
/* Accepts no more, and calls `take` no more once it returns; connections go on. */
void tls_gate_close(struct tls_gate *gate);
/* Waits up to grace_ms until what the server has sent is with the clients, then cuts off what is left; frees it. */
void tls_gate_stop(struct tls_gate *gate, unsigned grace_ms);
