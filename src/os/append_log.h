/* A file of lines that only grows, until it is put aside for a new one: what an audit log stands in.
 *
 * NAME is written to; NAME.1 is the one before it, NAME.2 older still, up to the number that is kept. A line that was
 * added survives the end of the process, not that of the machine: nothing is fsynced. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

#include <stddef.h>

struct append_log;

struct append_log_options {
    const char *path;
    size_t size_max; /* bytes; a file that would become larger is put aside first */
    unsigned kept;   /* how many files there are at most, with the one that is written to */
};

/* Opens (mode 0600) or makes the file; a line that was torn when the machine stopped is ended. */
checked bool append_log_open(const struct append_log_options *options, struct append_log **ret_log, struct fail *f);
void append_log_close(struct append_log *log);

/* Adds a line, which ends in '\n', whole or not at all. Any thread. */
checked bool append_log_add(struct append_log *log, struct str line, struct fail *f);
