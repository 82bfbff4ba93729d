/* The parts of a filter pattern, shared by the files that parse and match them; nobody else includes this. */
#pragma once

#include "plane/logs/filter_pattern.h"

#include "plane/logs/decimal.h"
#include "plane/logs/json_text.h"

/* -- Reading a pattern. */

struct filter_cursor {
    struct str rest; /* what is not read yet */
    struct str whole;
    struct arena *arena;
    size_t regexes;
    size_t wildcards;
    size_t depth; /* open parentheses */
};

void filter_skip_spaces(struct filter_cursor *at);
/* Takes `token` when it is next, after spaces. */
bool filter_take(struct filter_cursor *at, const char *token);
char filter_peek(struct filter_cursor *at); /* the next character after spaces, 0 at the end */
/* InvalidParameterException that says what was expected and where. */
checked bool filter_expected(const struct filter_cursor *at, const char *what, struct fail *f);
checked bool filter_bad_term(struct str term, struct fail *f);
/* "a \"quoted\" string" with the cursor at its first quote; ret_text in the arena. */
checked bool filter_read_quoted(struct filter_cursor *at, struct str *ret_text, struct fail *f);

/* -- Regular expressions. */

struct filter_regex;

/* %...% with the cursor at its first %. */
checked bool filter_read_regex(struct filter_cursor *at, const struct filter_regex **ret_regex, struct fail *f);

/* What one match of a pattern against one message works with. */
struct filter_scratch {
    struct arena *arena;
    char *regex_room; /* for one regular expression at a time, once there was one */
    size_t regex_size;
    size_t regex_used;
    char *text_room; /* for one string at a time, as long as the message, once there was one */
    size_t message_len;
    uint64_t steps; /* that regular expressions may still take */
    bool exhausted; /* steps or memory ran out: the message does not match */
};

#define FILTER_REGEX_STEPS_MAX 16000000 /* of PCRE2's matcher, a message: some tenths of a second at the very worst */

static inline struct filter_scratch filter_scratch(struct arena *arena, struct str message)
{
    return (struct filter_scratch){.arena = arena, .message_len = message.len, .steps = FILTER_REGEX_STEPS_MAX};
}

bool filter_regex_match(const struct filter_regex *regex, struct str text, struct filter_scratch *scratch);

/* -- Values on the right of an operator. */

enum filter_operand_kind { OPERAND_TEXT, OPERAND_NUMBER, OPERAND_REGEX };

struct filter_operand {
    enum filter_operand_kind kind;
    struct str text; /* without the wildcards at its ends; of numbers too */
    bool any_before; /* it began with * */
    bool any_after;  /* it ended with * */
    struct decimal number;
    const struct filter_regex *regex;
};

bool filter_text_matches(const struct filter_operand *operand, struct str text);

/* -- Conditions. */

enum filter_test {
    TEST_EQUAL,
    TEST_NOT_EQUAL,
    TEST_LESS,
    TEST_LESS_EQUAL,
    TEST_GREATER,
    TEST_GREATER_EQUAL,
    TEST_IS_NULL,
    TEST_IS_TRUE,
    TEST_IS_FALSE,
    TEST_NOT_EXISTS,
};

enum filter_condition_kind { CONDITION_TEST, CONDITION_AND, CONDITION_OR };

struct filter_condition {
    enum filter_condition_kind kind;
    const struct filter_condition *left, *right; /* AND, OR */
    const struct filter_selector *selector;      /* TEST in JSON; a field's tests have their field around them */
    enum filter_test test;
    struct filter_operand operand;
};

/* Reads what is on the left of an operator into the condition. */
typedef bool filter_read_subject_fn(struct filter_cursor *at, void *context, struct filter_condition *condition,
                                    struct fail *f);

/* condition := all ("||" all)*, all := one ("&&" one)*, one := "(" condition ")" | subject test. */
checked bool filter_read_condition(struct filter_cursor *at, filter_read_subject_fn *read_subject, void *context,
                                   const struct filter_condition **ret_condition, struct fail *f);

/* Whether a single test holds of a text, a number or nothing (numbers are text that reads as one). */
bool filter_test_text(const struct filter_condition *test, struct str text, bool is_number,
                      struct filter_scratch *scratch);

typedef bool filter_holds_fn(const void *context, const struct filter_condition *test, struct filter_scratch *scratch);
bool filter_condition_holds(const struct filter_condition *condition, filter_holds_fn *holds, const void *context,
                            struct filter_scratch *scratch);

/* -- The kinds of pattern. */

struct filter_json;
checked bool filter_json_read(struct filter_cursor *at, const struct filter_json **ret_json, struct fail *f);
bool filter_json_match(const struct filter_json *json, struct str message, struct filter_scratch *scratch);
/* The string or number at a selector such as "$.a[0]". */
checked bool filter_json_value(struct str message, struct str selector, struct arena *arena, struct str *ret_value);
checked bool filter_json_check_selector(struct str selector, struct arena *arena, struct fail *f);

struct filter_fields;
checked bool filter_fields_read(struct filter_cursor *at, const struct filter_fields **ret_fields, struct fail *f);
bool filter_fields_match(const struct filter_fields *fields, struct str message, struct filter_scratch *scratch);
size_t filter_fields_values(const struct filter_fields *fields, struct str message, struct arena *arena,
                            const struct filter_value **ret_values);
/* Whether a field has that name (without "$"). */
bool filter_fields_has(const struct filter_fields *fields, struct str name);
