/* The buffer of mode=non-blocking: lines wait here while the log cannot take them, and the oldest are dropped, and
 * counted, when there are more than fit.
 *
 * Invariant: bytes <= bytes_max, where a line counts its text and LINE_RING_OVERHEAD_BYTES, so that empty lines do not
 * fill the memory. Takes memory only for lines that wait. */
#pragma once

#include "base/list.h"
#include "node/logs/line.h"

enum { LINE_RING_OVERHEAD_BYTES = 64 };

struct line_ring {
    struct list lines; /* oldest first */
    size_t bytes;
    size_t bytes_max;
    uint64_t dropped_lines; /* ever */
    uint64_t dropped_bytes;
};

void line_ring_init(struct line_ring *ring, size_t bytes_max);
void line_ring_free(struct line_ring *ring);

/* Keeps a copy of the line; drops the oldest to make room, or this one when it would not fit alone. */
void line_ring_push(struct line_ring *ring, struct line line);
/* The oldest line, which stays until line_ring_remove or a push drops it; false when there is none. */
checked bool line_ring_first(const struct line_ring *ring, struct line *ret_line);
/* Removes the oldest line; there must be one. */
void line_ring_remove(struct line_ring *ring);
