/* The parser makes a small program for a stack of truths: tests push, "and" and "or" take two, "not" one. */
#include "plane/ecs/cluster_query.h"

#include "base/must.h"
#include "base/when.h"
#include "model/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* ---- subjects and operators ---- */

enum operator_kind {
    OPERATOR_EQUALS,
    OPERATOR_NOT_EQUALS,
    OPERATOR_EXISTS,
    OPERATOR_NOT_EXISTS,
    OPERATOR_GREATER,
    OPERATOR_GREATER_EQUAL,
    OPERATOR_LESS,
    OPERATOR_LESS_EQUAL,
    OPERATOR_IN,
    OPERATOR_NOT_IN,
    OPERATOR_MATCHES,
    OPERATOR_NOT_MATCHES,
};

/* A sign comes before every sign that it begins with. */
static const struct operator_row {
    const char *text;
    bool is_word;
    enum operator_kind kind;
} operators[] = {
    {"==", false, OPERATOR_EQUALS},
    {"=~", false, OPERATOR_MATCHES},
    {"!=", false, OPERATOR_NOT_EQUALS},
    {"!~", false, OPERATOR_NOT_MATCHES},
    {">=", false, OPERATOR_GREATER_EQUAL},
    {">", false, OPERATOR_GREATER},
    {"<=", false, OPERATOR_LESS_EQUAL},
    {"<", false, OPERATOR_LESS},
    {"!in", true, OPERATOR_NOT_IN},
    {"!exists", true, OPERATOR_NOT_EXISTS},
    {"equals", true, OPERATOR_EQUALS},
    {"not_equals", true, OPERATOR_NOT_EQUALS},
    {"exists", true, OPERATOR_EXISTS},
    {"not_exists", true, OPERATOR_NOT_EXISTS},
    {"greater_than", true, OPERATOR_GREATER},
    {"greater_than_equal", true, OPERATOR_GREATER_EQUAL},
    {"less_than", true, OPERATOR_LESS},
    {"less_than_equal", true, OPERATOR_LESS_EQUAL},
    {"in", true, OPERATOR_IN},
    {"not_in", true, OPERATOR_NOT_IN},
    {"matches", true, OPERATOR_MATCHES},
    {"not_matches", true, OPERATOR_NOT_MATCHES},
};

enum value_kind { VALUE_TEXT, VALUE_NUMBER, VALUE_VERSION, VALUE_TIME };

#define OF(kind)   (1U << (OPERATOR_##kind))
#define EQUALITY   (OF(EQUALS) | OF(NOT_EQUALS))
#define ORDER      (OF(GREATER) | OF(GREATER_EQUAL) | OF(LESS) | OF(LESS_EQUAL))
#define MEMBERSHIP (OF(IN) | OF(NOT_IN))
#define PATTERN    (OF(MATCHES) | OF(NOT_MATCHES))
#define EXISTENCE  (OF(EXISTS) | OF(NOT_EXISTS))

enum subject_kind {
    SUBJECT_AGENT_CONNECTED,
    SUBJECT_AGENT_VERSION,
    SUBJECT_EC2_INSTANCE_ID,
    SUBJECT_REGISTERED_AT,
    SUBJECT_RUNNING_TASKS_COUNT,
    SUBJECT_TASK_GROUP,
    SUBJECT_ATTRIBUTE,
};

/* The page's list of subjects and their valid operators; for attributes it names none. */
static const struct subject_row {
    const char *name;
    enum value_kind value;
    unsigned operators;
} subjects[] = {
    [SUBJECT_AGENT_CONNECTED] = {"agentConnected", VALUE_TEXT, EQUALITY | MEMBERSHIP | PATTERN},
    [SUBJECT_AGENT_VERSION] = {"agentVersion", VALUE_VERSION, EQUALITY | ORDER},
    [SUBJECT_EC2_INSTANCE_ID] = {"ec2InstanceId", VALUE_TEXT, EQUALITY | MEMBERSHIP | PATTERN},
    [SUBJECT_REGISTERED_AT] = {"registeredAt", VALUE_TIME, EQUALITY | ORDER},
    [SUBJECT_RUNNING_TASKS_COUNT] = {"runningTasksCount", VALUE_NUMBER, EQUALITY | ORDER},
    [SUBJECT_TASK_GROUP] = {"task:group", VALUE_TEXT, EQUALITY | MEMBERSHIP | PATTERN},
    [SUBJECT_ATTRIBUTE] = {"attribute:", VALUE_TEXT, EQUALITY | ORDER | MEMBERSHIP | PATTERN | EXISTENCE},
};

