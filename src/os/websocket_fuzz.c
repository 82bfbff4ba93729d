/* What the other end of a websocket may send: first byte 'a' for the answer to a handshake, 's' for frames to a server,
 * else for frames to a client. Messages stay within their limit, and the end always comes, with a code. */
#include "base/must.h"
#include "os/websocket_frames.h"
#include "os/websocket_handshake.h"

#include <sys/types.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_BYTES_MAX = 4096, PIECE_BYTES = 61 };

static ssize_t give(void *context, char *at, size_t size)
{
    struct str *left = context;
    size_t len = left->len < PIECE_BYTES ? left->len : PIECE_BYTES;

    if (len > size)
        len = size;
    if (len == 0)
        return FRAMES_END;
    memcpy(at, left->ptr, len);
    *left = str_from(*left, len);
    return (ssize_t)len;
}

static ssize_t swallow(void *context, struct str bytes, bool more)
{
    (void)context;
    (void)more;
    return bytes.len == 0 ? FRAMES_AGAIN : (ssize_t)bytes.len;
}

static void take(void *context, bool text, struct str bytes)
{
    (void)context;
    (void)text;
    must(bytes.len <= MESSAGE_BYTES_MAX);
}

static void read_frames(struct str bytes, bool client)
{
    const struct frames_options options = {.client = client,
                                           .message_bytes_max = MESSAGE_BYTES_MAX,
                                           .context = &bytes,
                                           .receive = give,
                                           .send = swallow,
                                           .message = take};
    struct frames *frames;
    struct fail f;

    must(frames_open(&options, &frames, &f));
    if (frames_receive(frames) == FRAMES_OPEN)
        (void)frames_flush(frames);
    must(frames_end(frames).code >= 1000);
    frames_free(frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data + 1, size - 1};
    struct fail f;

    if (size == 0)
        return 0;
    if (data[0] == 'a')
        (void)!websocket_check_answer(bytes, "dGhlIHNhbXBsZSBub25jZQ==", &f);
    else
        read_frames(bytes, data[0] != 's');
    return 0;
}
