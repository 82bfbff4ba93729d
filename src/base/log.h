/* Structured log lines on standard error: one line an event, "time level event key=value ...", or JSON with log_json.
 * Only the edge of the program (main, edge, node's outermost loop) logs. Safe from any thread.
 *
 * Never pass a secret: there is no filter behind this. */
#pragma once

#include "base/attributes.h"

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_setup(enum log_level least, bool json);
/* message: a sentence that says what happened and, on failure, what to do. */
void log_line(enum log_level level, const char *format, ...) printf_like(2, 3);

#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)
