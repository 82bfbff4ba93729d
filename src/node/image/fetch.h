/* HTTP GET with libcurl, the body read like a file: curl is driven only while the reader waits for bytes, so a slow
 * disk slows the sender and nothing piles up.
 *
 * A client keeps its connections between fetches and belongs to one thread, as do its fetches; close them first.
 * Redirects are followed, five at most, never from https to http, and the Authorization header does not go to another
 * host. Proxies of the environment are ignored. HTTP/1.1 only: with HTTP/2 curl may have to keep a whole window of
 * every stream in memory.
 *
 * Fails with IMAGE_UNREACHABLE (also when cut off midway), IMAGE_STOPPED, IMAGE_MALFORMED (an answer that is no
 * HTTP). An HTTP status is not a failure here. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "node/image/image_limits.h"

#include <stdatomic.h>

struct fetch_client;
struct fetch;

/* What makes a fetch give up: any of the flags that are not NULL being set, by any thread; seen within a quarter of a
 * second. */
struct fetch_cancel {
    const atomic_bool *flags[2];
};

bool fetch_cancelled(const struct fetch_cancel *cancel);
/* Waits; false when cancelled meanwhile. */
checked bool fetch_wait(const struct fetch_cancel *cancel, uint64_t wait_ms);

checked bool fetch_client_open(const struct image_limits *limits, struct fetch_client **ret_client, struct fail *f);
/* What ends the fetches from now on. */
void fetch_client_cancel(struct fetch_client *client, struct fetch_cancel cancel);
void fetch_client_close(struct fetch_client *client);

struct fetch_request {
    const char *url;
    const char *accept;        /* NULL: any */
    const char *authorization; /* value of the header, NULL: none; never shown in a failure */
    const char *ca_file;       /* PEM of authorities for https, NULL: the system's */
    uint64_t offset;           /* more than 0: asks for the bytes from there on */
};

struct fetch_answer {
    unsigned status;
    struct str content_type;   /* "" when absent, as below */
    struct str challenges;     /* values of WWW-Authenticate, one a line */
    struct str content_digest; /* Docker-Content-Digest */
    uint64_t offset;           /* of the first byte of the body: 0, or what Content-Range says */
};

/* Sends the request and waits for the headers of the last answer. */
checked bool fetch_open(struct fetch_client *client, const struct fetch_request *request, struct fetch **ret_fetch,
                        struct fail *f);
/* Lives as long as the fetch. */
const struct fetch_answer *fetch_answer(const struct fetch *fetch);
/* The next piece of the body, valid until the next call; an empty one at its end. */
checked bool fetch_read(struct fetch *fetch, struct str *ret_piece, struct fail *f);
/* The rest of the body, IMAGE_OVER_LIMIT when it is more than the limit of the buf. */
checked bool fetch_read_all(struct fetch *fetch, struct buf *body, struct fail *f);
void fetch_close(struct fetch *fetch);
