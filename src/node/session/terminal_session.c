#include "node/session/terminal_session.h"

#include "base/must.h"

#include <stdio.h>

/* ---- from the client ---- */

/* What the client may send when. */
static bool take(void *context, uint32_t payload_type, struct str payload)
{
    struct terminal_session *session = context;
    struct session_size size;
    struct fail f;

    if (session->state == SESSION_WAITING && payload_type == CHANNEL_PAYLOAD_HANDSHAKE_RESPONSE) {
        bool good = session_handshake_response_read(payload, &f);

        session->state = good ? SESSION_RUNNING : SESSION_ENDING;
        session->ended_ms = session->active_ms;
        if (good)
            session->options.begin(session->options.context);
        else
            (void)snprintf(session->text, sizeof(session->text), "%s", f.message);
        return true;
    }
    if (session->state != SESSION_RUNNING)
        return session->state != SESSION_WAITING; /* too late counts for nothing; too early comes again */
    if (payload_type == CHANNEL_PAYLOAD_OUTPUT)
        return session->options.input(session->options.context, payload);
    if (payload_type == CHANNEL_PAYLOAD_SIZE && session_size_read(payload, &size, &f))
        session->options.size(session->options.context, &size);
    if (payload_type == CHANNEL_PAYLOAD_FLAG && payload.len == 4 && payload.ptr[3] == CHANNEL_FLAG_TERMINATE_SESSION)
        session->options.terminate(session->options.context);
    return true;
}

/* Nobody listens any more. */
static void closed(void *context, struct str payload)
{
    struct terminal_session *session = context;

    (void)payload;
    session->options.terminate(session->options.context);
    session->state = SESSION_CLOSED;
}

static void send_out(void *context, struct str bytes)
{
    struct terminal_session *session = context;

    session->options.send(session->options.context, bytes);
}

void terminal_session_init(struct terminal_session *session, const struct terminal_session_options *options,
                           int64_t now_ms)
{
    const struct data_channel_options channel = {.sends = CHANNEL_MESSAGE_OUTPUT,
                                                 .receives = CHANNEL_MESSAGE_INPUT,
                                                 .seed = options->seed,
                                                 .epoch_ms = options->epoch_ms,
                                                 .context = session,
                                                 .send = send_out,
                                                 .take = take,
                                                 .closed = closed};
    auto_buf request = {.limit = SESSION_JSON_MAX};

    *session = (struct terminal_session){
        .options = *options, .begun_ms = now_ms, .active_ms = now_ms, .closed.session_id = options->session_id};
    data_channel_init(&session->channel, &channel);
    session->channel.paused = true;
    session_handshake_request_write(BERTH_VERSION, &request);
    data_channel_send(&session->channel, CHANNEL_PAYLOAD_HANDSHAKE_REQUEST, buf_str(&request), now_ms);
}

void terminal_session_free(struct terminal_session *session)
{
    data_channel_free(&session->channel);
}

bool terminal_session_receive(struct terminal_session *session, struct str bytes, int64_t now_ms, struct fail *f)
{
    enum terminal_session_state before = session->state;
    auto_buf complete = {.limit = SESSION_JSON_MAX};

    if (session->state == SESSION_CLOSED)
        return true;
    session->active_ms = now_ms;
    if (!data_channel_receive(&session->channel, bytes, now_ms, f))
        return false;
    if (before == SESSION_WAITING && session->state == SESSION_RUNNING) {
        session_handshake_complete_write(now_ms - session->begun_ms, &complete);
        data_channel_send(&session->channel, CHANNEL_PAYLOAD_HANDSHAKE_COMPLETE, buf_str(&complete), now_ms);
    }
    terminal_session_tick(session, now_ms);
    return true;
}

/* ---- from the command ---- */

size_t terminal_session_room(const struct terminal_session *session)
{
    return session->state == SESSION_RUNNING && data_channel_has_room(&session->channel) ? CHANNEL_PIECE : 0;
}

void terminal_session_output(struct terminal_session *session, struct str bytes, int64_t now_ms)
{
    must(bytes.len <= terminal_session_room(session));
    session->active_ms = now_ms;
    data_channel_send(&session->channel, CHANNEL_PAYLOAD_OUTPUT, bytes, now_ms);
}

static void end(struct terminal_session *session, int64_t now_ms)
{
    if (session->state < SESSION_ENDING) {
        session->state = SESSION_ENDING;
        session->ended_ms = now_ms;
    }
    terminal_session_tick(session, now_ms);
}

void terminal_session_exited(struct terminal_session *session, int exit_code, int64_t now_ms)
{
    if (session->state == SESSION_RUNNING) {
        session->closed.has_exit_code = true;
        session->closed.exit_code = exit_code;
    }
    end(session, now_ms);
}

void terminal_session_fail(struct terminal_session *session, const char *why, int64_t now_ms)
{
    if (session->state < SESSION_ENDING)
        (void)snprintf(session->text, sizeof(session->text), "%s", why);
    end(session, now_ms);
}

/* ---- time ---- */

static void say_closed(struct terminal_session *session, int64_t now_ms)
{
    struct channel_message header = data_channel_header(&session->channel, CHANNEL_MESSAGE_CLOSED, now_ms);
    auto_buf text = {.limit = SESSION_JSON_MAX};

    session->closed.output = str_of(session->text);
    session_closed_write(&session->closed, &header, &text);
    data_channel_say(&session->channel, CHANNEL_MESSAGE_CLOSED, buf_str(&text), now_ms);
    session->state = SESSION_CLOSED;
}

/* When its state ends by itself. */
static int64_t deadline_ms(const struct terminal_session *session)
{
    switch (session->state) {
    case SESSION_WAITING:
        return session->begun_ms + SESSION_WAIT_MS;
    case SESSION_RUNNING:
        return session->active_ms + SESSION_IDLE_MS;
    case SESSION_ENDING:
        return session->ended_ms + SESSION_FAREWELL_MS;
    case SESSION_CLOSED:
        return WHEN_NEVER;
    }
    must_not_happen("every state has a row");
}

void terminal_session_tick(struct terminal_session *session, int64_t now_ms)
{
    if (session->state == SESSION_CLOSED)
        return;
    data_channel_tick(&session->channel, now_ms);
    if (session->state == SESSION_WAITING && deadline_ms(session) <= now_ms) {
        terminal_session_fail(session, "No client has answered in time.", now_ms);
    } else if (session->state == SESSION_RUNNING && deadline_ms(session) <= now_ms) {
        session->options.terminate(session->options.context);
        terminal_session_fail(session, "Your session timed out due to inactivity.", now_ms);
    } else if (session->state == SESSION_ENDING &&
               (data_channel_all_heard(&session->channel) || deadline_ms(session) <= now_ms)) {
        say_closed(session, now_ms);
    }
}

int64_t terminal_session_due_ms(const struct terminal_session *session)
{
    int64_t resend_ms = data_channel_due_ms(&session->channel);
    int64_t deadline = deadline_ms(session);

    if (session->state == SESSION_CLOSED)
        return WHEN_NEVER;
    return resend_ms < deadline ? resend_ms : deadline;
}
