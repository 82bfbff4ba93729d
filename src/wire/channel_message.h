/* Messages of the Session Manager's data channel, which the two ends of a session send each other as binary websocket
 * messages: a header of 116 bytes, the payload's length, the payload. All numbers are big-endian.
 *
 *      0  header length    4   116: where the payload's length stands
 *      4  message type    32   text, filled up with spaces
 *     36  schema version   4   1
 *     40  created date     8   milliseconds of the epoch
 *     48  sequence number  8
 *     56  flags            8
 *     64  message id      16   a UUID, its second half first
 *     80  payload digest  32   SHA-256
 *    112  payload type     4
 *    116  payload length   4
 *    120  payload
 *
 * Source: the public session-manager-plugin and amazon-ssm-agent (their descriptions of ClientMessage and
 * AgentMessage). Thread-safe. */
#pragma once

#include "base/buf.h"
#include "base/fail.h"

enum {
    CHANNEL_MESSAGE_HEADER = 116,
    CHANNEL_MESSAGE_PAYLOAD = 120,
    CHANNEL_MESSAGE_PAYLOAD_MAX = 64 << 10, /* both originals send at most 1024 bytes of a stream at once */
    CHANNEL_MESSAGE_MAX = CHANNEL_MESSAGE_PAYLOAD + CHANNEL_MESSAGE_PAYLOAD_MAX,
    CHANNEL_MESSAGE_UUID_TEXT = 36,
};

enum channel_message_type {
    CHANNEL_MESSAGE_INPUT,  /* input_stream_data: from the client */
    CHANNEL_MESSAGE_OUTPUT, /* output_stream_data: from the agent */
    CHANNEL_MESSAGE_ACKNOWLEDGE,
    CHANNEL_MESSAGE_CLOSED,  /* channel_closed */
    CHANNEL_MESSAGE_START,   /* start_publication: the other end listens */
    CHANNEL_MESSAGE_PAUSE,   /* pause_publication: it does not, for now */
    CHANNEL_MESSAGE_UNKNOWN, /* read only: whatever else; it is passed over */
};

enum channel_payload_type {
    CHANNEL_PAYLOAD_NONE = 0, /* of messages that are no stream's */
    CHANNEL_PAYLOAD_OUTPUT = 1,
    CHANNEL_PAYLOAD_ERROR = 2,
    CHANNEL_PAYLOAD_SIZE = 3,
    CHANNEL_PAYLOAD_PARAMETER = 4,
    CHANNEL_PAYLOAD_HANDSHAKE_REQUEST = 5,
    CHANNEL_PAYLOAD_HANDSHAKE_RESPONSE = 6,
    CHANNEL_PAYLOAD_HANDSHAKE_COMPLETE = 7,
    CHANNEL_PAYLOAD_FLAG = 10,
    CHANNEL_PAYLOAD_STDERR = 11,
    CHANNEL_PAYLOAD_EXIT_CODE = 12,
};

/* Payload of CHANNEL_PAYLOAD_FLAG: four bytes. */
enum { CHANNEL_FLAG_TERMINATE_SESSION = 2 };

struct channel_message {
    enum channel_message_type type;
    uint32_t schema_version;
    uint64_t created_ms;
    int64_t sequence;
    uint64_t flags; /* 1: the first of its stream */
    unsigned char id[16];
    uint32_t payload_type;
    struct str payload;
};

/* Appends the message; its payload is at most CHANNEL_MESSAGE_PAYLOAD_MAX bytes long. */
void channel_message_write(const struct channel_message *message, struct buf *out);

/* FAIL_INPUT for what is no such message: too short or too long, lengths that do not fit, a wrong digest. The payload
 * points into `bytes`. */
checked bool channel_message_read(struct str bytes, struct channel_message *ret_message, struct fail *f);

/* The id as UUIDs are written, NUL-terminated. */
void channel_message_id_text(const unsigned char id[16], char text[CHANNEL_MESSAGE_UUID_TEXT + 1]);
/* "input_stream_data" */
const char *channel_message_type_name(enum channel_message_type type);
