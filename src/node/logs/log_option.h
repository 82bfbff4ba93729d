/* The options of a log driver as they stand in a container definition's logConfiguration: a table of rows reads them
 * into the driver's own struct. Every option has an effect or is refused. Pure. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

#include <stddef.h>

enum log_mode {
    LOG_MODE_BLOCKING,     /* a container waits when its log cannot be delivered */
    LOG_MODE_NON_BLOCKING, /* it goes on, and loses the oldest lines once max_buffer_bytes are waiting */
};

#define LOG_BUFFER_BYTES_DEFAULT ((uint64_t)10 << 20)
#define LOG_BUFFER_BYTES_MAX     ((uint64_t)1 << 30)

struct log_option {
    struct str name;
    struct str value;
};

/* Reads a value into a member; false when it is not what the row's `wanted` says. */
typedef bool log_option_read_fn(struct str text, void *ret);
log_option_read_fn log_option_text; /* struct str: anything but nothing */
log_option_read_fn log_option_bool;
log_option_read_fn log_option_mode; /* enum log_mode */
log_option_read_fn log_option_size; /* uint64_t: "25m", a whole number and perhaps k, m or g, at most 1g */

struct log_option_row {
    const char *name;
    log_option_read_fn *read;
    size_t offset;
    const char *wanted;
};

/* An option that other implementations of the driver have and this one has not. */
struct log_option_refused {
    const char *name;
    const char *why;
};

struct log_option_table {
    const char *driver;
    const struct log_option_row *rows;
    size_t row_count;
    const struct log_option_refused *refused;
    size_t refused_count;
};

/* Writes to *ret what is given, and to given[row] that it is. Refusals are FAIL_INPUT; *ret may then be half written.
 */
checked bool log_options_read(const struct log_option_table *table, const struct log_option *options, size_t count,
                              void *ret, bool *given, struct fail *f);
