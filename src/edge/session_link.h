/* The broker of data channels: pairs the two ends of a session, a client and the agent's side on a host, and carries
 * messages from one to the other as they are. Each end comes as a websocket and shows its token in its first message
 * (OpenDataChannelInput); a token opens one channel, once, and is kept as its hash only.
 *
 * Life of a session here:
 *   1 expected   its tokens are told (an effect of ExecuteCommand); both ends have SESSION_OPEN_MS to come
 *   2 paired     the agent is told that somebody listens (start_publication); messages go to and fro
 *   3 paused     the client's connection broke: the agent is told so (pause_publication), and for SESSION_RESUME_MS
 *                ResumeSession gives a new token that leads back to 2
 *   4 gone       one end has said goodbye, the agent's is gone, or TerminateSession was called: the other end is told
 *                so (channel_closed) and let go
 *
 * Nothing is stored: a server that ends takes its sessions along. What an end does not take piles up to a limit
 * (websocket.h), then its channel is cut. */
#pragma once

#include "base/fail.h"
#include "os/http_server.h"
#include "plane/ssm/session.h"

#define SESSION_OPEN_MS 30000
/* session-manager-plugin has given up after half a minute (five tries, five seconds between them at most). On AWS such
 * a session stays until it has been idle for 20 minutes; here a command that nobody looks at ends sooner. */
#define SESSION_RESUME_MS 60000
enum { SESSION_LINKS_MAX = 4096, SESSION_QUEUE_BYTES_MAX = 4 << 20 };

/* Where data channels are: "/v1/data-channel/SESSION". */
#define DATA_CHANNEL_PATH "/v1/data-channel/"

struct session_links;

checked bool session_links_start(struct session_links **ret_links, struct fail *f);
/* Closes all channels and ends the threads; the HTTP server has stopped before. NULL is fine. */
void session_links_stop(struct session_links *links);

/* A session will come; its key and tokens: those of plane/ecs/execute_command.h. Core thread (an effect). */
void session_links_expect(struct session_links *links, struct str key, struct str tokens);
/* For ExecuteCommand, ResumeSession and TerminateSession. */
struct session_port session_links_port(struct session_links *links);
/* Serves DATA_CHANNEL_PATH. */
void session_links_complete(struct session_links *links, struct http_exchange *exchange);
