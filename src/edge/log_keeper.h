/* Keeps the events of log streams: lends the store to the logs domain (plane/logs/log_port.h) and does its housekeeping
 * on a thread of its own.
 *
 *   at start    events whose stream no longer exists are forgotten: the server died between a deletion's commit and
 *               its second half
 *   every minute, and when something was deleted or a retention setting changed:
 *               events past their group's retention are removed, and the space of deleted ones given back
 *
 * Readers never see an event past its retention: the domain bounds what it asks for. Losing the file loses the lines,
 * nothing else: the server starts with an empty one. */
#pragma once

#include "edge/loop.h"
#include "plane/logs/log_port.h"

struct log_keeper;

/* Opens DIR/logs.db or what the path is. The loop runs already, and no client is served yet. */
checked bool log_keeper_open(const char *path, struct loop *loop, struct log_keeper **ret_keeper, struct fail *f);
/* Ends the housekeeping, which uses the loop; the port goes on. */
void log_keeper_stop(struct log_keeper *keeper);
/* After the last call through the port. */
void log_keeper_close(struct log_keeper *keeper);

const struct log_port *log_keeper_port(const struct log_keeper *keeper);
/* Every event is gone. */
checked bool log_keeper_reset(struct log_keeper *keeper, struct fail *f);