struct test {
    enum subject_kind subject;
    struct str attribute; /* SUBJECT_ATTRIBUTE */
    enum operator_kind operator_;
    const struct str *arguments;
    size_t argument_count;
    int64_t number; /* VALUE_NUMBER, VALUE_TIME */
    const pcre2_code *pattern;
};

enum step_kind { STEP_TEST, STEP_NOT, STEP_AND, STEP_OR };

struct step {
    enum step_kind kind;
    struct test test;
};

struct cluster_query {
    struct step *steps;
    size_t count, capacity;
};

/* ---- reading ---- */

struct parser {
    struct str text;
    size_t at;
    unsigned depth;
    size_t tests;
    struct arena *arena;
    struct cluster_query *query;
    struct fail *f;
};

#define refuse(parser, ...) fail_api((parser)->f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

static bool refuse_at(const struct parser *parser, const char *expected)
{
    struct str rest = str_from(parser->text, parser->at);

    if (rest.len == 0)
        return refuse(parser, "Invalid expression '%.*s': %s expected at its end.", STR_ARG(parser->text), expected);
    return refuse(parser, "Invalid expression '%.*s': %s expected at '%.*s'.", STR_ARG(parser->text), expected,
                  STR_ARG(rest));
}

static struct str rest_of(struct parser *parser)
{
    while (parser->at < parser->text.len && strchr(" \t\r\n", parser->text.ptr[parser->at]) != NULL &&
           parser->text.ptr[parser->at] != '\0')
        parser->at++;
    return str_from(parser->text, parser->at);
}

static bool is_word_byte(char c)
{
    return (unsigned char)c > ' ' && strchr("()[],=!<>&|'\"", c) == NULL;
}

static size_t word_len(struct str text)
{
    size_t len = 0;

    while (len < text.len && is_word_byte(text.ptr[len]))
        len++;
    return len;
}

/* Takes a sign ("(", "&&"), or a word that ends there ("and"). */
static bool take(struct parser *parser, const char *text, bool is_word)
{
    struct str rest = rest_of(parser);
    struct str wanted = str_of(text);

    if (!str_starts_nocase(rest, wanted))
        return false;
    if (is_word && wanted.len < rest.len && is_word_byte(rest.ptr[wanted.len]))
        return false;
    parser->at += wanted.len;
    return true;
}

static bool take_quoted(struct parser *parser, struct str *ret_text)
{
    struct str rest = rest_of(parser);
    struct str behind;

    if (rest.len == 0 || (rest.ptr[0] != '\'' && rest.ptr[0] != '"'))
        return false;
    *ret_text = str_cut(str_from(rest, 1), rest.ptr[0], &behind);
    if (behind.ptr == NULL)
        return false;
    parser->at += ret_text->len + 2;
    return true;
}

static bool take_argument(struct parser *parser, struct str *ret_text)
{
    struct str rest;
    size_t len;

    if (take_quoted(parser, ret_text))
        return true;
    rest = rest_of(parser);
    len = word_len(rest);
    if (len == 0)
        return refuse_at(parser, "an argument");
    *ret_text = str_to(rest, len);
    parser->at += len;
    return true;
}

/* Up to a space, or a bracket that was not opened within. */
static bool take_pattern(struct parser *parser, struct str *ret_text)
{
    struct str rest;
    size_t open = 0;
    size_t len = 0;

    if (take_quoted(parser, ret_text))
        return true;
    rest = rest_of(parser);
    for (; len < rest.len && (unsigned char)rest.ptr[len] > ' '; len++) {
        open += rest.ptr[len] == '(' || rest.ptr[len] == '[';
        if ((rest.ptr[len] == ')' || rest.ptr[len] == ']') && open-- == 0)
            break;
    }
    if (len == 0)
        return refuse_at(parser, "a regular expression");
    *ret_text = str_to(rest, len);
    parser->at += len;
    return true;
}

/* ---- a test ---- */

static void *take_memory(PCRE2_SIZE size, void *arena)
{
    return arena_try(arena, size);
}

static void leave_memory(void *at, void *arena)
{
    (void)at; /* goes with the arena */
    (void)arena;
}

