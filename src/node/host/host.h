/* The host role: keeps this machine as the server's assignment says.
 *
 *   link thread  hears assignments, says to the task engine (node/task) what they want
 *   watcher      resolvers that died
 *
 * Containers, networks and images outlive this process. Cut off from the server it goes on as it was last told. */
#pragma once

#include "base/fail.h"
#include "node/task/engine.h"

#include <stdbool.h>
#include <stdint.h>

struct host;

struct host_options {
    const char *data_dir; /* DIR/host is the host's */
    const char *instance; /* prefix of everything made on this machine */
    const char *server_address;
    uint16_t server_port;
    const char *token;
    const char *name;           /* shown by `berth status` */
    const char *oci_runtime;    /* see runtime.h; NULL: containers are started by ourselves */
    const char *endpoint;       /* of the built-in registry, "127.0.0.1:4566" */
    const char *public_address; /* what its repository URIs begin with; the same, unless the server is told otherwise */
    struct host_s3 s3;
    int32_t cpu_units, memory_mib;
};

/* Adopts what runs and starts the threads; the link is dialed again and again by itself. */
checked bool host_start(const struct host_options *options, struct host **ret_host, struct fail *f);
/* Ends the threads; containers go on. */
void host_stop(struct host *host);

/* Ends and removes every container, network, image mount and cgroup of this instance; no host may run. What cannot be
 * removed is named in the first failure; the rest is removed all the same. */
checked bool host_remove_all(const struct host_options *options, struct fail *f);
