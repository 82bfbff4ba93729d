/* The broker of data channels: pairs the two ends of a session, a client and the agent's side on a host, and carries
 * messages from one to the other as they are. Each end comes as a websocket and shows its token in its first message
 * (OpenDataChannelInput); a token opens one channel, once, and is kept as its hash only.
 *
 * Life of a session here:
 *   1 expected   its tokens are told (an effect of ExecuteCommand); both ends have SESSION_OPEN_MS to come
 *   2 paired     the agent is told that somebody listens (start_publication); messages go to and fro
 *   3 gone       one end left: the other one is told so (channel_closed) and let go
 *
 * Nothing is stored: a server that ends takes its sessions along. What an end does not take piles up to a limit
 * (websocket.h), then its channel is cut. */
#pragma once

#include "base/fail.h"
#include "os/http_server.h"

#define SESSION_OPEN_MS 30000
enum { SESSION_LINKS_MAX = 4096, SESSION_QUEUE_BYTES_MAX = 4 << 20 };

/* Where data channels are: "/v1/data-channel/SESSION". */
#define DATA_CHANNEL_PATH "/v1/data-channel/"

struct session_links;

checked bool session_links_start(struct session_links **ret_links, struct fail *f);
/* Closes all channels and ends the threads; the HTTP server has stopped before. NULL is fine. */
void session_links_stop(struct session_links *links);

/* A session will come; tokens: those of plane/ecs/execute_command.h. Core thread (an effect). */
void session_links_expect(struct session_links *links, struct str session_id, struct str tokens);
/* Serves DATA_CHANNEL_PATH. */
void session_links_complete(struct session_links *links, struct http_exchange *exchange);