static bool compile(struct parser *parser, struct str pattern, struct test *test)
{
    pcre2_general_context *general = pcre2_general_context_create(take_memory, leave_memory, parser->arena);
    pcre2_compile_context *context = pcre2_compile_context_create(general);
    int error;
    PCRE2_SIZE offset;

    if (context == NULL)
        return refuse(parser, "The expression is too large.");
    (void)pcre2_set_parens_nest_limit(context, CLUSTER_QUERY_DEPTH_MAX);
    test->pattern = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len,
                                  PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &error,
                                  &offset, context);
    if (test->pattern == NULL)
        return refuse(parser, "Invalid expression '%.*s': '%.*s' is not a valid regular expression.",
                      STR_ARG(parser->text), STR_ARG(pattern));
    return true;
}

/* "2018-06-18T22:28:28+00:00", "...Z", without a zone (UTC), or the day alone. */
static bool read_time(struct arena *arena, struct str text, int64_t *ret_when_ms)
{
    static const char *const ends[] = {"", "Z", "T00:00:00Z"};

    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (when_from_iso8601(arena_printf(arena, "%.*s%s", STR_ARG(text), ends[i]), ret_when_ms))
            return true;
    return false;
}

static bool read_value(struct parser *parser, struct test *test)
{
    struct str text = test->arguments[0];

    switch (subjects[test->subject].value) {
    case VALUE_NUMBER:
        return str_to_int64(text, &test->number) || refuse(parser, "Invalid expression '%.*s': '%.*s' is not a number.",
                                                           STR_ARG(parser->text), STR_ARG(text));
    case VALUE_TIME:
        return read_time(parser->arena, text, &test->number) ||
               refuse(parser, "Invalid expression '%.*s': '%.*s' is not a date.", STR_ARG(parser->text), STR_ARG(text));
    case VALUE_TEXT:
    case VALUE_VERSION:
        break;
    }
    return true;
}

static bool parse_list(struct parser *parser, struct test *test)
{
    struct str *items = arena_array(parser->arena, struct str, parser->text.len / 2 + 1);
    size_t count = 0;

    if (!take(parser, "[", false))
        return refuse_at(parser, "a list '[argument, ...]'");
    do
        if (!take_argument(parser, &items[count++]))
            return false;
    while (take(parser, ",", false));
    test->arguments = items;
    test->argument_count = count;
    return take(parser, "]", false) || refuse_at(parser, "']'");
}

static bool parse_arguments(struct parser *parser, struct test *test)
{
    struct str *argument = arena_new(parser->arena, struct str);

    test->arguments = argument;
    test->argument_count = 1;
    switch (test->operator_) {
    case OPERATOR_EXISTS:
    case OPERATOR_NOT_EXISTS:
        test->argument_count = 0;
        return true;
    case OPERATOR_IN:
    case OPERATOR_NOT_IN:
        return parse_list(parser, test);
    case OPERATOR_MATCHES:
    case OPERATOR_NOT_MATCHES:
        return take_pattern(parser, argument) && compile(parser, *argument, test);
    case OPERATOR_EQUALS:
    case OPERATOR_NOT_EQUALS:
    case OPERATOR_GREATER:
    case OPERATOR_GREATER_EQUAL:
    case OPERATOR_LESS:
    case OPERATOR_LESS_EQUAL:
        return take_argument(parser, argument) && read_value(parser, test);
    }
    must_not_happen("every operator has a row");
}

static bool parse_subject(struct parser *parser, struct test *test)
{
    struct str rest = rest_of(parser);
    struct str word = str_to(rest, word_len(rest));

    for (size_t i = 0; i < COUNT_OF(subjects); i++) {
        struct str name = str_of(subjects[i].name);

        if (i == SUBJECT_ATTRIBUTE ? !str_starts(word, name) || word.len == name.len : !str_eq(word, name))
            continue;
        test->subject = (enum subject_kind)i;
        test->attribute = str_from(word, i == SUBJECT_ATTRIBUTE ? name.len : word.len);
        parser->at += word.len;
        return true;
    }
    return refuse_at(parser, "a subject (attribute:NAME, agentConnected, agentVersion, ec2InstanceId, registeredAt, "
                             "runningTasksCount or task:group)");
}

