/* Owns a wslay context and guards it where it would let a peer take memory without end: by answers to pings that the
 * peer never reads, and by messages of endlessly many empty fragments. */
#include "os/websocket_frames.h"

#include "os/entropy.h"

#include <wslay/wslay.h>

enum {
    FRAGMENTS_MAX = 16384, /* of one message: at least 4 KiB each on average for the largest ones */
    ANSWERS_MAX = 64,      /* queued pongs */
    CODE_NONE = 1005,
    CODE_BROKEN = 1006,
    CODE_POLICY = 1008,
};

struct frames {
    struct frames_options options;
    wslay_event_context_ptr wslay;
    size_t fragments; /* of the message that comes in */
    bool ended;       /* receive or send said FRAMES_END */
    const char *abuse;
    struct frames_end said; /* the peer's goodbye */
};

static ssize_t on_receive(wslay_event_context_ptr wslay, uint8_t *at, size_t size, int flags, void *context)
{
    struct frames *frames = context;
    ssize_t len = FRAMES_END;

    (void)flags;
    if (frames->abuse == NULL)
        len = frames->options.receive(frames->options.context, (char *)at, size);
    if (len > 0)
        return len;
    frames->ended = frames->ended || len == FRAMES_END;
    wslay_event_set_error(wslay, len == FRAMES_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *at, size_t len, int flags, void *context)
{
    struct frames *frames = context;
    ssize_t sent = frames->options.send(frames->options.context, (struct str){(const char *)at, len},
                                        (flags & WSLAY_MSG_MORE) != 0);

    if (sent > 0)
        return sent;
    frames->ended = frames->ended || sent == FRAMES_END;
    wslay_event_set_error(wslay, sent == FRAMES_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static int on_mask(wslay_event_context_ptr wslay, uint8_t *at, size_t len, void *context)
{
    (void)wslay;
    (void)context;
    entropy_fill(at, len);
    return 0;
}

static void on_frame(wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_start_arg *frame,
                     void *context)
{
    struct frames *frames = context;

    (void)wslay;
    if (!wslay_is_ctrl_frame(frame->opcode) && ++frames->fragments > FRAGMENTS_MAX)
        frames->abuse = "a message of too many fragments";
}

static void on_goodbye(struct frames *frames, const struct wslay_event_on_msg_recv_arg *message)
{
    size_t len = message->msg_length < 2 ? 0 : message->msg_length - 2;

    frames->said.code = message->status_code == 0 ? CODE_NONE : message->status_code;
    (void)snprintf(frames->said.reason, sizeof(frames->said.reason), "%.*s", (int)len, (const char *)message->msg + 2);
}

static void on_message(wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *message, void *context)
{
    struct frames *frames = context;
    struct str bytes = {message->msg == NULL ? "" : (const char *)message->msg, message->msg_length};

    if (message->opcode == WSLAY_CONNECTION_CLOSE) {
        on_goodbye(frames, message);
        return;
    }
    if (message->opcode == WSLAY_PING && wslay_event_get_queued_msg_count(wslay) > ANSWERS_MAX)
        frames->abuse = "pings whose answers are not read";
    if (wslay_is_ctrl_frame(message->opcode))
        return;
    frames->fragments = 0;
    frames->options.message(frames->options.context, message->opcode == WSLAY_TEXT_FRAME, bytes);
}

bool frames_open(const struct frames_options *options, struct frames **ret_frames, struct fail *f)
{
    const struct wslay_event_callbacks callbacks = {.recv_callback = on_receive,
                                                    .send_callback = on_send,
                                                    .genmask_callback = on_mask,
                                                    .on_frame_recv_start_callback = on_frame,
                                                    .on_msg_recv_callback = on_message};
    struct frames *frames = calloc(1, sizeof(*frames));
    int error = WSLAY_ERR_NOMEM;

    if (frames != NULL)
        error = options->client ? wslay_event_context_client_init(&frames->wslay, &callbacks, frames)
                                : wslay_event_context_server_init(&frames->wslay, &callbacks, frames);
    if (error != 0) {
        free(frames);
        return fail(f, FAIL_SYSTEM, "open a websocket: out of memory");
    }
    frames->options = *options;
    wslay_event_config_set_max_recv_msg_length(frames->wslay, options->message_bytes_max);
    *ret_frames = frames;
    return true;
}

void frames_free(struct frames *frames)
{
    if (frames == NULL)
        return;
    wslay_event_context_free(frames->wslay);
    free(frames);
}

static enum frames_state state_of(struct frames *frames, int error)
{
    bool goodbye_sent = wslay_event_get_close_sent(frames->wslay) != 0;
    bool reads = wslay_event_want_read(frames->wslay) != 0;

    if (goodbye_sent && !reads) /* answered, or told that it broke the rules */
        return FRAMES_CLOSED;
    return error != 0 || frames->ended || frames->abuse != NULL ? FRAMES_BROKEN : FRAMES_OPEN;
}

enum frames_state frames_receive(struct frames *frames)
{
    return state_of(frames, wslay_event_recv(frames->wslay));
}

enum frames_state frames_flush(struct frames *frames)
{
    return state_of(frames, wslay_event_send(frames->wslay));
}

bool frames_pending(const struct frames *frames)
{
    return wslay_event_want_write(frames->wslay) != 0;
}

bool frames_send(struct frames *frames, bool text, struct str bytes)
{
    const struct wslay_event_msg message = {text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, (const uint8_t *)bytes.ptr,
                                            bytes.len};

    return wslay_event_queue_msg(frames->wslay, &message) == 0;
}

bool frames_ping(struct frames *frames)
{
    const struct wslay_event_msg message = {WSLAY_PING, NULL, 0};

    return wslay_event_queue_msg(frames->wslay, &message) == 0;
}

bool frames_close(struct frames *frames, uint16_t code, struct str reason)
{
    return wslay_event_queue_close(frames->wslay, code, (const uint8_t *)reason.ptr, reason.len) == 0;
}

struct frames_end frames_end(const struct frames *frames)
{
    struct frames_end end = frames->said;

    if (frames->abuse != NULL) {
        end.code = CODE_POLICY;
        (void)snprintf(end.reason, sizeof(end.reason), "the peer sent %s", frames->abuse);
    } else if (end.code == 0 && !frames->ended && wslay_event_get_close_sent(frames->wslay)) {
        end.code = wslay_event_get_status_code_sent(frames->wslay);
        (void)snprintf(end.reason, sizeof(end.reason), "the peer broke the websocket protocol");
    } else if (end.code == 0) {
        end.code = CODE_BROKEN;
        (void)snprintf(end.reason, sizeof(end.reason), "the connection ended without a goodbye");
    }
    return end;
}
