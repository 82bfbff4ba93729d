/* Sessions of Session Manager as far as ECS Exec has them: nobody's record, two ends of a data channel (edge/
 * session_link.h), found by account, region and id. */
#pragma once

#include "core/call.h"

enum { CHANNEL_TOKEN_LEN = 64 };

/* What ExecuteCommand, ResumeSession and TerminateSession ask of the broker of data channels, on a worker. */
struct session_port {
    void *context;
    /* Whether it has taken the session, which it was told of, and still has it. */
    bool (*has)(void *context, struct str session);
    /* Whether the session still goes on; then this token, and no other, lets its client in. */
    bool (*resume)(void *context, struct str session, struct str token);
    /* Ends it; one that is not there has ended. */
    void (*terminate)(void *context, struct str session);
};

/* The key that the port knows a session by. */
struct str session_key(struct arena *arena, struct str account, struct str region, struct str session_id);
/* That many random hexadecimal digits, at most CHANNEL_TOKEN_LEN. */
struct str session_digits(const struct call *call, size_t count);
/* Where its data channel is opened. */
struct str session_stream_url(const struct call *call, struct str session_id);