static bool parse_operator(struct parser *parser, struct test *test)
{
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (!take(parser, operators[i].text, operators[i].is_word))
            continue;
        test->operator_ = operators[i].kind;
        return (subjects[test->subject].operators & 1U << operators[i].kind) != 0 ||
               refuse(parser, "Invalid expression '%.*s': the operator '%s' cannot be used with '%s'.",
                      STR_ARG(parser->text), operators[i].text, subjects[test->subject].name);
    }
    return refuse_at(parser, "an operator");
}

/* ---- the program ---- */

static void add_step(struct parser *parser, const struct step *step)
{
    struct cluster_query *query = parser->query;

    must(query->count < query->capacity);
    query->steps[query->count++] = *step;
}

static bool parse_test(struct parser *parser)
{
    struct step step = {.kind = STEP_TEST};

    if (++parser->tests > CLUSTER_QUERY_TESTS_MAX)
        return refuse(parser, "Invalid expression: more than %d comparisons.", CLUSTER_QUERY_TESTS_MAX);
    if (!parse_subject(parser, &step.test) || !parse_operator(parser, &step.test) ||
        !parse_arguments(parser, &step.test))
        return false;
    add_step(parser, &step);
    return true;
}

static bool parse_or(struct parser *parser);

static bool parse_inner(struct parser *parser)
{
    size_t negations = 0;

    while (take(parser, "!", false) || take(parser, "not", true))
        negations++;
    if (take(parser, "(", false)) {
        if (!parse_or(parser))
            return false;
        if (!take(parser, ")", false))
            return refuse_at(parser, "')'");
    } else if (!parse_test(parser)) {
        return false;
    }
    if (negations % 2 == 1)
        add_step(parser, &(struct step){.kind = STEP_NOT});
    return true;
}

static bool parse_and(struct parser *parser)
{
    if (!parse_inner(parser))
        return false;
    while (take(parser, "&&", false) || take(parser, "and", true)) {
        if (!parse_inner(parser))
            return false;
        add_step(parser, &(struct step){.kind = STEP_AND});
    }
    return true;
}

static bool parse_or(struct parser *parser)
{
    if (parser->depth++ == CLUSTER_QUERY_DEPTH_MAX)
        return refuse(parser, "Invalid expression: parentheses nested deeper than %d.", CLUSTER_QUERY_DEPTH_MAX);
    if (!parse_and(parser))
        return false;
    while (take(parser, "||", false) || take(parser, "or", true)) {
        if (!parse_and(parser))
            return false;
        add_step(parser, &(struct step){.kind = STEP_OR});
    }
    parser->depth--;
    return true;
}

bool cluster_query_parse(struct str text, struct arena *arena, const struct cluster_query **ret_query, struct fail *f)
{
    struct cluster_query *query = arena_new(arena, struct cluster_query);
    struct parser parser = {.text = text, .arena = arena, .query = query, .f = f};

    if (text.len > CLUSTER_QUERY_LEN_MAX)
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The expression has %zu characters; it can have at most %d.", text.len, CLUSTER_QUERY_LEN_MAX);
    query->capacity = text.len + 1; /* every step has a character of its own */
    query->steps = arena_array(arena, struct step, query->capacity);
    if (!parse_or(&parser))
        return false;
    if (rest_of(&parser).len > 0)
        return refuse_at(&parser, "'and', 'or' or the end");
    *ret_query = query;
    return true;
}

/* ---- evaluating ---- */

struct str cluster_query_attribute(const struct ecs_attributes *attributes, struct str name)
{
    size_t from = 0;
    size_t to = attributes->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = str_compare(name, attributes->items[middle].name);

        if (order == 0)
            return attributes->items[middle].value.ptr == NULL ? STR("") : attributes->items[middle].value;
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return (struct str){NULL, 0};
}

