#define PCRE2_CODE_UNIT_WIDTH 8
#include "node/logs/line_pattern.h"

#include "node/logs/utf8.h"

#include <pcre2.h>

enum { STEPS_MAX = 200000, HEAP_KIB_MAX = 4096, REGEX_BYTES_MAX = 64 * 1024 };

struct line_pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

/* -- Dates. */

/* The sequences that Docker's documentation of awslogs-datetime-format lists. */
static const struct {
    char sequence;
    const char *regex;
} sequences[] = {
    {'a', "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"},
    {'A', "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"},
    {'w', "[0-6]"},
    {'d', "(?:0[1-9]|[12]\\d|3[01])"},
    {'b', "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"},
    {'B', "(?:January|February|March|April|May|June|July|August|September|October|November|December)"},
    {'m', "(?:0[1-9]|1[0-2])"},
    {'Y', "\\d{4}"},
    {'y', "\\d\\d"},
    {'H', "(?:[01]\\d|2[0-3])"},
    {'I', "(?:0[1-9]|1[0-2])"},
    {'p', "[AP]M"},
    {'M', "[0-5]\\d"},
    {'S', "(?:[0-5]\\d|60)"},
    {'f', "\\d{6}"},
    {'L', "\\.\\d{3}"},
    {'z', "[+-]\\d{4}"},
    {'Z', "[A-Z]{2,5}"},
    {'j', "(?:00[1-9]|0[1-9]\\d|[12]\\d\\d|3[0-5]\\d|36[0-6])"},
    {'%', "%"},
};

static bool add_sequence(char sequence, struct buf *out, struct fail *f)
{
    for (size_t i = 0; i < COUNT_OF(sequences); i++)
        if (sequences[i].sequence == sequence) {
            buf_add_cstr(out, sequences[i].regex);
            return true;
        }
    return fail(f, FAIL_INPUT, "awslogs-datetime-format has no sequence '%%%c'", sequence);
}

bool line_pattern_datetime_regex(struct str format, struct buf *out, struct fail *f)
{
    for (size_t i = 0; i < format.len; i++) {
        if (format.ptr[i] != '%') {
            buf_add_char(out, format.ptr[i]);
            continue;
        }
        if (++i == format.len)
            return fail(f, FAIL_INPUT, "awslogs-datetime-format ends in a lone '%%'");
        if (!add_sequence(format.ptr[i], out, f))
            return false;
    }
    return !out->overflowed || fail(f, FAIL_LIMIT, "awslogs-datetime-format is too long");
}

/* -- Expressions. */

static pcre2_code *compile(struct str regex, uint32_t options, struct str given, struct fail *f)
{
    PCRE2_UCHAR why[200] = "";
    PCRE2_SIZE where = 0;
    int error = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)regex.ptr, regex.len, options | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C,
                                     &error, &where, NULL);

    if (code == NULL) {
        (void)pcre2_get_error_message(error, why, sizeof(why));
        (void)!fail(f, FAIL_INPUT, "'%.*s' is not a regular expression: %s at character %zu", STR_ARG(given),
                    (const char *)why, where + 1);
    }
    return code;
}

/* The expression is compiled by itself, to be sure that it is one, and again within an anchored search: PCRE2 counts
 * steps anew at each place where a match may begin, and one count must bound them all. */
static bool compile_search(struct str regex, struct line_pattern *pattern, struct fail *f)
{
    auto_buf search = {.limit = REGEX_BYTES_MAX};
    pcre2_code *alone = compile(regex, 0, regex, f);

    if (alone == NULL)
        return false;
    pcre2_code_free(alone);
    buf_printf(&search, "(?s:.*?)(?:%.*s)", STR_ARG(regex));
    if (search.overflowed)
        return fail(f, FAIL_LIMIT, "the regular expression is too long");
    pattern->code = compile(buf_str(&search), PCRE2_ANCHORED, regex, f);
    return pattern->code != NULL;
}

static bool prepare(struct str regex, struct line_pattern *pattern, struct fail *f)
{
    if (!compile_search(regex, pattern, f))
        return false;
    pattern->data = pcre2_match_data_create(1, NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    if (pattern->data == NULL || pattern->limits == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    (void)pcre2_set_match_limit(pattern->limits, STEPS_MAX);
    (void)pcre2_set_heap_limit(pattern->limits, HEAP_KIB_MAX);
    return true;
}

bool line_pattern_from_regex(struct str regex, struct line_pattern **ret_pattern, struct fail *f)
{
    struct line_pattern *pattern = calloc(1, sizeof(*pattern));

    if (pattern == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    if (!prepare(regex, pattern, f)) {
        line_pattern_free(pattern);
        return false;
    }
    *ret_pattern = pattern;
    return true;
}

bool line_pattern_from_datetime(struct str format, struct line_pattern **ret_pattern, struct fail *f)
{
    auto_buf regex = {.limit = REGEX_BYTES_MAX};

    return line_pattern_datetime_regex(format, &regex, f) && line_pattern_from_regex(buf_str(&regex), ret_pattern, f);
}

void line_pattern_free(struct line_pattern *pattern)
{
    if (pattern == NULL)
        return;
    pcre2_match_context_free(pattern->limits);
    pcre2_match_data_free(pattern->data);
    pcre2_code_free(pattern->code);
    free(pattern);
}

bool line_pattern_match(const struct line_pattern *pattern, struct str line)
{
    size_t len = 0;
    size_t step;

    while (len < LINE_PATTERN_BYTES && (step = utf8_char_len(str_from(line, len))) > 0)
        len += step;
    /* Behind a cut "$" must not match; the text up to it is known to be UTF-8. */
    return pcre2_match(pattern->code, (PCRE2_SPTR)(len == 0 ? "" : line.ptr), len, 0,
                       PCRE2_NO_UTF_CHECK | (len < line.len ? PCRE2_NOTEOL : 0), pattern->data, pattern->limits) >= 0;
}
