/* Conditions: what stands in braces, and behind a field's name: tests, && and ||, parentheses. Reads them and decides
 * them; where a test's value comes from is its caller's business. */
#include "plane/logs/filter_private.h"

#include <stdio.h>

enum { PARENTHESES_MAX = 50 };

/* -- Reading. */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void filter_skip_spaces(struct filter_cursor *at)
{
    while (at->rest.len > 0 && is_space(at->rest.ptr[0]))
        at->rest = str_from(at->rest, 1);
}

bool filter_take(struct filter_cursor *at, const char *token)
{
    filter_skip_spaces(at);
    if (!str_starts(at->rest, str_of(token)))
        return false;
    at->rest = str_from(at->rest, strlen(token));
    return true;
}

char filter_peek(struct filter_cursor *at)
{
    filter_skip_spaces(at);
    if (at->rest.len == 0)
        return '\0';
    return at->rest.ptr[0];
}

bool filter_expected(const struct filter_cursor *at, const char *what, struct fail *f)
{
    size_t column = at->whole.len - at->rest.len + 1;

    return fail_api(f, "InvalidParameterException", "Invalid filter pattern: expected %s at character %zu", what,
                    column);
}

bool filter_bad_term(struct str term, struct fail *f)
{
    return fail_api(f, "InvalidParameterException", "Invalid character(s) in term '%.*s'", STR_ARG(term));
}

bool filter_read_quoted(struct filter_cursor *at, struct str *ret_text, struct fail *f)
{
    char *text = arena_alloc(at->arena, at->rest.len);
    size_t len = 0;

    for (size_t i = 1; i < at->rest.len; i++) {
        char c = at->rest.ptr[i];

        if (c == '"') {
            at->rest = str_from(at->rest, i + 1);
            *ret_text = (struct str){text, len};
            return true;
        }
        if (c == '\\' && i + 1 < at->rest.len && (at->rest.ptr[i + 1] == '"' || at->rest.ptr[i + 1] == '\\'))
            c = at->rest.ptr[++i];
        text[len++] = c;
    }
    return filter_expected(at, "a closing quotation mark for the string that begins", f);
}

/* What an unquoted value may consist of: letters, digits and underscore, and what numbers and wildcards need. */
static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_.*+-", c) != NULL);
}

/* A run up to a space or an operator; refused when it holds anything that wants quotes. */
static bool read_word(struct filter_cursor *at, struct str *ret_word, struct fail *f)
{
    size_t len = 0;
    size_t good = 0;

    while (len < at->rest.len && !is_space(at->rest.ptr[len]) &&
           (at->rest.ptr[len] == '\0' || strchr("&|(){}[],", at->rest.ptr[len]) == NULL)) {
        good += is_word_char(at->rest.ptr[len]);
        len++;
    }
    if (len == 0)
        return filter_expected(at, "a value", f);
    if (good < len)
        return filter_bad_term(str_to(at->rest, len), f);
    *ret_word = str_to(at->rest, len);
    at->rest = str_from(at->rest, len);
    return true;
}

/* A * at either end stands for anything; elsewhere it is itself. */
static void strip_wildcards(struct filter_operand *operand)
{
    if (operand->text.len > 0 && operand->text.ptr[0] == '*') {
        operand->any_before = true;
        operand->text = str_from(operand->text, 1);
    }
    if (operand->text.len > 0 && operand->text.ptr[operand->text.len - 1] == '*') {
        operand->any_after = true;
        operand->text.len--;
    }
}

static bool read_operand(struct filter_cursor *at, struct filter_operand *ret_operand, struct fail *f)
{
    struct filter_operand operand = {.kind = OPERAND_TEXT};
    char first = filter_peek(at);

    if (first == '%') {
        operand.kind = OPERAND_REGEX;
        if (!filter_read_regex(at, &operand.regex, f))
            return false;
    } else if (first == '"') {
        if (!filter_read_quoted(at, &operand.text, f))
            return false;
    } else {
        if (!read_word(at, &operand.text, f))
            return false;
        operand.kind = decimal_read(operand.text, &operand.number) ? OPERAND_NUMBER : OPERAND_TEXT;
    }
    if (operand.kind == OPERAND_TEXT)
        strip_wildcards(&operand);
    *ret_operand = operand;
    return true;
}

/* Longer signs stand before those they begin with. */
static const struct {
    const char *sign;
    enum filter_test test;
    bool ordering; /* wants a number */
} operators[] = {
    {"!=", TEST_NOT_EQUAL, false}, {"<=", TEST_LESS_EQUAL, true}, {">=", TEST_GREATER_EQUAL, true},
    {"=", TEST_EQUAL, false},      {"<", TEST_LESS, true},        {">", TEST_GREATER, true},
};

static const struct {
    const char *first;
    const char *second;
    enum filter_test test;
} phrases[] = {
    {"IS", "NULL", TEST_IS_NULL},
    {"IS", "TRUE", TEST_IS_TRUE},
    {"IS", "FALSE", TEST_IS_FALSE},
    {"NOT", "EXISTS", TEST_NOT_EXISTS},
};

static bool take_phrase(struct filter_cursor *at, const char *first, const char *second)
{
    struct filter_cursor ahead = *at;

    if (!filter_take(&ahead, first) || ahead.rest.len == 0 || !is_space(ahead.rest.ptr[0]) ||
        !filter_take(&ahead, second))
        return false;
    *at = ahead;
    return true;
}

