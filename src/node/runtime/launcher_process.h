/* The launcher process: a small process with one thread, which forks a supervisor for every container, the next one
 * always ahead of its request (a spare). The host has many threads and much memory, so forking it is slow, and what it
 * knows (the token of its link) has no business in a process that enters containers.
 *
 * It is the same program, executed again; whatever program is linked with this library can be it, since it starts in a
 * constructor. It ends when the host's end of the socket closes. Supervisors go on, also when it is killed. */
#pragma once

#include "base/fail.h"
#include "os/process.h"

/* *ret_socket: our end, for launch_request_send. */
checked bool launcher_process_start(struct process *ret_process, int *ret_socket, struct fail *f);

/* The memory of our own arguments, as /proc/self/cmdline and ps show it. */
struct process_title {
    char *text;
    size_t size;
};

void process_title_set(const struct process_title *title, const char *format, ...) printf_like(2, 3);
