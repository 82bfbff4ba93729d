/* A source of bytes that is pulled piece by piece: a blob from the registry, what it decompresses to, a test's array.
 * Streams are stacked; the upper one pulls from the lower one, all in one thread. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

struct stream {
    /* Gives the next piece, never empty, valid until the next call; an empty one at the end. */
    bool (*read)(struct stream *stream, struct str *ret_piece, struct fail *f);
};

/* The struct that a stream is the member `stream` of. */
#define stream_owner(at, type) ((type *)(void *)((char *)(at)-offsetof(type, stream)))

static inline checked bool stream_read(struct stream *stream, struct str *ret_piece, struct fail *f)
{
    return stream->read(stream, ret_piece, f);
}

/* Reads what is left and throws it away. */
static inline checked bool stream_drain(struct stream *stream, struct fail *f)
{
    struct str piece;

    do {
        if (!stream_read(stream, &piece, f))
            return false;
    } while (piece.len > 0);
    return true;
}
