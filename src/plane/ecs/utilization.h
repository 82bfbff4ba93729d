/* What tasks use of the machines, as metrics of CloudWatch: namespace AWS/ECS, one point a minute (developer guide,
 * "Amazon ECS CloudWatch metrics", "service utilization metrics", "cluster utilization metrics", "cluster reservation
 * metrics").
 *
 *   ClusterName, ServiceName   CPUUtilization, MemoryUtilization: of each RUNNING task in percent of what it reserves
 *   ClusterName                the same, of all tasks on container instances in percent of what those registered, and
 *                              CPUReservation, MemoryReservation; only where there are container instances
 *
 * Of what nobody has told nothing is published. Who told is checked here: hosts and agents speak for tasks of their
 * own. docs/decisions/0171. */
#pragma once

#include "core/transaction.h"

struct task_usage {
    struct str task_arn;
    struct str teller;      /* the host's id, or the ARN of the container instance */
    bool is_share;          /* cpu is in percent of the whole instance, as agents tell it; else in CPU units */
    double cpu, memory_mib; /* means of the minute */
};

/* Of tasks of one cluster, each once. minute_ms: when the minute began. */
void utilization_publish(struct transaction *tx, const struct task_usage *usages, size_t count, int64_t minute_ms);
