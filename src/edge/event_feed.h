/* The events of the bus as they happen, for those who watch: server-sent events (HTML standard, "Server-sent events")
 * at GET /_berth/events. Every event is one message, its JSON the data.
 *
 * The newest are kept in memory, bounded in number and bytes: without ?follow=1 a reader gets those and the end, with
 * it those and all that come. A reader that falls behind what is kept is cut off, so that it notices. */
#pragma once

#include "os/http_server.h"

struct event_feed;

struct event_feed *event_feed_new(void);
/* Ends all readers, and those to come after what is kept; before the HTTP server stops. */
void event_feed_end(struct event_feed *feed);
void event_feed_free(struct event_feed *feed); /* after the HTTP server */

/* From the core thread: an event that is durable, as JSON. */
void event_feed_add(struct event_feed *feed, struct str json);

/* Answers the exchange, which must be told of by event_feed_ended. Server thread. */
void event_feed_reply(struct event_feed *feed, struct http_exchange *exchange, bool follow);
void event_feed_ended(struct event_feed *feed, struct http_exchange *exchange);
