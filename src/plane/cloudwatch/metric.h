/* Metrics that Berth itself publishes: a domain says in a transaction what it has found out, and the points are in the
 * metric store soon after the turn is durable. Points that cannot be written are lost with a line in the server's log:
 * metrics are told at most once. */
#pragma once

#include "plane/cloudwatch/cloudwatch.h"

/* Data without a timestamp are of the time of the turn. Rules of PutMetricData are the caller's to keep. */
void metric_publish(struct transaction *tx, struct str account, struct str region, struct str namespace,
                    const struct cloudwatch_metric_data *data);
