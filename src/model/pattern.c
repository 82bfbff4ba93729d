#include "model/pattern.h"

#include "base/must.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { PATTERN_STEPS_MAX = 1000000, PATTERN_MEMORY_KIB_MAX = 32 * 1024 };

/* A regular expression, compiled by whichever thread needs it first and kept for the life of the process: in lists that
 * grow at their heads, found by the address of its text. */
struct pattern {
    const char *regex;
    pcre2_code *code;
    struct pattern *next;
};
static _Atomic(struct pattern *) cache[251];

/* The models are ours: a pattern that does not compile is a bug. */
static pcre2_code *compile(const char *regex)
{
    int error;
    PCRE2_SIZE offset;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                                     PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &offset, NULL);

    must(code != NULL);
    return code;
}

/* Two threads may compile the same pattern at once: then it stands in the cache twice. */
static const pcre2_code *compiled(const char *regex)
{
    _Atomic(struct pattern *) *bucket = &cache[(uintptr_t)regex % COUNT_OF(cache)];
    struct pattern *first = atomic_load(bucket);
    struct pattern *made;

    for (const struct pattern *at = first; at != NULL; at = at->next)
        if (at->regex == regex)
            return at->code;
    made = malloc(sizeof *made);
    must(made != NULL);
    *made = (struct pattern){regex, compile(regex), first};
    while (!atomic_compare_exchange_weak(bucket, &made->next, made))
        continue;
    return made->code;
}

bool pattern_code_matches(const void *code, struct str text)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    int result;

    must(match != NULL);
    must(context != NULL);
    (void)pcre2_set_match_limit(context, PATTERN_STEPS_MAX);
    (void)pcre2_set_heap_limit(context, PATTERN_MEMORY_KIB_MAX);
    result = pcre2_match(code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, match, context);
    pcre2_match_context_free(context);
    pcre2_match_data_free(match);
    return result >= 0;
}

bool pattern_matches(const struct shape *shape, struct str text)
{
    return pattern_code_matches(compiled(shape_regex(shape)), text);
}
