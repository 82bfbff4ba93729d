/* The tasks of this container instance: payloads are handed to the task engine (node/task), its reports to the server
 * (agent_reports.h). What the engine leaves to its user is here: networks (agent_network.h), passwords of registries
 * and values of secrets (agent_secrets.h).
 *
 * A payload that cannot be read, or asks for what this agent does not do, is a task that is STOPPED with a reason that
 * says so. */
#pragma once

#include "model/agent.h"
#include "node/agent/agent_registration.h"
#include "node/task/engine.h"

struct instance_tasks;

checked bool instance_tasks_open(const struct agent_config *config, const struct agent_registration *registration,
                                 struct instance_tasks **ret_tasks, struct fail *f);
/* `changed` is told whenever tasks have changed, on a thread of the engine's. */
void instance_tasks_start(struct instance_tasks *tasks, void (*changed)(void *context), void *context);
/* Ends the engine's threads; containers go on. Its state can still be read. */
void instance_tasks_stop(struct instance_tasks *tasks);
void instance_tasks_close(struct instance_tasks *tasks);

/* For who reads: the lock is the engine's. */
struct task_engine *instance_tasks_engine(struct instance_tasks *tasks);
/* A task of a payload, as JSON: one that is new begins, one that is known may be told to stop. False: the next process
 * would know nothing of it, as it was refused, or is to stop and never came: the server has to say it again until the
 * report of its end is taken. */
checked bool instance_tasks_payload(struct instance_tasks *tasks, struct str text);
void instance_tasks_give_up(struct instance_tasks *tasks, struct str task_arn);
/* An AttachTaskNetworkInterfacesMessage. */
void instance_tasks_expect(struct instance_tasks *tasks, const json_t *message);
/* Newer credentials of the task's role. False: there is no such task. */
bool instance_tasks_credentials(struct instance_tasks *tasks, struct str task_arn,
                                const struct agent_iam_role_credentials *credentials);
/* An ExecuteCommandMessage: a client wants a terminal in one of our containers. */
void instance_tasks_command(struct instance_tasks *tasks, const json_t *message);
/* Of a manifest: the tasks here that it does not name with RUNNING, as the message TaskStopVerificationMessage lists
 * them; NULL: none. */
json_t *instance_tasks_unlisted(struct instance_tasks *tasks, const json_t *manifest_tasks);
/* As GET /v1/tasks of the introspection API shows them. */
json_t *instance_tasks_show(struct instance_tasks *tasks);
