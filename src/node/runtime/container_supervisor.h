/* The process that stands by a container as long as it lives: starts it, copies its output into the log, reaps it,
 * writes STATE/exits/ID. It is forked by the launcher process and outlives it, and the host. Killed, it loses this one
 * container: the host then ends what is left (runtime_exit.c). */
#pragma once

#include "node/runtime/launch_channel.h"
#include "node/runtime/launcher_process.h"

struct supervisor;

/* In the launcher, before the fork. NULL without memory. */
struct supervisor *container_supervisor_new(void);
/* In the forked process, to its end. */
void container_supervise(struct supervisor *supervisor, struct launch_request *request,
                         const struct process_title *title);

/* The plan that comes with a request, read into memory that lives as long as the process. */
struct native_plan;
checked bool supervisor_read_plan(int fd, struct native_plan *ret_plan, struct fail *f);
