/* Joins lines into events: an event begins with a line that fits the pattern and takes in all that follow and do not
 * ("multi-line" events, such as stack traces). Lines of an event are parted by "\n".
 *
 * An event is finished by the line that begins the next one, by growing to LINE_BYTES_MAX, by five seconds without
 * being finished, or by the end of the log. It has the time of its first line. */
#pragma once

#include "base/buf.h"
#include "node/logs/line.h"
#include "node/logs/line_pattern.h"

#define LINE_JOINER_WAIT_MS INT64_C(5000)

struct line_joiner {
    const struct line_pattern *pattern; /* NULL: every line is an event; the caller's */
    struct buf open;                    /* the event that may still grow */
    struct buf done;                    /* the one last given out */
    bool has_open;
    int64_t open_when_ms;  /* the time of its first line */
    int64_t open_since_ms; /* when that line was taken */
};

void line_joiner_init(struct line_joiner *joiner, const struct line_pattern *pattern);
void line_joiner_free(struct line_joiner *joiner);

/* Takes a line of at most LINE_BYTES_MAX; true when that finished an event, which lives until the next call. Times of
 * waiting (now_ms, due_ms) are of the monotonic clock: a line's own is of the day, and may be set. */
checked bool line_joiner_add(struct line_joiner *joiner, struct line line, int64_t now_ms, struct line *ret_event);
/* The open event, when it has waited long enough or `force` is set. */
checked bool line_joiner_take(struct line_joiner *joiner, int64_t now_ms, bool force, struct line *ret_event);
/* When line_joiner_take will have something, if nothing else happens; WHEN_NEVER without an open event. */
int64_t line_joiner_due_ms(const struct line_joiner *joiner);
