/* The sessions of ECS Exec on a machine: commands on terminals in the containers of its task engine, each for a client
 * at the other end of a data channel (terminal_session.h) that goes through the server.
 *
 * Life of a session, all on a thread of its own:
 *   1 sessions_begin  the server has said so; the thread dials the server and shows the session's token
 *   2                 the client listens, hands are shaken, the command is started
 *   3                 bytes go to and fro, as fast as the slower side takes them
 *   4                 the command ends, or the client leaves, or nobody says anything for too long: the other one of
 *                     both is ended, the output is given to the log, and the thread ends
 *
 * A host or agent that ends takes its sessions along: a terminal without somebody who looks at it is hung up. */
#pragma once

#include "base/fail.h"
#include "model/host.h"

enum { SESSIONS_MAX = 256, SESSION_INPUT_BYTES_MAX = 1 << 20 };
#define SESSION_LOG_BYTES_MAX ((uint64_t)64 << 20) /* of one session; what is more is not logged, and that is */

struct task_engine;
struct sessions;

/* Of the engine's containers; `server` is where it dials, "http://127.0.0.1:4566". Both outlive the sessions. */
checked bool sessions_start(struct task_engine *engine, const char *server, struct sessions **ret_sessions,
                            struct fail *f);
/* Ends all sessions and waits for their threads. NULL is fine. */
void sessions_stop(struct sessions *sessions);
/* A session that the server has told of; copied. Where there is no such container, or too many sessions, the log says
 * so, and the client hears of nobody. */
void sessions_begin(struct sessions *sessions, const struct host_session *order);
