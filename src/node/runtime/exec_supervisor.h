/* The process that stands by a command in a running container: joins it, executes the command, tells how it ended. It
 * ends with the command, and kills it when the host does not want it any more; a command with a terminal takes with it
 * what else is of its session. */
#pragma once

#include "node/runtime/launch_channel.h"
#include "node/runtime/launcher_process.h"

/* In the forked process, to its end. */
void exec_supervise(struct launch_request *request, const struct process_title *title);
