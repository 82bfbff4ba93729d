/* What the server is told of tasks: SubmitTaskStateChange, as the amazon-ecs-agent says it (protocol notes, "State
 * reports").
 *
 * Level-triggered: the newest state of a task is said until the server has taken it; states in between may never be
 * said. While a task stops nothing is said, so that its end is one report, with all exit codes. It stands in
 * DATADIR/reports from when no container runs any more until it is said, also by the next process: in the end nothing
 * else is left of the task. A server that refuses a report with InvalidParameterException has taken it. */
#pragma once

#include "node/agent/agent_config.h"
#include "node/task/engine.h"

struct agent_reports;

struct agent_reports_options {
    const struct agent_config *config;
    void *context;
    /* The server knows of the task's end. No lock held. */
    void (*ended)(void *context, struct str task_id);
    /* Whether something is left of a task whose end a former process kept: then it is said when it is GONE. Asked by
     * agent_reports_start. */
    bool (*lives)(void *context, struct str task_id);
};

checked bool agent_reports_start(const struct agent_reports_options *options, struct agent_reports **ret_reports,
                                 struct fail *f);
void agent_reports_stop(struct agent_reports *reports);
/* How all tasks are now. Any thread. */
void agent_reports_take(struct agent_reports *reports, const struct host_task_reports *now);
/* A task's interface is there: said until the server has taken it, apart from the task's state. Any thread. */
void agent_reports_attached(struct agent_reports *reports, struct str task_arn, struct str attachment_arn);
