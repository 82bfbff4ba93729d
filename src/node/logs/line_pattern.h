/* What the first line of a multi-line event looks like: a regular expression, or a date in strftime's notation made
 * into one (awslogs-multiline-pattern, awslogs-datetime-format).
 *
 * Lines are looked at up to LINE_PATTERN_BYTES and to their first byte that is not UTF-8, with a bounded number of
 * steps: a line that needs more begins no event. */
#pragma once

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

enum { LINE_PATTERN_BYTES = 4096 };

struct line_pattern;

/* Both fail with FAIL_INPUT. Free with line_pattern_free (NULL is fine). */
checked bool line_pattern_from_regex(struct str regex, struct line_pattern **ret_pattern, struct fail *f);
/* What is not a %-sequence is a regular expression, as in Docker's driver: "\[%b %d, %Y %H:%M:%S\]". */
checked bool line_pattern_from_datetime(struct str format, struct line_pattern **ret_pattern, struct fail *f);
void line_pattern_free(struct line_pattern *pattern);

/* Whether such a line begins here. One thread at a time. */
bool line_pattern_match(const struct line_pattern *pattern, struct str line);

/* The regular expression of a datetime format, appended to *out; for tests. */
checked bool line_pattern_datetime_regex(struct str format, struct buf *out, struct fail *f);
