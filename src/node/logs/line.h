/* A line that a container wrote, on its way to a log: when it was read and what it says, without its newline.
 *
 * The way of a line through this folder, each stage a plain struct with time handed in, used by one thread:
 *   line_joiner  lines that belong together become one event (multi-line patterns)
 *   log_batcher  events become requests within the limits of PutLogEvents */
#pragma once

#include "base/str.h"

/* The reader cuts longer lines into pieces of this size; no stage accepts more. */
#define LINE_BYTES_MAX ((size_t)256 * 1024)

struct line {
    int64_t when_ms;
    struct str text;
};
