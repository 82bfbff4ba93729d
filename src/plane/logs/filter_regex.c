/* The regular expressions of filter patterns: the documented subset ("Supported regular expressions (regex) syntax"),
 * checked here character by character, run by PCRE2.
 *
 * PCRE2's own match limit starts anew at each place of the text where a match might begin. The expression is therefore
 * wrapped in an anchored one that looks for the place itself, so that one count of steps bounds the whole search. PCRE2
 * does not tell how many it took: each attempt is charged its limit, small at first, and made again with a larger one
 * when that was not enough. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "plane/logs/filter_private.h"

#include <pcre2.h>
#include <stdio.h>

/* Backtracking goes no deeper than there are repetitions in an expression, since it has no groups: 500 frames of some
 * 150 bytes, in a block that PCRE2 doubles from 20 KiB on, never giving back (see leave_memory). The first room serves
 * nearly all, and zeroing the large one would cost more than the match. */
enum {
    ROOM_BYTES_FIRST = 24 * 1024,
    ROOM_BYTES_MAX = 256 * 1024,
    STEPS_FIRST = 100,
    STEPS_A_BYTE = 16,
    STEPS_GROWTH = 32,
};

struct filter_regex {
    pcre2_code *code;
};

static void *take_memory(PCRE2_SIZE size, void *arena)
{
    return arena_try(arena, size);
}

