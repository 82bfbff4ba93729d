/* One end of a data channel: a stream of messages each way, numbered from 0, each acknowledged by itself and sent again
 * until it is. Pure: time comes in, bytes go out through `send`. Both ends are made of it: the agent's
 * (terminal_session.h) and the client's (main/exec.c).
 *
 * What waits is bounded: at most CHANNEL_WINDOW messages that the other end has not acknowledged (whoever sends looks
 * with data_channel_has_room before) and CHANNEL_REORDER that came too early. What `take` has no room for is not
 * acknowledged, so it comes again.
 *
 * Source of the rules: session-manager-plugin, amazon-ssm-agent (when they acknowledge, how long they wait). */
#pragma once

#include "base/list.h"
#include "base/random.h"
#include "wire/channel_message.h"

enum {
    CHANNEL_WINDOW = 256,
    CHANNEL_REORDER = 64,
    CHANNEL_PIECE = 1024, /* bytes of a stream in one message, as both originals have it */
    CHANNEL_RESEND_MS_FIRST = 200,
    CHANNEL_RESEND_MS_MAX = 1000,
};

struct data_channel_options {
    enum channel_message_type sends, receives; /* CHANNEL_MESSAGE_OUTPUT and _INPUT, or the other way round */
    uint64_t seed;                             /* of message ids */
    int64_t epoch_ms;                          /* messages say now_ms and this as the time of day */
    void *context;
    void (*send)(void *context, struct str bytes);
    /* The next of the stream. false: there is no room for it now. */
    bool (*take)(void *context, uint32_t payload_type, struct str payload);
    /* The other end has closed the channel: the payload. */
    void (*closed)(void *context, struct str payload);
};

struct data_channel {
    struct data_channel_options options;
    struct random random;
    int64_t next_out, next_in; /* sequence numbers */
    struct list unheard;       /* struct outgoing, oldest first */
    size_t unheard_count;
    struct buf early[CHANNEL_REORDER]; /* whole messages by sequence number; empty: none */
    bool paused;                       /* nobody listens: what is sent waits */
    int64_t round_trip_ms, variation_ms, resend_ms;
};

void data_channel_init(struct data_channel *channel, const struct data_channel_options *options);
void data_channel_free(struct data_channel *channel);

/* One binary message of the other end; start_publication sends everything again that is not acknowledged. FAIL_INPUT:
 * it breaks the protocol, cut it off. */
checked bool data_channel_receive(struct data_channel *channel, struct str bytes, int64_t now_ms, struct fail *f);

bool data_channel_has_room(const struct data_channel *channel);
/* Adds to the stream; only when there is room. payload: at most CHANNEL_MESSAGE_PAYLOAD_MAX bytes, copied. */
void data_channel_send(struct data_channel *channel, enum channel_payload_type type, struct str payload,
                       int64_t now_ms);
/* A message beside the stream: channel_closed. */
void data_channel_say(struct data_channel *channel, enum channel_message_type type, struct str payload, int64_t now_ms);
/* Fills the header that data_channel_say will send, for payloads that repeat it. */
struct channel_message data_channel_header(struct data_channel *channel, enum channel_message_type type,
                                           int64_t now_ms);

/* Everything that was sent is acknowledged. */
bool data_channel_all_heard(const struct data_channel *channel);
/* Sends again what has waited too long. */
void data_channel_tick(struct data_channel *channel, int64_t now_ms);
/* When it wants a tick; WHEN_NEVER. */
int64_t data_channel_due_ms(const struct data_channel *channel);
