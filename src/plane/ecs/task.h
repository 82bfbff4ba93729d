/* A task, from RunTask until an hour after it stopped.
 *
 * Life (ECS developer guide, "Amazon ECS task lifecycle"), lastStatus and who moves it:
 *   1 PROVISIONING    api        the network interface exists in the records, no host yet
 *   2 PENDING         task       a host is chosen and told; it makes interface and file systems
 *   3 ACTIVATING      host       images are there, containers are being started
 *   4 RUNNING         host       every essential container runs
 *   5 DEACTIVATING    task       it is to stop (load balancers let go of it here)
 *   6 STOPPING        task       the host is told to stop the containers
 *   7 DEPROVISIONING  host, task the containers are stopped; interface and file systems go
 *   8 STOPPED         host, task everything is gone; the record stays an hour
 * desiredStatus is RUNNING or STOPPED and never goes back.
 *
 * The reconciler "task" chooses hosts, gives up tasks of lost hosts and forgets old ones. What a host reports comes in
 * through task_observe. Both may come late, twice or out of order: the rules above drop what does not fit. */
#pragma once

#include "model/host.h"
#include "plane/ecs/ecs.h"

#define TASK_KEPT_MS HOUR_MS

extern const struct reconciler_spec task_reconciler;
extern const struct reconciler_spec assignment_reconciler; /* by host: tells it its whole assignment */

/* Starts the stopping of a task: desiredStatus, stopCode, reason. Nothing when it is stopping already. */
void task_stop(struct transaction *tx, const struct task_record *task, enum ecs_task_stop_code code, struct str reason);

/* A host reports one of its tasks. */
void task_observe(struct transaction *tx, struct str host_id, const struct host_task_report *report);
/* A host reported all of its tasks: those that it should have and does not know are stopped. */
void task_observe_complete(struct transaction *tx, struct str host_id, const struct host_report *report);

bool task_is_stopped(const struct task_record *task);
bool task_wants_to_run(const struct task_record *task);
