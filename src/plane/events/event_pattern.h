/* Event patterns of EventBridge: which events a rule is about. A pattern is read once into an arena and never changes;
 * any thread may match it, each with a scratch arena of its own.
 *
 * It is a JSON object with the members of the events that it wants; at its leaves stand arrays of what the value may
 * be ("Amazon EventBridge event patterns", "Comparison operators for use in event patterns", user guide):
 *
 *   "RUNNING"  5  true  null                      exactly this (numbers digit by digit, as they are written)
 *   {"prefix": "a"} {"suffix": ".png"}            the same with {"equals-ignore-case": "A"} for the text
 *   {"equals-ignore-case": "a"} {"wildcard": "a*b"}
 *   {"numeric": [">", 0, "<=", 5]} {"cidr": "10.0.0.0/24"} {"exists": true}
 *   {"anything-but": ...}                         a value, a list of them, or a prefix, suffix, equals-ignore-case or
 *                                                 wildcard with one text or a list
 *   "$or": [{...}, {...}]                         in the place of a member: one of these besides all others
 *
 * All members have to match; of an array one element has to, the same one for all that a pattern says of it. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

/* A pattern takes up to four kilobytes (PutRule), which bounds its members; so deep may it nest. */
enum { EVENT_PATTERN_BYTES_MAX = 4096, EVENT_PATTERN_DEPTH_MAX = 32, EVENT_PATTERN_WILDCARDS_MAX = 32 };
/* What reading one takes of an arena, and matching of the scratch. */
#define EVENT_PATTERN_ARENA_BYTES        ((size_t)4 << 20)
#define EVENT_PATTERN_SCRATCH_BYTES(len) (((size_t)1 << 16) + (len))

struct event_pattern;

/* Refuses with InvalidEventPatternException. The text is copied. */
checked bool event_pattern_read(struct str text, struct arena *arena, const struct event_pattern **ret_pattern,
                                struct fail *f);

/* Whether the event, a JSON object, is what the pattern says; no event that is not JSON is. What it takes from scratch
 * is the caller's to reset. */
bool event_pattern_matches(const struct event_pattern *pattern, struct str event, struct arena *scratch);
