/* The server's end of the ECS agent protocol: two websockets an agent, upgraded from requests that are signed as API
 * calls are.
 *
 *   /acs/ws   what the agent is to do, and its acknowledgements
 *   /tcs/ws   telemetry: metrics, health; every message of the agent begins with a signature block of its own
 *
 * One session of a kind a container instance: a newer one takes the place of the older, which is closed with 1008, so
 * that two agents with one identity do not chase each other (agents come back at once after 1000 and 1001).
 *
 * What an agent says faster than the core takes it stands in line, up to 4096 messages and 16 MiB a session; then the
 * session ends with 1008. Its agent comes back after a pause of its own, and what was not heard it says again: reports
 * go another way (SubmitTaskStateChange), what was not acknowledged it is told again, and metrics of that minute are
 * fewer.
 *
 * Both are kept alive by heartbeats: agents leave a session that brings no message for a minute. An agent from which
 * not even a pong comes for 30 seconds is disconnected. */
#pragma once

#include "edge/authenticate.h"
#include "edge/loop.h"
#include "os/http_server.h"

struct agent_links;

struct usage_keeper;
/* usages: what agents tell of what their tasks use. */
struct agent_links *agent_links_new(struct usage_keeper *usages);
/* Before the first request. */
checked bool agent_links_begin(struct agent_links *links, struct loop *loop, const struct authenticator *authenticator,
                               const struct settings *settings, struct fail *f);
/* Closes every session with 1001; what agents had to say still stands with the loop. */
void agent_links_end(struct agent_links *links);
/* When the loop has stopped. */
void agent_links_free(struct agent_links *links);

bool agent_links_serves(struct str path);
void agent_links_complete(struct agent_links *links, struct http_exchange *exchange);

/* Sends a struct agent_to_agent to the agent of that container instance, if it has a session. Core thread (an effect).
 */
void agent_links_send(struct agent_links *links, struct str instance_arn, struct str bytes);
/* Ends its session. Core thread (an effect). */
void agent_links_close(struct agent_links *links, struct str instance_arn, struct str reason);
