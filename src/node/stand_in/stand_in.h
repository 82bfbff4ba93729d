/* Stand-in hosts: they speak the host protocol as `berth host` does and run nothing. For API tests and benchmarks that
 * need a task's whole life without containers.
 *
 * What a task does is said by the command of its first container, in words that anything else ignores:
 *   hold=PENDING, hold=ACTIVATING   it stays there until it is to stop
 *   pull-fails                      its image cannot be pulled
 *   exit=N                          it exits with N once it runs; without: when it is told to stop, with 143
 *   healthy, unhealthy              what its containers report of their health */
#pragma once

#include "base/fail.h"

struct stand_in_options {
    const char *server_address;
    uint16_t server_port;
    const char *token;
    const char *name; /* "stand-in": the hosts are stand-in-0, stand-in-1 ... */
    unsigned hosts;
    int32_t cpu_units, memory_mib; /* of each */
    unsigned step_ms;              /* from one status of a task to the next */
};

struct stand_in;

/* Connects them all; a link that breaks is dialled again until the end. */
checked bool stand_in_start(const struct stand_in_options *options, struct stand_in **ret_stand_in, struct fail *f);
void stand_in_stop(struct stand_in *stand_in);
