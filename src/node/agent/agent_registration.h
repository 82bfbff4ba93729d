/* RegisterContainerInstance: what this machine can do, and under which ARN the server knows it. The ARN is kept in
 * DATADIR/state.json, so that the agent is the same container instance after a restart. */
#pragma once

#include "node/agent/agent_api.h"

struct agent_registration {
    char arn[512];
    char zone[64];
};

/* Registers, and goes on trying as long as the server cannot be reached or says that it is its own fault; `wait` is
 * agent_run's. *ret_exit is the process's exit status when it fails: 0 when it was told to end; 5, do not restart, for
 * what no try mends; else 1. */
checked bool agent_register(struct agent_api *api, bool (*wait)(int64_t ms),
                            struct agent_registration *ret_registration, int *ret_exit, struct fail *f);
/* The CPU that the instance registers with: 1024 a core, or what its cgroup leaves of that. */
int64_t agent_cpu_units(void);