static bool read_test(struct filter_cursor *at, struct filter_condition *condition, struct fail *f)
{
    for (size_t i = 0; condition->selector != NULL && i < COUNT_OF(phrases); i++)
        if (take_phrase(at, phrases[i].first, phrases[i].second)) {
            condition->test = phrases[i].test;
            return true;
        }
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        struct str from;

        if (!filter_take(at, operators[i].sign))
            continue;
        filter_skip_spaces(at);
        from = at->rest;
        condition->test = operators[i].test;
        if (!read_operand(at, &condition->operand, f))
            return false;
        if (operators[i].ordering && condition->operand.kind != OPERAND_NUMBER)
            return filter_bad_term(str_to(from, from.len - at->rest.len), f);
        return true;
    }
    return filter_expected(at, condition->selector == NULL ? "an operator" : "an operator, IS or NOT EXISTS", f);
}

static bool read_one(struct filter_cursor *at, filter_read_subject_fn *read_subject, void *context,
                     const struct filter_condition **ret_condition, struct fail *f)
{
    struct filter_condition *condition;

    if (filter_take(at, "(")) {
        if (at->depth == PARENTHESES_MAX)
            return fail_api(f, "InvalidParameterException",
                            "Invalid filter pattern: more than %d parentheses within each other", PARENTHESES_MAX);
        at->depth++;
        if (!filter_read_condition(at, read_subject, context, ret_condition, f))
            return false;
        at->depth--;
        return filter_take(at, ")") || filter_expected(at, "\")\"", f);
    }
    condition = arena_new(at->arena, struct filter_condition);
    condition->kind = CONDITION_TEST;
    if (!read_subject(at, context, condition, f) || !read_test(at, condition, f))
        return false;
    *ret_condition = condition;
    return true;
}

static const struct filter_condition *join(struct arena *arena, enum filter_condition_kind kind,
                                           const struct filter_condition *left, const struct filter_condition *right)
{
    struct filter_condition *both = arena_new(arena, struct filter_condition);

    *both = (struct filter_condition){.kind = kind, .left = left, .right = right};
    return both;
}

static bool read_all(struct filter_cursor *at, filter_read_subject_fn *read_subject, void *context,
                     const struct filter_condition **ret_condition, struct fail *f)
{
    const struct filter_condition *left = NULL;
    const struct filter_condition *right = NULL;

    if (!read_one(at, read_subject, context, &left, f))
        return false;
    while (filter_take(at, "&&")) {
        if (!read_one(at, read_subject, context, &right, f))
            return false;
        left = join(at->arena, CONDITION_AND, left, right);
    }
    *ret_condition = left;
    return true;
}

bool filter_read_condition(struct filter_cursor *at, filter_read_subject_fn *read_subject, void *context,
                           const struct filter_condition **ret_condition, struct fail *f)
{
    const struct filter_condition *left = NULL;
    const struct filter_condition *right = NULL;

    if (!read_all(at, read_subject, context, &left, f))
        return false;
    while (filter_take(at, "||")) {
        if (!read_all(at, read_subject, context, &right, f))
            return false;
        left = join(at->arena, CONDITION_OR, left, right);
    }
    *ret_condition = left;
    return true;
}

/* -- Deciding. */

bool filter_text_matches(const struct filter_operand *operand, struct str text)
{
    if (operand->any_before && operand->any_after)
        return operand->text.len == 0 || str_search(text, operand->text) < text.len;
    if (operand->any_before)
        return str_ends(text, operand->text);
    if (operand->any_after)
        return str_starts(text, operand->text);
    return str_eq(text, operand->text);
}

/* A value that is a number is compared with a number by value and with a string by its digits. */
static bool equals(const struct filter_operand *operand, struct str text, bool is_number,
                   struct filter_scratch *scratch)
{
    struct decimal number;

    if (operand->kind == OPERAND_REGEX)
        return filter_regex_match(operand->regex, text, scratch);
    if (operand->kind == OPERAND_NUMBER && is_number && decimal_read(text, &number))
        return decimal_compare(&number, &operand->number) == 0;
    return filter_text_matches(operand, text);
}

bool filter_test_text(const struct filter_condition *test, struct str text, bool is_number,
                      struct filter_scratch *scratch)
{
    struct decimal number;
    int order;

    if (test->test == TEST_EQUAL)
        return equals(&test->operand, text, is_number, scratch);
    if (test->test == TEST_NOT_EQUAL)
        return !equals(&test->operand, text, is_number, scratch);
    if (test->test > TEST_GREATER_EQUAL || !is_number || !decimal_read(text, &number))
        return false;
    order = decimal_compare(&number, &test->operand.number);
    return (order < 0 && (test->test == TEST_LESS || test->test == TEST_LESS_EQUAL)) ||
           (order > 0 && (test->test == TEST_GREATER || test->test == TEST_GREATER_EQUAL)) ||
           (order == 0 && (test->test == TEST_LESS_EQUAL || test->test == TEST_GREATER_EQUAL));
}

bool filter_condition_holds(const struct filter_condition *condition, filter_holds_fn *holds, const void *context,
                            struct filter_scratch *scratch)
{
    bool left;

    if (condition->kind == CONDITION_TEST)
        return holds(context, condition, scratch);
    left = filter_condition_holds(condition->left, holds, context, scratch);
    if (left == (condition->kind == CONDITION_OR))
        return left;
    return filter_condition_holds(condition->right, holds, context, scratch);
}
