/* Brings the lines of containers of a host to where their log configurations say, on one thread.
 *
 * Driver awslogs: to CloudWatch Logs (log_route.h); driver splunk: to Splunk, by a shipper of its own, so that a
 * collector that hangs holds up no other log. Without a configuration, or with driver json-file: they stay in the
 * host's files, where `berth logs` reads them, the newest LOG_KEPT_BYTES of each container. Other drivers are refused.
 *
 * Everything that it must know stands in the files of log_files.h: what a former process left undone goes on at start,
 * also for tasks that are gone meanwhile. Files stay for LOG_KEPT_MS after the end of their task, those of at most
 * LOG_KEPT_TASKS ended tasks. */
#pragma once

#include "base/fail.h"
#include "base/when.h"
#include "model/host.h"
#include "node/task/log_client.h"
#include "node/task/log_files.h"

#define LOG_KEPT_BYTES ((uint64_t)64 << 20)
#define LOG_KEPT_MS    HOUR_MS
enum { LOG_KEPT_TASKS = 1000 };

struct log_shipper;

struct log_shipper_options {
    const char *logs_dir; /* made when missing */
    const char *address;  /* of the server, "127.0.0.1:4566" */
    bool foreign; /* lines go to somebody else's server: no task waits for one that is away, and what it has not taken
                     LOG_KEPT_MS after the container's end is given up */
    /* Whether a task still is on this host: asked once at start, for each task that has files. */
    bool (*lives)(void *context, struct str task_id);
    void (*ended)(void *context, struct str task_id); /* log_shipper_end */
    void *context;
    struct log_identity identity; /* of tasks without an execution role; zero: they cannot log */
};

/* The options' strings are copied. */
checked bool log_shipper_start(const struct log_shipper_options *options, struct log_shipper **ret_shipper,
                               struct fail *f);
/* Lets go of those who wait in log_shipper_begin. */
void log_shipper_cancel(struct log_shipper *shipper);
/* Ends the thread; what is not delivered yet goes on at the next start. NULL is fine. */
void log_shipper_stop(struct log_shipper *shipper);

/* Makes ready for the lines of container i of a task: its log stream exists afterwards. Can be said again. Fails with
 * what Fargate says after "ResourceInitializationError: ". Blocks on the network: worker threads. */
checked bool log_shipper_begin(struct log_shipper *shipper, const struct host_task_assignment *task,
                               const struct ecs_container_definition *container, size_t i, struct fail *f);
/* Where the supervisor writes the lines of that container. */
void log_shipper_path(const struct log_shipper *shipper, struct str task_id, size_t i, char path[LOG_PATH_BYTES]);

/* No line of the task can come any more: `ended` is called, from the shipping thread and with no lock held, when all
 * are delivered, or when the server was there for LOG_END_MS without taking them; what is left then is tried on in the
 * background. The credentials of the lines are good until the task is reported as gone, so that has to wait. */
#define LOG_END_MS (30 * SECOND_MS)
void log_shipper_end(struct log_shipper *shipper, struct str task_id);
