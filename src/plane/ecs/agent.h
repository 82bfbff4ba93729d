/* The ECS agent protocol as the control plane speaks it: what an agent is told of its instance's tasks, and what it
 * says of them. The messages are src/model/agent_protocol.json; edge/agent_link.c carries them.
 *
 * Sessions come and go without a trace but agentConnected. After a connection the agent is told, in this order: the
 * manifest of all its tasks, their roles' credentials (those of execution roles if it has lost them), and every task
 * that it has not acknowledged. Of a task with an interface of its own it is told the interface first, and the task
 * when it has reported that as ATTACHED. Until it acknowledges, a task is told again every AGENT_RESEND_MS: message ids
 * name task and desired status, so an acknowledgement means something whenever it comes (record: agentKnows).
 *
 * What an agent reports (SubmitTaskStateChange, health) goes through the status rules of task.h, as what hosts report:
 * late, doubled and impossible reports fall there. */
#pragma once

#include "model/agent.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/task.h"

#define AGENT_RESEND_MS (30 * SECOND_MS)
/* How long an agent may stay away before its tasks count as lost. */
#define AGENT_LOST_MS (10 * MINUTE_MS)

/* Effects for the agent of a container instance, by its ARN: a struct agent_to_agent; the end of its session, with a
 * reason. */
#define AGENT_MESSAGE "agent message"
#define AGENT_END     "agent end"

extern const struct reconciler_spec agent_task_reconciler; /* by task: tells its agent of it */
/* For dirties: of the tables of tasks and container instances. */
void agent_task_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks);

/* ---- sessions ---- */

struct agent_opening {
    struct str cluster; /* as configured: a name or an ARN */
    struct str instance_arn;
};
/* Whether the caller's agent may have a session there (`action`: "ecs:Poll", "ecs:StartTelemetrySession"). Fails with
 * the protocol's exceptions: AccessDeniedException, InvalidClusterException, InvalidInstanceException,
 * InactiveInstanceException. */
checked bool agent_may_connect(const struct call *call, const char *action, const struct agent_opening *opening);

struct agent_hello {
    struct str instance_arn;
    struct ecs_version_info version;
    bool send_credentials;
};
void agent_connected(struct transaction *tx, const struct agent_hello *hello);

/* The session of a role was renewed: the agent is told, if it is connected, and again whenever it comes back. */
void agent_credentials_renew(struct transaction *tx, const struct task_record *task);

/* A session of ECS Exec for the agent of the task's container instance, if it is connected. The message is no part of
 * the original's protocol, which passes over what it does not know: only agents with this hash know it
 * (docs/decisions/0151).
 */
#define AGENT_HASH_OWN "berth"
void agent_command(struct transaction *tx, const struct task_record *task, const struct host_session *session);

/* ---- what agents say ---- */

void agent_heard(struct transaction *tx, struct str instance_arn, const struct agent_from_agent *message);
void agent_telemetry_heard(struct transaction *tx, struct str instance_arn, const struct agent_from_telemetry *message);

/* ---- for the files of this noun ---- */

/* The task as the agent is told of it; without containers when it is to stop. In the transaction's arena. */
void agent_task_assign(struct transaction *tx, const struct task_record *task, struct agent_task *ret_task);
/* The credentials behind a session key; NULL when it is gone. */
struct agent_iam_role_credentials *agent_credentials(struct transaction *tx, struct str key_id,
                                                     struct str credentials_id);
struct agent_elastic_network_interfaces agent_interfaces(struct transaction *tx, const struct task_record *task);
