/* Filter patterns: which kind a text is, and the kind that consists of terms. */
#include "plane/logs/filter_pattern.h"

#include "base/must.h"
#include "plane/logs/filter_private.h"

enum term_kind { TERM_INCLUDE, TERM_EXCLUDE, TERM_OPTIONAL };

struct term {
    enum term_kind kind;
    struct str text;
    const struct filter_regex *regex; /* instead of the text */
    struct term *next;
};

struct filter_pattern {
    enum filter_kind kind;
    const struct term *terms; /* those that count */
    const struct filter_json *json;
    const struct filter_fields *fields;
};

/* -- Terms. */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool read_word(struct filter_cursor *at, struct str *ret_word, struct fail *f)
{
    size_t len = 0;
    size_t good = 0;

    for (; len < at->rest.len && strchr(" \t\r\n", at->rest.ptr[len]) == NULL; len++)
        good += is_word_char(at->rest.ptr[len]);
    if (good < len)
        return filter_bad_term(str_to(at->rest, len), f);
    *ret_word = str_to(at->rest, len);
    at->rest = str_from(at->rest, len);
    return true;
}

static bool read_term(struct filter_cursor *at, struct term *term, struct fail *f)
{
    if (filter_take(at, "-"))
        term->kind = TERM_EXCLUDE;
    else if (filter_take(at, "?"))
        term->kind = TERM_OPTIONAL;
    switch (filter_peek(at)) {
    case '\0':
        return at->rest.len > 0 ? filter_bad_term(at->rest, f) : filter_expected(at, "a term", f);
    case '"':
        return filter_read_quoted(at, &term->text, f);
    case '%':
        return filter_read_regex(at, &term->regex, f);
    default:
        return read_word(at, &term->text, f);
    }
}

/* A "?" beside terms of other kinds is ignored, says the documentation. */
static struct term *without_optional(struct term *terms)
{
    struct term *kept = NULL;
    struct term **end = &kept;

    for (struct term *term = terms; term != NULL; term = term->next)
        if (term->kind != TERM_OPTIONAL) {
            *end = term;
            end = &term->next;
        }
    if (kept == NULL)
        return terms;
    *end = NULL;
    return kept;
}

static bool read_terms(struct filter_cursor *at, const struct term **ret_terms, struct fail *f)
{
    struct term *terms = NULL;
    struct term **end = &terms;

    while (filter_peek(at) != '\0' || at->rest.len > 0) {
        struct term *term = arena_new(at->arena, struct term);

        if (!read_term(at, term, f))
            return false;
        *end = term;
        end = &term->next;
    }
    *ret_terms = without_optional(terms);
    return true;
}

/* A phrase of spaces is the documented way to match everything. */
static bool term_found(const struct term *term, struct str message, struct filter_scratch *scratch)
{
    if (term->regex != NULL)
        return filter_regex_match(term->regex, message, scratch);
    return str_trim(term->text).len == 0 || str_search(message, term->text) < message.len;
}

static bool match_terms(const struct term *terms, struct str message, struct filter_scratch *scratch)
{
    bool any = terms->kind == TERM_OPTIONAL; /* then all of them are */

    for (const struct term *term = terms; term != NULL; term = term->next) {
        bool found = term_found(term, message, scratch);

        if (any && found)
            return true;
        if (!any && found != (term->kind == TERM_INCLUDE))
            return false;
    }
    return !any;
}

/* -- All kinds. */

static bool read_pattern(struct filter_cursor *at, struct filter_pattern *pattern, struct fail *f)
{
    switch (filter_peek(at)) {
    case '{':
        pattern->kind = FILTER_JSON;
        if (!filter_json_read(at, &pattern->json, f))
            return false;
        break;
    case '[':
        pattern->kind = FILTER_FIELDS;
        if (!filter_fields_read(at, &pattern->fields, f))
            return false;
        break;
    default:
        pattern->kind = at->rest.len == 0 ? FILTER_EVERYTHING : FILTER_TERMS;
        if (!read_terms(at, &pattern->terms, f))
            return false;
        break;
    }
    filter_skip_spaces(at);
    return at->rest.len == 0 || filter_expected(at, "the end of the pattern", f);
}

bool filter_pattern_compile(struct str text, struct arena *arena, const struct filter_pattern **ret_pattern,
                            struct fail *f)
{
    struct filter_pattern *pattern;
    struct filter_cursor at;

    if (text.len > FILTER_PATTERN_BYTES_MAX)
        return fail_api(f, "InvalidParameterException", "A filter pattern has at most %d characters, this one %zu",
                        FILTER_PATTERN_BYTES_MAX, text.len);
    pattern = arena_new(arena, struct filter_pattern);
    text = arena_str(arena, text);
    at = (struct filter_cursor){.rest = text, .whole = text, .arena = arena};
    if (!read_pattern(&at, pattern, f))
        return false;
    *ret_pattern = pattern;
    return true;
}

enum filter_kind filter_pattern_kind(const struct filter_pattern *pattern)
{
    return pattern->kind;
}

static bool match(const struct filter_pattern *pattern, struct str message, struct filter_scratch *scratch)
{
    switch (pattern->kind) {
    case FILTER_EVERYTHING:
        return true;
    case FILTER_TERMS:
        return match_terms(pattern->terms, message, scratch);
    case FILTER_JSON:
        return filter_json_match(pattern->json, message, scratch);
    case FILTER_FIELDS:
        return filter_fields_match(pattern->fields, message, scratch);
    }
    must(false);
    return false;
}

bool filter_pattern_match(const struct filter_pattern *pattern, struct str message, struct arena *arena)
{
    struct filter_scratch scratch = filter_scratch(arena, message);

    return match(pattern, message, &scratch) && !scratch.exhausted;
}

/* -- Values. */

size_t filter_pattern_values(const struct filter_pattern *pattern, struct str message, struct arena *arena,
                             const struct filter_value **ret_values)
{
    *ret_values = NULL;
    if (pattern->kind != FILTER_FIELDS)
        return 0;
    return filter_fields_values(pattern->fields, message, arena, ret_values);
}

bool filter_pattern_value(const struct filter_pattern *pattern, struct str message, struct str reference,
                          struct arena *arena, struct str *ret_value)
{
    const struct filter_value *values;
    size_t count;
    uint64_t number;

    if (pattern->kind == FILTER_JSON)
        return filter_json_value(message, reference, arena, ret_value);
    count = filter_pattern_values(pattern, message, arena, &values);
    for (size_t i = 0; i < count; i++)
        if (str_eq(values[i].name, reference) || (reference.len > 1 && reference.ptr[0] == '$' &&
                                                  str_to_uint64(str_from(reference, 1), &number) && number == i + 1)) {
            *ret_value = values[i].value;
            return true;
        }
    return false;
}

bool filter_pattern_check_reference(const struct filter_pattern *pattern, struct str reference, struct arena *arena,
                                    struct fail *f)
{
    struct str name = reference.len > 0 && reference.ptr[0] == '$' ? str_from(reference, 1) : STR("");
    uint64_t number;

    if (pattern->kind == FILTER_JSON)
        return filter_json_check_selector(reference, arena, f);
    if (pattern->kind == FILTER_FIELDS &&
        ((str_to_uint64(name, &number) && number > 0) || filter_fields_has(pattern->fields, name)))
        return true;
    return fail_api(f, "InvalidParameterException", "'%.*s' does not name a value of the filter pattern",
                    STR_ARG(reference));
}
