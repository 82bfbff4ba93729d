/* A blob of a registry as a stream that survives broken connections: it goes on where it was cut off (Range), a
 * limited number of times, with growing pauses, and compares size and digest at the end.
 *
 * Fails with IMAGE_MISMATCH when the bytes are others than promised, else as registry_open and fetch_read do. */
#pragma once

#include "node/image/digest.h"
#include "node/image/registry.h"
#include "node/image/stream.h"

struct blob {
    struct stream stream;
    struct registry_session *session;
    struct fetch_client *client;
    const struct image_limits *limits;
    const struct fetch_cancel *cancel;
    struct str digest;       /* promised */
    uint64_t size;           /* promised */
    struct digest sum;       /* of what came */
    uint64_t offset;         /* bytes given out */
    uint64_t attempt_offset; /* where the attempts since the last good progress began */
    unsigned attempts;       /* since then */
    struct fetch *fetch;     /* NULL: to be opened */
    bool verified;
};

/* Everything given stays the caller's and outlives the blob. */
void blob_begin(struct blob *blob, struct registry_session *session, struct fetch_client *client,
                const struct image_limits *limits, const struct fetch_cancel *cancel);
/* What to fetch, before the first read. */
void blob_expect(struct blob *blob, struct str digest, uint64_t size);
void blob_end(struct blob *blob);