static int sign(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By their numbers between dots ("1.9.0" before "1.105.1"); what is no number by its bytes. */
static int compare_versions(struct str a, struct str b)
{
    while (a.ptr != NULL || b.ptr != NULL) {
        struct str left = str_cut(a, '.', &a);
        struct str right = str_cut(b, '.', &b);
        int64_t left_number = 0;
        int64_t right_number = 0;
        bool numbers = (left.len == 0 || str_to_int64(left, &left_number)) &&
                       (right.len == 0 || str_to_int64(right, &right_number));
        int order = numbers ? sign(left_number, right_number) : str_compare(left, right);

        if (order != 0)
            return order;
    }
    return 0;
}

/* Of an attribute: as numbers where both are. */
static int compare_texts(struct str a, struct str b)
{
    int64_t left;
    int64_t right;

    return str_to_int64(a, &left) && str_to_int64(b, &right) ? sign(left, right) : str_compare(a, b);
}

static bool is_ordered(enum operator_kind operator_, int order)
{
    switch (operator_) {
    case OPERATOR_EQUALS:
        return order == 0;
    case OPERATOR_NOT_EQUALS:
        return order != 0;
    case OPERATOR_GREATER:
        return order > 0;
    case OPERATOR_GREATER_EQUAL:
        return order >= 0;
    case OPERATOR_LESS:
        return order < 0;
    case OPERATOR_LESS_EQUAL:
        return order <= 0;
    case OPERATOR_EXISTS:
    case OPERATOR_NOT_EXISTS:
    case OPERATOR_IN:
    case OPERATOR_NOT_IN:
    case OPERATOR_MATCHES:
    case OPERATOR_NOT_MATCHES:
        break;
    }
    must_not_happen("the others do not compare");
}

/* Of one value, absent where there is none: the operators that say "not" are taken as what they negate. */
static bool test_value(const struct test *test, struct str value)
{
    switch (test->operator_) {
    case OPERATOR_EXISTS:
    case OPERATOR_NOT_EXISTS:
        return value.ptr != NULL;
    case OPERATOR_EQUALS:
    case OPERATOR_NOT_EQUALS:
    case OPERATOR_IN:
    case OPERATOR_NOT_IN:
        return value.ptr != NULL && str_is_among(value, test->arguments, test->argument_count);
    case OPERATOR_MATCHES:
    case OPERATOR_NOT_MATCHES:
        return value.ptr != NULL && pattern_code_matches(test->pattern, value);
    case OPERATOR_GREATER:
    case OPERATOR_GREATER_EQUAL:
    case OPERATOR_LESS:
    case OPERATOR_LESS_EQUAL:
        return value.ptr != NULL && is_ordered(test->operator_, compare_texts(value, test->arguments[0]));
    }
    must_not_happen("every operator has a row");
}

static bool is_negative(enum operator_kind operator_)
{
    return operator_ == OPERATOR_NOT_EQUALS || operator_ == OPERATOR_NOT_EXISTS || operator_ == OPERATOR_NOT_IN ||
           operator_ == OPERATOR_NOT_MATCHES;
}

static bool test_any(const struct test *test, const struct str *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (test_value(test, values[i]))
            return true;
    return false;
}

static bool run_test(const struct test *test, const struct cluster_query_instance *instance)
{
    struct str value = {NULL, 0};

    switch (test->subject) {
    case SUBJECT_REGISTERED_AT: /* to the second, as it is written */
        return is_ordered(test->operator_, sign(instance->registered_at_ms / SECOND_MS, test->number / SECOND_MS));
    case SUBJECT_RUNNING_TASKS_COUNT:
        return is_ordered(test->operator_, sign(instance->running_tasks_count, test->number));
    case SUBJECT_AGENT_VERSION:
        return is_ordered(test->operator_, compare_versions(instance->agent_version, test->arguments[0]));
    case SUBJECT_TASK_GROUP:
        return test_any(test, instance->groups, instance->group_count) != is_negative(test->operator_);
    case SUBJECT_AGENT_CONNECTED:
        value = instance->agent_connected ? STR("true") : STR("false");
        break;
    case SUBJECT_EC2_INSTANCE_ID:
        value = instance->ec2_instance_id;
        break;
    case SUBJECT_ATTRIBUTE:
        value = cluster_query_attribute(instance->attributes, test->attribute);
        break;
    }
    return test_value(test, value) != is_negative(test->operator_);
}

bool cluster_query_matches(const struct cluster_query *query, const struct cluster_query_instance *instance)
{
    bool stack[CLUSTER_QUERY_TESTS_MAX] = {false};
    size_t height = 0;

    for (size_t i = 0; i < query->count; i++)
        switch (query->steps[i].kind) {
        case STEP_TEST:
            stack[height++] = run_test(&query->steps[i].test, instance);
            break;
        case STEP_NOT:
            stack[height - 1] = !stack[height - 1];
            break;
        case STEP_AND:
            height--;
            stack[height - 1] = stack[height - 1] && stack[height];
            break;
        case STEP_OR:
            height--;
            stack[height - 1] = stack[height - 1] || stack[height];
            break;
        }
    must(height == 1);
    return stack[0];
}
