/* The JSON texts of a data channel (channel_message.h): what stands in payloads, and the text message that opens a
 * channel. Read leniently, as the originals do: members that are not known are passed over.
 *
 * Source: as channel_message.h. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "wire/channel_message.h"

enum { SESSION_JSON_MAX = 16 << 10 };

/* OpenDataChannelInput: the first message of either end, a text. The token is in the arena. */
checked bool session_open_read(struct str text, struct arena *arena, struct str *ret_token, struct fail *f);
void session_open_write(struct str token, const char *request_id, const char *client_id, struct buf *out);

/* AcknowledgeContent. */
checked bool session_acknowledge_read(struct str text, int64_t *ret_sequence, struct fail *f);
void session_acknowledge_write(const struct channel_message *message, struct buf *out);

/* SizeData: of a terminal. FAIL_INPUT also for one that no terminal can have. */
struct session_size {
    unsigned short rows, columns;
};
checked bool session_size_read(struct str text, struct session_size *ret_size, struct fail *f);
void session_size_write(const struct session_size *size, struct buf *out);

/* HandshakeRequest: asks for the session type InteractiveCommands, and nothing else. */
void session_handshake_request_write(const char *agent_version, struct buf *out);
/* Whether we can be the client of what is asked for. FAIL_INPUT, FAIL_CONFLICT. */
checked bool session_handshake_request_read(struct str text, struct fail *f);
void session_handshake_response_write(const char *client_version, struct buf *out);
/* Fails with FAIL_CONFLICT and the client's words when it could not do what was asked for. */
checked bool session_handshake_response_read(struct str text, struct fail *f);
void session_handshake_complete_write(int64_t took_ms, struct buf *out);

/* ChannelClosed. `exit_code` is our addition, for clients that want it; the original passes over it, and would print a
 * message of payload type ExitCode as if it were output. */
struct session_closed {
    struct str session_id;
    struct str output; /* why, for a person; empty: the command has ended */
    bool has_exit_code;
    int exit_code;
};
/* What stands before the text where the command could not be started, as amazon-ssm-agent writes it. */
#define SESSION_CLOSED_ERROR "\n----------ERROR-------\n"
checked bool session_closed_read(struct str text, struct arena *arena, struct session_closed *ret_closed,
                                 struct fail *f);
void session_closed_write(const struct session_closed *closed, const struct channel_message *message, struct buf *out);
