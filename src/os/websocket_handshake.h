/* The opening handshake of WebSockets, RFC 6455 section 4: pure functions over texts. */
#pragma once

#include "base/fail.h"
#include "wire/protocol.h"

enum { WEBSOCKET_KEY_BYTES = 25, WEBSOCKET_ACCEPT_BYTES = 29 }; /* base64 of 16 and 20 bytes, and NUL */

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key. */
void websocket_accept_key(struct str key, char accept[WEBSOCKET_ACCEPT_BYTES]);
/* A fresh Sec-WebSocket-Key. */
void websocket_new_key(char key[WEBSOCKET_KEY_BYTES]);

/* Server: checks an upgrade request and computes the answer's accept key. A failure is FAIL_INPUT. */
checked bool websocket_check_request(const struct wire_request *request, char accept[WEBSOCKET_ACCEPT_BYTES],
                                     struct fail *f);

/* Client: checks the head of the answer (status line and headers, with the empty line). FAIL_DENIED when the status is
 * not 101, FAIL_INPUT when it is no proper answer to our key. */
checked bool websocket_check_answer(struct str head, const char *key, struct fail *f);
