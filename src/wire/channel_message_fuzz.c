/* Fuzz target: messages of a data channel. What is read and has a known type is written again as the same bytes, but
 * for what fills up the type and the digest of an empty payload. */
#include "base/must.h"
#include "wire/channel_message.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    auto_buf again = {.ptr = NULL};
    struct channel_message message;
    struct fail f;

    if (!channel_message_read(bytes, &message, &f) || message.type == CHANNEL_MESSAGE_UNKNOWN)
        return 0;
    channel_message_write(&message, &again);
    must(again.len == size);
    must(memcmp(again.ptr + 36, data + 36, 44) == 0);
    must(message.payload.len == 0 || memcmp(again.ptr + 80, data + 80, size - 80) == 0);
    return 0;
}
