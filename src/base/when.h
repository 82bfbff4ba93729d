/* Points in time: milliseconds since 1970-01-01T00:00:00Z in an int64_t. Nobody in core/ or plane/ reads a clock; the
 * time of a turn is handed in. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#define WHEN_NEVER INT64_MAX
#define SECOND_MS  INT64_C(1000)
#define MINUTE_MS  (60 * SECOND_MS)
#define HOUR_MS    (60 * MINUTE_MS)
#define DAY_MS     (24 * HOUR_MS)

/* "2026-11-22T10:00:00.123Z" (RFC 3339); without the fraction when the milliseconds are zero. */
struct str when_to_iso8601(struct arena *arena, int64_t when_ms);
/* Reads RFC 3339 with Z or an offset, fraction optional; false on anything else. */
checked bool when_from_iso8601(struct str text, int64_t *ret_when_ms);
/* "20261122T100000Z", the form of SigV4's x-amz-date. */
checked bool when_from_amz_date(struct str text, int64_t *ret_when_ms);
/* "Sun, 22 Nov 2026 10:00:00 GMT" (RFC 9110, section 5.6.7). */
struct str when_to_http(struct arena *arena, int64_t when_ms);
