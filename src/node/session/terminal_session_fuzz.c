/* Fuzz target: whatever a client may send to an agent's session. Each step is a byte that chooses and, for messages, a
 * length and the payload; messages are well formed, since channel_message_fuzz.c looks at those that are not. */
#include "base/must.h"
#include "node/session/terminal_session.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct run {
    struct terminal_session session;
    size_t room;
};

static void nothing_sent(void *context, struct str bytes)
{
    (void)context;
    must(bytes.len >= CHANNEL_MESSAGE_PAYLOAD);
}

static void nothing(void *context)
{
    (void)context;
}

static bool input(void *context, struct str bytes)
{
    struct run *run = context;

    if (bytes.len > run->room)
        return false;
    run->room -= bytes.len;
    return true;
}

static void size_said(void *context, const struct session_size *size)
{
    (void)context;
    must(size->rows > 0);
    must(size->columns > 0);
}

/* From the data: type, payload type, sequence number, length, payload. */
static size_t receive(struct run *run, const unsigned char *data, size_t size, int64_t now_ms)
{
    struct channel_message message = {.schema_version = 1, .created_ms = 1};
    auto_buf bytes = {.ptr = NULL};
    struct fail f;
    size_t len;

    if (size < 4)
        return size;
    len = data[3] < size - 4 ? data[3] : size - 4;
    message.type = (enum channel_message_type)(data[0] % CHANNEL_MESSAGE_UNKNOWN);
    message.payload_type = data[1];
    message.sequence = (int64_t)(signed char)data[2];
    message.payload = (struct str){(const char *)data + 4, len};
    channel_message_write(&message, &bytes);
    (void)!terminal_session_receive(&run->session, buf_str(&bytes), now_ms, &f);
    return 4 + len;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct run run = {.room = 64};
    const struct terminal_session_options options = {.session_id = STR("s"),
                                                     .context = &run,
                                                     .send = nothing_sent,
                                                     .begin = nothing,
                                                     .input = input,
                                                     .size = size_said,
                                                     .terminate = nothing};
    int64_t now_ms = 0;
    size_t at = 0;

    terminal_session_init(&run.session, &options, now_ms);
    while (at < size) {
        unsigned char choice = data[at++];

        if (choice < 128)
            at += receive(&run, data + at, size - at, now_ms);
        else if (choice < 160)
            now_ms += (int64_t)(choice - 128) * 1000;
        else if (choice < 192 && terminal_session_room(&run.session) > 0)
            terminal_session_output(&run.session, STR("out"), now_ms);
        else if (choice == 200)
            terminal_session_exited(&run.session, 1, now_ms);
        else if (choice > 200)
            run.room = choice;
        terminal_session_tick(&run.session, now_ms);
        must(run.session.channel.unheard_count <= CHANNEL_WINDOW);
    }
    terminal_session_free(&run.session);
    return 0;
}
