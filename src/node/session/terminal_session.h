/* The agent's side of one session: what it says and when, as a state machine over a data channel. Pure: no process,
 * terminal, socket or clock; the holder (sessions.c) carries out what the callbacks say and tells what the command
 * does.
 *
 * Life:
 *   1 WAITING   the handshake request waits for a client to listen (start_publication), at most SESSION_WAIT_MS
 *   2 RUNNING   the client has answered: `begin` was called; input goes in, output out
 *   3 ENDING    the command has ended, or never began: what it wrote last is being acknowledged
 *   4 CLOSED    channel_closed is said; the holder lets go of it
 *
 * A session without a byte from either side for SESSION_IDLE_MS ends (Systems Manager user guide, "Specify an idle
 * session timeout value": 20 minutes unless told otherwise, and Amazon ECS tells nothing else). */
#pragma once

#include "base/when.h"
#include "node/session/data_channel.h"
#include "wire/session_json.h"

#define SESSION_WAIT_MS     MINUTE_MS
#define SESSION_IDLE_MS     (20 * MINUTE_MS)
#define SESSION_FAREWELL_MS (10 * SECOND_MS) /* for the last acknowledgements */

enum terminal_session_state { SESSION_WAITING, SESSION_RUNNING, SESSION_ENDING, SESSION_CLOSED };

struct terminal_session_options {
    struct str session_id; /* outlives the session */
    uint64_t seed;
    int64_t epoch_ms; /* what the times that are told here are behind those of the calendar */
    void *context;
    void (*send)(void *context, struct str bytes);  /* a binary message for the client */
    void (*begin)(void *context);                   /* starts the command */
    bool (*input)(void *context, struct str bytes); /* for the terminal; false: no room now */
    void (*size)(void *context, const struct session_size *size);
    void (*terminate)(void *context); /* the command is not wanted any more; may be called again */
};

struct terminal_session {
    struct terminal_session_options options;
    struct data_channel channel;
    enum terminal_session_state state;
    int64_t begun_ms;  /* when it was made */
    int64_t active_ms; /* of the newest byte of either side */
    int64_t ended_ms;
    struct session_closed closed; /* what will be said at the end */
    char text[512];               /* its output */
};

void terminal_session_init(struct terminal_session *session, const struct terminal_session_options *options,
                           int64_t now_ms);
void terminal_session_free(struct terminal_session *session);

/* A binary message from the client. FAIL_INPUT: it breaks the protocol. */
checked bool terminal_session_receive(struct terminal_session *session, struct str bytes, int64_t now_ms,
                                      struct fail *f);

/* How many bytes of output can be taken now. */
size_t terminal_session_room(const struct terminal_session *session);
/* Output of the command, at most that much. */
void terminal_session_output(struct terminal_session *session, struct str bytes, int64_t now_ms);
/* The command has ended, and all its output was given. */
void terminal_session_exited(struct terminal_session *session, int exit_code, int64_t now_ms);
/* It ends for another reason, which the client is told; the first one counts. */
void terminal_session_fail(struct terminal_session *session, const char *why, int64_t now_ms);

/* Time passes: sends again, gives up. */
void terminal_session_tick(struct terminal_session *session, int64_t now_ms);
int64_t terminal_session_due_ms(const struct terminal_session *session);
