/* The EC2 instances of a host: each is led by a thread of its own, which brings what runs in line with what is
 * assigned.
 *
 * Life here, beside the server's (plane/ec2/instance.h):
 *
 *   assigned    folder DIR/host/instances/ID with the file `assignment`, which adoption reads
 *   start       disk, interface, root file system, cgroup, then a container of kind `is_system` (node/runtime)
 *   RUNNING     its first process is `berth instance-init`, a supervisor watches it, across restarts of the host
 *   stop        SIGTERM, SIGKILL later; then container, cgroup and interface go, the disk stays
 *   GONE        the disk is gone, too; forgotten when the server no longer names it
 *
 * A launch that ended stays ended: the server numbers launches, and a new number is a new start. One that this process
 * or its machine did not live to finish is started again, when the server still wants it: the file `launch` has the
 * number of the last one that ran. If there was none, the disk is made anew with it. */
#pragma once

#include "base/arena.h"
#include "model/host.h"
#include "node/runtime/runtime.h"

struct host;
struct http_exchange;
struct host_instance; /* one of them */

/* What a complete assignment says of them. Link thread. */
void instances_apply(struct host *host, const struct host_instance_assignments *assigned);
/* Those that a former process left; before any thread runs. */
checked bool instances_adopt(struct host *host, struct fail *f);
/* Ends the threads, not the instances. */
void instances_stop(struct host *host);

/* For the report. lock held. */
void instances_report(struct host *host, struct arena *arena, struct host_instance_reports *ret_reports);
/* Everything is to be said again over a new link. lock held. */
void instances_say_all(struct host *host);
/* Their interfaces, valid while the link thread does not apply another assignment. lock held. */
size_t instances_interfaces(struct host *host, const struct host_network_interface **items);

/* The end of a container; false: it is no instance's. Dispatcher thread. */
bool instances_exited(struct host *host, const struct runtime_exit *exit);
/* Answers a request to the metadata service by who asks. A server's thread. */
void instances_answer(struct host *host, struct str vpc_id, struct http_exchange *exchange);

/* `berth down`: their disks and folders. Nothing of them runs any more. */
checked bool instances_remove_all(const char *host_dir, struct fail *f);
