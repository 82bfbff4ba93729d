/* The tasks of this container instance: each has a thread that leads it through its life.
 *
 *   payload     kept as DATADIR/tasks/ID/task.json
 *   pull        every image, as the execution role or the instance
 *   start       every container, in the order of the task definition
 *   RUNNING     reported; until an essential container ends or the server wants it stopped
 *   stop        SIGTERM, SIGKILL after the stop timeout
 *   STOPPED     reported until it is heard, then everything of it is removed
 *
 * Reports of one task go out one after the other, each until the server takes it. What this agent does not do is no
 * capability of it (agent_registration.c); a task that asks for it all the same is STOPPED with a reason that names it.
 */
#pragma once

#include "node/agent/agent_bridge.h"
#include "node/agent/agent_registration.h"
#include "node/image/image.h"
#include "node/runtime/runtime.h"

struct agent_engine;

checked bool agent_engine_open(const struct agent_config *config, const struct agent_registration *registration,
                               struct agent_engine **ret_engine, struct fail *f);
/* Ends the threads; containers go on. */
void agent_engine_close(struct agent_engine *engine);

/* A task of a payload: one that is new begins, one that is known may be told to stop. */
void agent_engine_task(struct agent_engine *engine, const json_t *wish);
/* Of a manifest: the tasks here that it does not name with RUNNING, as the message TaskStopVerificationMessage lists
 * them; NULL: none. */
json_t *agent_engine_unlisted(struct agent_engine *engine, const json_t *manifest_tasks);
/* As GET /v1/tasks of the introspection API shows them. */
json_t *agent_engine_show(struct agent_engine *engine);
