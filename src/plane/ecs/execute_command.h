/* ECS Exec: the API's side. A session is nobody's record: it is told to its host, or the agent of its container
 * instance, and to the broker of data channels (edge/session_link.h) as effects of the call, and lives as long as its
 * two channels do.
 *
 * Source: ECS developer guide, "Monitor Amazon ECS containers with ECS Exec"; API reference, "ExecuteCommand". */
#pragma once

#include "plane/ecs/task.h"

/* Effects. For the broker, which forgets them as soon as they are used: target is the session's key (plane/ssm/
 * session.h), the bytes are the client's token and the agent's, each of CHANNEL_TOKEN_LEN characters. */
#define SESSION_TOKENS "session tokens"
/* For the host, a struct host_from_server; the agent of a container instance is told as of all else (agent.h). */
#define SESSION_ORDER "session"

/* What a new container shows of the agent that runs commands in it, where the task is made with it. */
void execute_command_agent_make(struct arena *arena, struct ecs_container *container);
/* Without a role of the task the agent has no rights to reach anybody with; `what` could not be done then, in AWS's
 * words: "task couldn't be run". */
checked bool execute_command_role_check(const struct call *call, struct str task_role, const char *what);
/* The agent comes and goes with its container; on a container instance it is the ECS agent that says when it has come.
 */
void execute_command_agent_follow(struct transaction *tx, const struct task_record *task,
                                  struct ecs_container *container);
/* What an ECS agent says of it, in SubmitTaskStateChange. */
void execute_command_agent_observe(struct transaction *tx, const struct task_record *task,
                                   const struct ecs_managed_agent_state_changes *changes);

/* What a cluster says of sessions: what is not supported is refused by name. */
checked bool execute_command_configuration_check(const struct ecs_execute_command_configuration *configuration,
                                                 struct fail *f);
