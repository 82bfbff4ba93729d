/* The sessions of a host: commands on terminals in its containers, each for a client at the other end of a data channel
 * (terminal_session.h) that goes through the server.
 *
 * Life of a session, all on a thread of its own:
 *   1 sessions_begin  the server has said so; the thread dials the server and shows the session's token
 *   2                 the client listens, hands are shaken, the command is started
 *   3                 bytes go to and fro, as fast as the slower side takes them
 *   4                 the command ends, or the client leaves, or nobody says anything for too long: the other one of
 *                     both is ended, the output is given to the log, and the thread ends
 *
 * A host that ends takes its sessions along: a terminal without somebody who looks at it is hung up. */
#pragma once

#include "base/fail.h"
#include "base/str.h"
#include "node/runtime/runtime.h"

enum { SESSIONS_MAX = 256, SESSION_INPUT_BYTES_MAX = 1 << 20 };
#define SESSION_LOG_BYTES_MAX ((uint64_t)64 << 20) /* of one session; what is more is not logged, and that is */

/* What is to be done. Copied. */
struct session_order {
    struct str session_id;
    struct str token; /* shows the server who dials */
    struct str task_id;
    struct str container_id; /* of the runtime */
    struct str command;
    struct str log_group; /* absent: the output is not logged */
    struct str region;
};

struct sessions_options {
    struct runtime *runtime;
    const char *server; /* "127.0.0.1:4566" */
    const char *spool;  /* a directory for what waits to be logged */
    void *context;
    /* The output of an ended session, from the begin of the file. May take its time. */
    void (*log)(void *context, const struct session_order *order, int fd);
};

struct sessions;

/* The options' strings outlive the sessions. */
checked bool sessions_start(const struct sessions_options *options, struct sessions **ret_sessions, struct fail *f);
/* Ends all sessions and waits for their threads. NULL is fine. */
void sessions_stop(struct sessions *sessions);
/* FAIL_LIMIT: there are too many. */
checked bool sessions_begin(struct sessions *sessions, const struct session_order *order, struct fail *f);
