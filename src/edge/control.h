/* /_berth/...: what operators and test suites ask of the installation itself.
 *
 *   GET  /_berth/health             that it answers
 *   GET  /_berth/metrics            Prometheus' text format
 *   GET  /_berth/status             for `berth status`
 *   POST /_berth/reset              back to the first state
 *   GET  /_berth/accounts           for `berth account list` and `berth env --account`
 *   POST /_berth/accounts?id=ID     for `berth account create`
 *   GET  /_berth/explain            for `berth explain`
 *   GET  /_berth/events?follow=1    events of the bus, for `berth events` (edge/event_feed.h)
 *   POST /_berth/collect?grace=S    garbage collection of the registry now, sparing what is younger than S seconds
 *
 * Those that change something are for whoever holds the control token or signs as a root of the default account, and
 * for everybody with --auth=open. */
#pragma once

#include "edge/front.h"

/* The whole request is there. Server thread. */
void control_complete(struct front *front, struct http_exchange *exchange);
/* Its answer is out, or nobody wants it any more. */
void control_ended(struct front *front, struct http_exchange *exchange);