static void leave_memory(void *at, void *arena)
{
    (void)at; /* goes with the arena */
    (void)arena;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* Symbols and operators of the documentation, and the space that its examples have. */
static bool is_symbol(char c)
{
    return c != '\0' && strchr(":_#=@/;,- ^$?[]{}|*+.", c) != NULL;
}

/* The length of the escape at the front of text, 0 when it is not one of those documented. */
static size_t escape_len(struct str text)
{
    if (text.len < 2)
        return 0;
    if (text.ptr[1] == 'x')
        return text.len >= 4 && is_hex(text.ptr[2]) && is_hex(text.ptr[3]) ? 4 : 0;
    return is_symbol(text.ptr[1]) || (text.ptr[1] != '\0' && strchr("\\dDsSwW", text.ptr[1]) != NULL) ? 2 : 0;
}

/* "{m}", "{m,}" or "{m,n}": anything else would silently mean itself. */
static size_t repeat_len(struct str text)
{
    size_t at = 1;

    while (at < text.len && ((text.ptr[at] >= '0' && text.ptr[at] <= '9') || (text.ptr[at] == ',' && at > 1)))
        at++;
    return at > 1 && at < text.len && text.ptr[at] == '}' ? at + 1 : 0;
}

static bool check(struct str expression, struct fail *f)
{
    bool in_class = false;
    size_t at = 0;

    while (at < expression.len) {
        struct str rest = str_from(expression, at);
        char c = rest.ptr[0];
        size_t len = is_alphanumeric(c) || is_symbol(c) ? 1 : 0;

        if (c == '\\')
            len = escape_len(rest);
        else if (c == '{' && !in_class)
            len = repeat_len(rest);
        else if (c == '[' || c == ']')
            in_class = c == '[';
        if (len == 0)
            return fail_api(f, "InvalidParameterException",
                            "Invalid character(s) in regular expression '%.*s': not supported from character %zu on",
                            STR_ARG(expression), at + 1);
        at += len;
    }
    return true;
}

static bool compile(struct str expression, struct arena *arena, struct filter_regex *regex, struct fail *f)
{
    struct str wrapped = arena_printf(arena, "(?s:.*?)(?:%.*s)", STR_ARG(expression));
    pcre2_general_context *memory = pcre2_general_context_create(take_memory, leave_memory, arena);
    pcre2_compile_context *context = memory == NULL ? NULL : pcre2_compile_context_create(memory);
    PCRE2_UCHAR why[200] = "out of memory";
    PCRE2_SIZE where;
    int error = 0;

    if (context != NULL) {
        regex->code = pcre2_compile((PCRE2_SPTR)wrapped.ptr, wrapped.len, PCRE2_ANCHORED, &error, &where, context);
        if (regex->code == NULL)
            (void)pcre2_get_error_message(error, why, sizeof(why));
    }
    if (regex->code == NULL)
        return fail_api(f, "InvalidParameterException", "Invalid regular expression '%.*s': %s", STR_ARG(expression),
                        (const char *)why);
    return true;
}

bool filter_read_regex(struct filter_cursor *at, const struct filter_regex **ret_regex, struct fail *f)
{
    struct filter_regex *regex = arena_new(at->arena, struct filter_regex);
    struct str inside = str_from(at->rest, 1);
    struct str behind;

    inside = str_cut(inside, '%', &behind);
    if (behind.ptr == NULL)
        return filter_expected(at, "a closing % for the regular expression that begins", f);
    if (inside.len == 0)
        return filter_expected(at, "a regular expression between % and %", f);
    if (++at->regexes > FILTER_REGEXES_MAX)
        return fail_api(f, "InvalidParameterException",
                        "Invalid filter pattern: more than %d regular expressions in a pattern", FILTER_REGEXES_MAX);
    if (!check(inside, f) || !compile(inside, at->arena, regex, f))
        return false;
    at->rest = behind;
    *ret_regex = regex;
    return true;
}

static void *take_room(PCRE2_SIZE size, void *context)
{
    struct filter_scratch *scratch = context;
    size_t padded = (size + 15) / 16 * 16;
    void *at;

    if (size > scratch->regex_size || padded > scratch->regex_size - scratch->regex_used)
        return NULL;
    at = scratch->regex_room + scratch->regex_used;
    scratch->regex_used += padded;
    return at;
}

static bool take_larger_room(struct filter_scratch *scratch)
{
    size_t size = scratch->regex_size == 0 ? ROOM_BYTES_FIRST : ROOM_BYTES_MAX;
    char *room = size == scratch->regex_size ? NULL : arena_try(scratch->arena, size);

    if (room == NULL)
        return false;
    scratch->regex_room = room;
    scratch->regex_size = size;
    return true;
}

/* One attempt of at most `steps`; PCRE2's answer. */
static int attempt(const struct filter_regex *regex, struct str text, uint32_t steps, struct filter_scratch *scratch)
{
    pcre2_general_context *memory = pcre2_general_context_create(take_room, leave_memory, scratch);
    pcre2_match_data *data = memory == NULL ? NULL : pcre2_match_data_create(1, memory);
    pcre2_match_context *limits = memory == NULL ? NULL : pcre2_match_context_create(memory);

    if (data == NULL || limits == NULL)
        return PCRE2_ERROR_NOMEMORY;
    (void)pcre2_set_match_limit(limits, steps);
    return pcre2_match(regex->code, (PCRE2_SPTR)(text.len == 0 ? "" : text.ptr), text.len, 0, 0, data, limits);
}

bool filter_regex_match(const struct filter_regex *regex, struct str text, struct filter_scratch *scratch)
{
    uint64_t steps = STEPS_FIRST + STEPS_A_BYTE * (uint64_t)text.len;
    int answer;

    do {
        steps = steps < scratch->steps ? steps : scratch->steps;
        scratch->steps -= steps;
        scratch->regex_used = 0;
        answer = attempt(regex, text, (uint32_t)steps, scratch);
        if (answer == PCRE2_ERROR_MATCHLIMIT)
            steps *= STEPS_GROWTH;
    } while (scratch->steps > 0 &&
             (answer == PCRE2_ERROR_MATCHLIMIT || (answer == PCRE2_ERROR_NOMEMORY && take_larger_room(scratch))));
    scratch->exhausted = scratch->exhausted || (answer < 0 && answer != PCRE2_ERROR_NOMATCH);
    return answer >= 0;
}
