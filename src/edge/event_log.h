/* Writes what EventBridge has for log groups: plane/events asks by effect, a thread puts the line into the log store,
 * and a job says how it went. A line that the store has taken and the job was lost of is written once all the same,
 * unless another came in between. */
#pragma once

#include "edge/loop.h"
#include "plane/logs/log_port.h"

struct event_log;

struct event_log *event_log_new(void);
/* The loop that answers go to and the store; what was asked before is written now. */
void event_log_begin(struct event_log *log, struct loop *loop, const struct log_port *logs);
/* From the core thread: `delivery` is its key, `line` a stored struct event_log_line. What does not fit any more is
 * asked again. */
void event_log_ask(struct event_log *log, struct str delivery, struct str line);
/* Ends the thread; before the loop and the log store stop. */
void event_log_stop(struct event_log *log);
/* After the loop, which may ask until it has stopped. */
void event_log_free(struct event_log *log);
