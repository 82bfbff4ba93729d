/* For tests of the registry at its interface: an HTTP exchange without a server. It stands in for os/http_server.h,
 * calling the handler as that does and keeping the reply. */
#pragma once

#include "edge/registry/registry.h"

enum { REPLY_HEADERS_MAX_KEPT = 16 };

struct kept_reply {
    unsigned status;
    struct http_header headers[REPLY_HEADERS_MAX_KEPT];
    size_t header_count;
    struct str body; /* what GET would have brought; NUL behind it */
    struct arena arena;
};

struct asked {
    const char *method;
    const char *target;     /* path and query */
    const char *headers[8]; /* "Name: value"; ends with NULL */
    struct str body;
    size_t piece_bytes; /* how the body arrives; 0: at once */
    bool cut;           /* the connection dies before complete */
};

/* Runs an exchange to its end. Free the reply with kept_reply_free. status 0: there was none, as after a cut. */
struct kept_reply exchange_run(struct registry *registry, const struct asked *asked);
void kept_reply_free(struct kept_reply *reply);
/* Absent without. */
struct str kept_reply_header(const struct kept_reply *reply, const char *name);
