/* Log files that stay on the host: bounded while their container runs, removed some time after their task has ended. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

/* The container has ended and its lines are where they belong. */
checked bool log_keep_finish(const char *logs_dir, struct str task_id, size_t container, struct fail *f);
bool log_keep_is_finished(const char *logs_dir, struct str task_id, size_t container);

/* Gives back what a file that nobody delivers has too much: the newest LOG_KEPT_BYTES stay. */
void log_keep_cut(const char *path);
/* Removes what is too old or too much (log_shipper.h has the limits). */
void log_keep_tidy(const char *logs_dir, int64_t now_ms);
