/* Keeps the points of metrics: lends the store to the cloudwatch domain (plane/cloudwatch/metric_port.h) and does, on a
 * thread of its own, what the domain asks for by effects and what time asks for.
 *
 *   metrics that Berth publishes (METRIC_PUBLISH_EFFECT) are written
 *   alarms (ALARM_EVALUATE_EFFECT) are measured, and a job hands the answer in
 *   every minute old points move to longer periods
 *
 * What does not fit into the queue is dropped: a question is asked again with the next minute, published points are
 * lost, which a line in the log says. Losing the file loses the points, nothing else: the server starts with an empty
 * one. */
#pragma once

#include "edge/loop.h"
#include "plane/cloudwatch/metric_port.h"

struct metric_keeper;

/* Opens DIR/metrics.db or what the path is; it may be asked at once, and acts once it has begun. */
checked bool metric_keeper_open(const char *path, struct clock clock, struct metric_keeper **ret_keeper,
                                struct fail *f);
/* The loop runs: the thread begins. */
void metric_keeper_begin(struct metric_keeper *keeper, struct loop *loop);
/* Ends the thread, which uses the loop; the port goes on. */
void metric_keeper_stop(struct metric_keeper *keeper);
/* After the last call through the port, and after the loop, which may ask until it has stopped. */
void metric_keeper_close(struct metric_keeper *keeper);

const struct metric_port *metric_keeper_port(const struct metric_keeper *keeper);

/* From the core thread: the effects of the domain. */
void metric_keeper_evaluate(struct metric_keeper *keeper, struct str question);
void metric_keeper_publish(struct metric_keeper *keeper, struct str published);

/* Every point is gone. */
checked bool metric_keeper_reset(struct metric_keeper *keeper, struct fail *f);
