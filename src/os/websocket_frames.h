/* WebSocket frames over anything that carries bytes: wslay behind the few calls that the connections need. No socket,
 * no thread, no time, so that a fuzzer can feed it. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

struct frames;

enum { FRAMES_AGAIN = -1, FRAMES_END = -2 };

struct frames_options {
    bool client; /* masks what it sends and expects unmasked frames */
    size_t message_bytes_max;
    void *context;
    /* Bytes from the peer: how many, FRAMES_AGAIN for "none now", FRAMES_END. */
    ssize_t (*receive)(void *context, char *at, size_t size);
    /* Bytes to the peer, with the same results. more: others follow at once. */
    ssize_t (*send)(void *context, struct str bytes, bool more);
    void (*message)(void *context, bool text, struct str bytes);
};

enum frames_state {
    FRAMES_OPEN,
    FRAMES_CLOSED, /* goodbyes are said, or the peer broke the rules and was told so: nothing is left to do */
    FRAMES_BROKEN, /* the bytes ended without a goodbye */
};

struct frames_end {
    uint16_t code; /* RFC 6455, section 7.4 */
    char reason[124];
};

checked bool frames_open(const struct frames_options *options, struct frames **ret_frames, struct fail *f);
void frames_free(struct frames *frames);

/* Reads until FRAMES_AGAIN, calling `message`. */
enum frames_state frames_receive(struct frames *frames);
/* Writes until FRAMES_AGAIN or nothing is left. */
enum frames_state frames_flush(struct frames *frames);
/* Whether something waits to be written. */
bool frames_pending(const struct frames *frames);

/* Queue one; false when memory is out or after a goodbye. */
bool frames_send(struct frames *frames, bool text, struct str bytes);
bool frames_ping(struct frames *frames);
bool frames_close(struct frames *frames, uint16_t code, struct str reason);

/* Why it ended, once the state is not FRAMES_OPEN. */
struct frames_end frames_end(const struct frames *frames);
