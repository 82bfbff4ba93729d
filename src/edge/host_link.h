/* The server's end of the host links: who is connected, messages in as jobs, assignments out.
 *
 * A host that says hello takes the place of an older link of the same host. The record follows: host_connected and
 * host_disconnected are jobs, tried again until they are durable. */
#pragma once

#include "edge/loop.h"
#include "os/http_server.h"

struct host_links;

struct usage_keeper;
/* usages: what hosts tell of what their tasks use. */
struct host_links *host_links_new(struct str token, struct usage_keeper *usages);
/* Before the first request. */
void host_links_begin(struct host_links *links, struct loop *loop);
/* Shuts every link; the hosts come back and are told their whole assignment anew. */
void host_links_cut(struct host_links *links);
/* Shuts every link and waits until their threads are done; what they had to say still stands with the loop. */
void host_links_end(struct host_links *links);
/* When the loop has stopped. */
void host_links_free(struct host_links *links);

/* Serves /_berth/host: an upgrade that bears the token. */
void host_links_complete(struct host_links *links, struct http_exchange *exchange);

/* Sends a host what is no assignment and stands for itself, if it is connected. Core thread (an effect). */
void host_links_tell(struct host_links *links, struct str host_id, struct str bytes);

/* Sends an assignment to a host, if it is connected. One that is complete takes the place of those that are not under
 * way yet. Core thread (an effect). */
void host_links_send(struct host_links *links, struct str host_id, struct str bytes, bool complete);
