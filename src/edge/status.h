/* What `berth status` shows: hosts, clusters and the tasks that are not stopped, as one JSON text. */
#pragma once

#include "edge/loop.h"
#include "os/http_server.h"

/* Answers the exchange, from a job on the core thread. */
void status_reply(struct loop *loop, struct http_exchange *exchange);
