/* The HTTP client port: libcurl behind one blocking call.
 *
 * A struct http_client keeps connections open for the next call; one thread uses it at a time. Whoever fetches in
 * parallel has several. Proxies named by the environment are ignored, so are .netrc and cookies: what is sent is what
 * the request says. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "wire/protocol.h"

#include <stdatomic.h>

struct http_client;

struct http_client_request {
    const char *method; /* "GET" ...; NULL: "GET" */
    const char *url;    /* http:// or https:// */
    const struct http_header *headers;
    size_t header_count;

    struct str body; /* absent: none */
    /* Instead of `body`: called with room for `size` bytes; returns how many were written, 0 at the end, -1 to break
     * off. source_size bytes in all; such a body cannot be sent twice, so a redirect of it fails. */
    ssize_t (*source)(void *context, char *at, size_t size);
    void *source_context;
    uint64_t source_size;

    /* Where the body of a 2xx reply goes, piece by piece; false breaks off. NULL: it is kept in reply.body, as all
     * other replies' bodies are in any case. */
    bool (*sink)(void *context, struct str bytes);
    void *sink_context;
    size_t body_limit; /* of a kept body, bytes; 0: HTTP_CLIENT_BODY_BYTES_MAX */

    bool follow_redirects;       /* up to 10; Authorization is not sent to another host, port or scheme */
    unsigned connect_timeout_ms; /* 0: 10 s */
    unsigned stall_timeout_ms;   /* without a byte in either direction, by the second; 0: 60 s */
    unsigned total_timeout_ms;   /* 0: none */
    const char *ca_file;         /* PEM; trusted instead of the system's certificates; NULL: those */
    bool insecure;               /* any certificate will do: for hosts that an operator has named so */
    const _Atomic bool *cancel;  /* breaks off within about a second once true; may be NULL */
};

enum { HTTP_CLIENT_BODY_BYTES_MAX = 4 << 20, HTTP_CLIENT_HEADER_BYTES_MAX = 128 << 10 };

struct http_client_reply {
    uint16_t status;
    struct http_header *headers; /* of the last reply of a chain of redirects; in `arena` */
    size_t header_count;
    struct buf body;
    struct arena arena;
};

/* The value of the first header of that name in any case; absent without. */
struct str http_client_header(const struct http_client_reply *reply, const char *name);
void http_client_reply_free(struct http_client_reply *reply);
#define auto_client_reply __attribute__((cleanup(http_client_reply_free))) struct http_client_reply

checked bool http_client_new(struct http_client **ret_client, struct fail *f);
void http_client_free(struct http_client *client); /* NULL is allowed */

/* Sends and waits for the reply, whatever its status: true when there was one. The reply is the caller's to free; a
 * zeroed struct http_client_reply is an empty one. Failures name the URL's host, never its path or query, which may
 * hold secrets: FAIL_SYSTEM with curl's reason; FAIL_LIMIT for a timeout or a body or headers over their limit;
 * FAIL_INPUT for a URL or header that cannot be sent; FAIL_CONFLICT when source, sink or cancel broke it off. */
checked bool http_fetch(struct http_client *client, const struct http_client_request *request,
                        struct http_client_reply *ret_reply, struct fail *f);
