/* A task, from RunTask until an hour after it stopped.
 *
 * Life (ECS developer guide, "Amazon ECS task lifecycle"), lastStatus and who moves it:
 *   1 PROVISIONING    api        the record exists; a host has promised its size, or none is known yet; on a container
 *                                instance: the network interface is being attached
 *   2 PENDING         task       the network interface exists; the host is told: it makes interface and file systems
 *   3 ACTIVATING      host       images are there, containers are being started
 *   4 RUNNING         host       every essential container runs
 *   5 DEACTIVATING    task       it is to stop (load balancers let go of it here)
 *   6 STOPPING        task       the host is told to stop the containers
 *   7 DEPROVISIONING  host, task the containers are stopped; interface and file systems go
 *   8 STOPPED         host, task everything is gone; the record stays an hour
 * desiredStatus is RUNNING or STOPPED and never goes back.
 *
 * The reconciler "task" makes network interfaces, finds hosts for tasks that wait for one, gives up tasks of lost hosts
 * and forgets old ones. What a host reports comes in through tasks_observe. Both may come late, twice or out of order:
 * the rules above drop what does not fit.
 *
 * What a task holds (its promise of a host, its interface, its session key) is given back in task_finish, the only way
 * to STOPPED. */
#pragma once

#include "model/host.h"
#include "plane/ecs/ecs.h"

#define TASK_KEPT_MS HOUR_MS
/* How long a task waits for a first host before it is given up (as long as ECS lets a capacity provider take). */
#define TASK_PROVISIONING_MS (15 * MINUTE_MS)
/* How long the agent of a container instance has to find the interface of a task there (as long as ECS gives it). */
#define TASK_ATTACHING_MS (5 * MINUTE_MS)

extern const struct reconciler_spec task_reconciler;

/* What hosts are told (assignment.c): effects of these kinds for a host, each a struct host_from_server. A complete
 * assignment says all that those before it said. */
#define ASSIGNMENT_COMPLETE   "assignment"
#define ASSIGNMENT_DIFFERENCE "difference"
extern const struct reconciler_spec assignment_reconciler;      /* by host: tells it its complete assignment */
extern const struct reconciler_spec task_assignment_reconciler; /* by task: tells its host of it */
/* Tells the host that these tasks are not its any more. */
void assignment_forget(struct transaction *tx, struct str host_id, struct str *task_arns, size_t count);

enum task_status {
    TASK_PROVISIONING,
    TASK_PENDING,
    TASK_ACTIVATING,
    TASK_RUNNING,
    TASK_DEACTIVATING,
    TASK_STOPPING,
    TASK_DEPROVISIONING,
    TASK_STOPPED,
    TASK_STATUSES,
};

enum task_status task_status(const struct task_record *task);
bool task_is_stopped(const struct task_record *task);
bool task_is_told(const struct task_record *task); /* its host hears of it: from PENDING until it has STOPPED */
bool task_wants_to_run(const struct task_record *task);
/* Its interface is on the way into its container instance; the agent there has not found it yet. */
bool task_is_attaching(const struct task_record *task);

/* The task with that ARN, also when it has stopped; NULL: none. */
const struct task_record *task_of_arn(const struct transaction *tx, struct str arn);

/* The task that a request names by id or ARN, in that cluster. An identifier that cannot be one fails with
 * InvalidParameterException in AWS's words; *ret_task is NULL when there is no such task. */
checked bool task_find(const struct call *call, const struct cluster_record *cluster, struct str id_or_arn,
                       const struct task_record **ret_task);

/* Starts the stopping of a task: desiredStatus, stopCode, reason. Nothing when it is stopping already. */
void task_stop(struct transaction *tx, const struct task_record *task, enum ecs_task_stop_code code, struct str reason);

/* A host reports some of its tasks, or, in a complete report, all: those that it should have and does not know are
 * stopped. It is told to forget those that are not its, or not any more. */
void tasks_observe(struct transaction *tx, struct str host_id, const struct host_report *report);

/* The same of a task on a container instance, whose agent tells what changed; what it does not name stays as it is. */
void task_observe_agent(struct transaction *tx, const struct task_record *task, const struct host_task_report *report);

/* ---- changing a task, for the files of this noun: a copy of the record that may be edited, its containers too ---- */

struct task_edit {
    struct task_record record;
    struct ecs_task task;
    struct ecs_container *containers; /* as many as before */
};

struct task_edit *task_edit_begin(struct transaction *tx, const struct task_record *from);
/* Puts it with the next version; nothing when nothing was changed. false: a status rule forbids the step. */
bool task_edit_put(struct transaction *tx, struct task_edit *edit);
void task_edit_status(struct transaction *tx, struct task_edit *edit, enum task_status status);
/* The status of its attachments alone; task_edit_status sets the one that follows from the task's. */
void task_edit_attachments(struct transaction *tx, struct task_edit *edit, const char *status);
/* The wish to stop, with its cause; nothing when it is to stop already. */
void task_edit_stop(struct transaction *tx, struct task_edit *edit, enum ecs_task_stop_code code, struct str reason);
/* The last step: puts it as STOPPED and gives back all it held. */
void task_finish(struct transaction *tx, struct task_edit *edit);

/* task_secrets.c: the values of the containers' secrets, of their log drivers' and the credentials of their registries,
 * put into the assignment, in the transaction's arena, read with the rights of the task's execution role. Fails with
 * the task's stoppedReason. */
checked bool task_secrets_read(struct transaction *tx, const struct task_record *task,
                               const struct ecs_task_definition *definition, struct host_task_assignment *to,
                               struct fail *f);

/* task_credentials.c: the session of the task's role, for its containers. */

/* Before the record is put: begins the session, where the task has a role. */
void task_credentials_begin(struct transaction *tx, const struct ecs_task_definition *definition,
                            struct task_record *record);
/* Puts a new session in its place when the one there is ends soon; when to look again. */
int64_t task_credentials_rotate(struct transaction *tx, const struct task_record *task);
/* The ARN of the role: of a task that has such a session. */
struct str task_credentials_role(const struct transaction *tx, const struct task_record *task);
