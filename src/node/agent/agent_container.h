/* A container of a payload, as our runtime starts it: what the protocol says in its own members, and in dockerConfig in
 * Docker's words. */
#pragma once

#include "node/agent/agent_bridge.h"
#include "node/image/image.h"
#include "node/runtime/container_spec.h"

#include <jansson.h>

struct agent_site {
    const char *id, *task_id;
    const char *directory; /* of the container: upper, work, log */
    const char *lower_dirs;
    const char *network_namespace;
    const struct image *image;
    const struct agent_endpoint *endpoint; /* NULL: not in the mode bridge */
};

/* What of the container or its task this agent does not do; NULL: nothing. */
const char *agent_container_refusal(const json_t *task, const json_t *container);
/* "host", "bridge", "none" */
const char *agent_network_mode(const json_t *task, const json_t *container);
/* In the arena. */
checked bool agent_container_spec(const json_t *task, const json_t *container, const struct agent_site *site,
                                  struct arena *arena, struct container_spec *ret_spec, struct fail *f);
