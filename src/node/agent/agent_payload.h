/* A task of a payload message, as the task engine is told it: what the protocol says in members of its own, and in
 * dockerConfig in Docker's words, becomes the assignment that a host gets of the same task definition. Pure. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/host.h"

/* What a payload leaves open. */
struct agent_payload_defaults {
    struct str region;
    int64_t stop_timeout_s;
};

/* Reads the JSON of one task. Everything the assignment points to is in the arena, or in `defaults`. Fails with
 * FAIL_INPUT and words for people: on JSON that is no task, and on what this agent does not do, naming it; with
 * FAIL_CONFLICT on dependencies that nothing can meet. *ret has the task's ARN and id also then, where the text has
 * them. */
checked bool agent_payload_read(struct str text, const struct agent_payload_defaults *defaults, struct arena *arena,
                                struct host_task_assignment *ret, struct fail *f);
/* The credentials of a message; NULL without. */
struct agent_iam_role_credentials;
struct host_credentials *agent_payload_credentials(const struct agent_iam_role_credentials *from, struct arena *arena);
