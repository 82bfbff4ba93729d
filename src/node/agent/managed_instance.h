/* A machine of one's own as Systems Manager knows it ("Amazon ECS Anywhere", developer guide): registered with an
 * activation once, then known by its fingerprint, a secret that stays in DATADIR/managed-instance.json (mode 0600).
 * What amazon-ssm-agent does there, as far as an ECS agent needs it. */
#pragma once

#include "node/agent/agent_credentials.h"

struct agent_config;

struct managed_instance {
    char instance_id[64]; /* "mi-0123456789abcdef0"; "": the machine is none */
    char fingerprint[72];
};

/* What the folder has; else registers with the activation of the settings, where they have one. Calls the server.
 * FAIL_API: it refuses. */
checked bool managed_instance_open(const struct agent_config *config, struct managed_instance *ret_managed,
                                   struct fail *f);
/* Credentials of the activation's role, where those that are there end soon. */
checked bool managed_instance_credentials(const struct agent_config *config, struct agent_credentials *credentials,
                                          int64_t now_ms, struct fail *f);
