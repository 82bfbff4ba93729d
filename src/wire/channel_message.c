#include "wire/channel_message.h"

#include "base/must.h"

#include <openssl/sha.h>
#include <stdio.h>

enum { TYPE_LEN = 32, ID_LEN = 16, DIGEST_LEN = 32, FILL = ' ' };

/* Where the members stand. */
enum {
    AT_TYPE = 4,
    AT_SCHEMA_VERSION = 36,
    AT_CREATED = 40,
    AT_SEQUENCE = 48,
    AT_FLAGS = 56,
    AT_ID = 64,
    AT_DIGEST = 80,
    AT_PAYLOAD_TYPE = 112,
};

static const char *const type_names[CHANNEL_MESSAGE_UNKNOWN] = {
    [CHANNEL_MESSAGE_INPUT] = "input_stream_data", [CHANNEL_MESSAGE_OUTPUT] = "output_stream_data",
    [CHANNEL_MESSAGE_ACKNOWLEDGE] = "acknowledge", [CHANNEL_MESSAGE_CLOSED] = "channel_closed",
    [CHANNEL_MESSAGE_START] = "start_publication", [CHANNEL_MESSAGE_PAUSE] = "pause_publication",
};

const char *channel_message_type_name(enum channel_message_type type)
{
    must(type < CHANNEL_MESSAGE_UNKNOWN);
    return type_names[type];
}

/* ---- writing ---- */

static void put_number(char *at, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(number >> 8 * (size - 1 - i));
}

/* The second half of the UUID comes first. */
static void swap_halves(const unsigned char from[ID_LEN], unsigned char to[ID_LEN])
{
    memcpy(to, from + ID_LEN / 2, ID_LEN / 2);
    memcpy(to + ID_LEN / 2, from, ID_LEN / 2);
}

void channel_message_write(const struct channel_message *message, struct buf *out)
{
    const char *name = channel_message_type_name(message->type);
    char header[CHANNEL_MESSAGE_PAYLOAD];

    must(message->payload.len <= CHANNEL_MESSAGE_PAYLOAD_MAX);
    put_number(header, CHANNEL_MESSAGE_HEADER, 4);
    memset(header + AT_TYPE, FILL, TYPE_LEN);
    memcpy(header + AT_TYPE, name, strlen(name));
    put_number(header + AT_SCHEMA_VERSION, message->schema_version, 4);
    put_number(header + AT_CREATED, message->created_ms, 8);
    put_number(header + AT_SEQUENCE, (uint64_t)message->sequence, 8);
    put_number(header + AT_FLAGS, message->flags, 8);
    swap_halves(message->id, (unsigned char *)header + AT_ID);
    (void)SHA256((const unsigned char *)message->payload.ptr, message->payload.len,
                 (unsigned char *)header + AT_DIGEST);
    put_number(header + AT_PAYLOAD_TYPE, message->payload_type, 4);
    put_number(header + CHANNEL_MESSAGE_HEADER, message->payload.len, 4);
    buf_add(out, (struct str){header, sizeof(header)});
    buf_add(out, message->payload);
}

/* ---- reading ---- */

static uint64_t get_number(const char *at, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number = number << 8 | (unsigned char)at[i];
    return number;
}

/* Filled up with spaces, or with NUL bytes as some have it. */
static enum channel_message_type get_type(const char *at)
{
    struct str text = {at, TYPE_LEN};

    while (text.len > 0 && (text.ptr[text.len - 1] == FILL || text.ptr[text.len - 1] == '\0'))
        text.len--;
    for (size_t i = 0; i < COUNT_OF(type_names); i++)
        if (str_is(text, type_names[i]))
            return (enum channel_message_type)i;
    return CHANNEL_MESSAGE_UNKNOWN;
}

static bool check_digest(struct str payload, const char *digest, struct fail *f)
{
    unsigned char is[DIGEST_LEN];

    (void)SHA256((const unsigned char *)payload.ptr, payload.len, is);
    return memcmp(is, digest, sizeof(is)) == 0 || fail(f, FAIL_INPUT, "the payload has another digest than it says");
}

bool channel_message_read(struct str bytes, struct channel_message *ret_message, struct fail *f)
{
    struct str payload;

    if (bytes.len < CHANNEL_MESSAGE_PAYLOAD || bytes.len > CHANNEL_MESSAGE_MAX)
        return fail(f, FAIL_INPUT, "a message of %zu bytes", bytes.len);
    if (get_number(bytes.ptr, 4) != CHANNEL_MESSAGE_HEADER)
        return fail(f, FAIL_INPUT, "a header of another length");
    payload = str_from(bytes, CHANNEL_MESSAGE_PAYLOAD);
    if (get_number(bytes.ptr + CHANNEL_MESSAGE_HEADER, 4) != payload.len)
        return fail(f, FAIL_INPUT, "the payload has another length than it says");
    if (payload.len > 0 && !check_digest(payload, bytes.ptr + AT_DIGEST, f))
        return false;
    *ret_message = (struct channel_message){
        .type = get_type(bytes.ptr + AT_TYPE),
        .schema_version = (uint32_t)get_number(bytes.ptr + AT_SCHEMA_VERSION, 4),
        .created_ms = get_number(bytes.ptr + AT_CREATED, 8),
        .sequence = (int64_t)get_number(bytes.ptr + AT_SEQUENCE, 8),
        .flags = get_number(bytes.ptr + AT_FLAGS, 8),
        .payload_type = (uint32_t)get_number(bytes.ptr + AT_PAYLOAD_TYPE, 4),
        .payload = payload,
    };
    swap_halves((const unsigned char *)bytes.ptr + AT_ID, ret_message->id);
    return true;
}

void channel_message_id_text(const unsigned char id[16], char text[CHANNEL_MESSAGE_UUID_TEXT + 1])
{
    size_t at = 0;

    for (size_t i = 0; i < ID_LEN; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        must(snprintf(text + at, 3, "%02x", id[i]) == 2);
        at += 2;
    }
    text[at] = '\0';
}
