/* The output of a session that has ended, in CloudWatch Logs: one stream a session, called like it, written with the
 * rights of the task's role, as the agent in the container does it. */
#pragma once

#include "node/task/engine.h"

/* The file from its begin. What goes wrong is logged. Any thread, which waits. */
void session_log_put(struct task_engine *engine, const struct host_session *session, int fd);
