/* Filter patterns of CloudWatch Logs: one language for metric filters, subscription filters, FilterLogEvents and
 * Live Tail. Pure: a pattern is compiled once, into an arena, and never changes; matching it against a message from
 * several threads at once is fine, each with a scratch arena of its own.
 *
 * Four kinds, told apart by the first character ("Filter pattern syntax for metric filters, subscription filters,
 * filter log events, and Live Tail", CloudWatch Logs user guide, which every rule here comes from unless it says
 * otherwise):
 *
 *   (nothing)                      every message
 *   ERROR "a phrase" -not ?any     terms; all of them, none of those with -, or any of those with ?
 *   { $.a.b = "x*" && $.n > 3 }    conditions on a JSON message
 *   [ip, ..., status=4*, bytes]    conditions on the words of a line
 *
 * and %regular expression% where a term or a value may stand, two in a pattern, in the subset that AWS allows. Without
 * groups such an expression cannot be exponential; a count of steps bounds the rest, and a message that needs more does
 * not match, whatever the pattern. It sees bytes, not characters: "." is one byte. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "base/str.h"

enum filter_kind { FILTER_EVERYTHING, FILTER_TERMS, FILTER_JSON, FILTER_FIELDS };

struct filter_pattern;

enum {
    FILTER_PATTERN_BYTES_MAX = 1024, /* filterPattern of the API */
    FILTER_REGEXES_MAX = 2,          /* a pattern */
    FILTER_WILDCARDS_MAX = 3,        /* selectors with a * in a pattern; each selector may have one */
};

/* Refuses with InvalidParameterException. The text is copied; the pattern lives as long as the arena. Needs at most
 * FILTER_COMPILE_ARENA_BYTES of it. */
#define FILTER_COMPILE_ARENA_BYTES ((size_t)1 << 20)
checked bool filter_pattern_compile(struct str text, struct arena *arena, const struct filter_pattern **ret_pattern,
                                    struct fail *f);

enum filter_kind filter_pattern_kind(const struct filter_pattern *pattern);

/* Takes what it needs from scratch, which the caller resets: up to FILTER_SCRATCH_BYTES(message.len). A message for
 * which scratch has no room does not match. */
#define FILTER_SCRATCH_BYTES(len) (((size_t)1 << 20) + (size_t)(len)*48)
bool filter_pattern_match(const struct filter_pattern *pattern, struct str message, struct arena *scratch);

/* -- What a match yields: values of metrics and dimensions. */

struct filter_value {
    struct str name;  /* "$status_code", or "$3" for a field without a name */
    struct str value; /* without the quotes or brackets around it */
};

/* The extractedValues of TestMetricFilter: every field of a line that matches a FILTER_FIELDS pattern, in order; none
 * for the other kinds, or when it does not match. In the arena. */
size_t filter_pattern_values(const struct filter_pattern *pattern, struct str message, struct arena *arena,
                             const struct filter_value **ret_values);

/* The value that a metricValue or dimension such as "$.latency" (FILTER_JSON: a string or number at that place) or
 * "$bytes" or "$7" (FILTER_FIELDS) has in a message that matches. False when the message has none. */
checked bool filter_pattern_value(const struct filter_pattern *pattern, struct str message, struct str reference,
                                  struct arena *arena, struct str *ret_value);
/* Whether such a reference can ever mean something with this pattern; refuses with InvalidParameterException. */
checked bool filter_pattern_check_reference(const struct filter_pattern *pattern, struct str reference,
                                            struct arena *arena, struct fail *f);
