/* The grammar of metric math, by descent; binary operators by their rank, all from the left but the power. */
#include "plane/cloudwatch/metric_math_private.h"

#include <math.h>
#include <stdlib.h>

struct reader {
    struct str rest;
    struct arena *arena;
    struct fail *f;
    unsigned depth;
};

/* Longer spellings before their beginnings. */
static const struct {
    const char *text;
    enum math_operator operator;
    unsigned rank;
    bool is_word; /* ends where letters end */
} operators[] = {
    {"||", MATH_OR, 1, false},         {"OR", MATH_OR, 1, true},
    {"&&", MATH_AND, 2, false},        {"AND", MATH_AND, 2, true},
    {"==", MATH_EQUAL, 3, false},      {"!=", MATH_UNEQUAL, 3, false},
    {"<=", MATH_LESS_EQUAL, 3, false}, {">=", MATH_GREATER_EQUAL, 3, false},
    {"<", MATH_LESS, 3, false},        {">", MATH_GREATER, 3, false},
    {"+", MATH_PLUS, 4, false},        {"-", MATH_MINUS, 4, false},
    {"*", MATH_TIMES, 5, false},       {"/", MATH_DIVIDE, 5, false},
    {"^", MATH_POWER, 6, false},
};
enum { RANK_FIRST = 1, RANK_POWER = 6 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(struct reader *reader)
{
    while (reader->rest.len > 0 && memchr(" \t\r\n", reader->rest.ptr[0], 4) != NULL)
        reader->rest = str_from(reader->rest, 1);
}

/* Takes a mark that stands next. */
static bool take(struct reader *reader, char mark)
{
    skip_space(reader);
    if (reader->rest.len == 0 || reader->rest.ptr[0] != mark)
        return false;
    reader->rest = str_from(reader->rest, 1);
    return true;
}

static bool unexpected(const struct reader *reader)
{
    if (reader->rest.len == 0)
        return fail(reader->f, FAIL_INPUT, "the expression ends too early");
    return fail(reader->f, FAIL_INPUT, "unexpected text at '%.*s'",
                (int)(reader->rest.len > 20 ? 20 : reader->rest.len), reader->rest.ptr);
}

static struct math_node *node_new(const struct reader *reader, enum math_kind kind, size_t parts)
{
    struct math_node *node = arena_new(reader->arena, struct math_node);

    node->kind = kind;
    if (parts > 0)
        node->parts = arena_array(reader->arena, const struct math_node *, parts);
    return node;
}

static bool read_rank(struct reader *reader, unsigned rank, const struct math_node **ret_node);

static bool read_number(struct reader *reader, const struct math_node **ret_node)
{
    struct math_node *node = node_new(reader, MATH_NUMBER, 0);
    size_t len = 0;
    bool after_power = false;

    for (; len < reader->rest.len; len++) {
        char c = reader->rest.ptr[len];
        bool is_sign = (c == '+' || c == '-') && after_power;

        if (!is_digit(c) && c != '.' && c != 'e' && c != 'E' && !is_sign)
            break;
        after_power = c == 'e' || c == 'E';
    }
    {
        const char *text = arena_cstr(reader->arena, str_to(reader->rest, len));
        char *end;

        node->number = strtod(text, &end);
        if (end != text + len || !isfinite(node->number))
            return unexpected(reader);
    }
    reader->rest = str_from(reader->rest, len);
    *ret_node = node;
    return true;
}

static bool read_text(struct reader *reader, char quote, const struct math_node **ret_node)
{
    struct math_node *node = node_new(reader, MATH_TEXT, 0);
    size_t end = str_find(reader->rest, quote);

    if (end == reader->rest.len)
        return fail(reader->f, FAIL_INPUT, "a text has no end");
    node->text = str_to(reader->rest, end);
    reader->rest = str_from(reader->rest, end + 1);
    *ret_node = node;
    return true;
}

/* What is separated by commas up to the closing mark. */
static bool read_parts(struct reader *reader, char close, struct math_node *node)
{
    const struct math_node *parts[MATH_PARTS_MAX];
    size_t count = 0;

    if (take(reader, close))
        return true;
    do {
        if (count == MATH_PARTS_MAX)
            return fail(reader->f, FAIL_INPUT, "there are more than %d parts in one place", MATH_PARTS_MAX);
        if (!read_rank(reader, RANK_FIRST, &parts[count]))
            return false;
        count++;
    } while (take(reader, ','));
    node->parts = arena_array(reader->arena, const struct math_node *, count);
    memcpy(node->parts, parts, count * sizeof(*parts));
    node->part_count = count;
    return take(reader, close) || unexpected(reader);
}

static bool check_call(const struct reader *reader, const struct math_node *node)
{
    if (node->part_count >= node->function->parts_min && node->part_count <= node->function->parts_max)
        return true;
    return fail(reader->f, FAIL_INPUT, "the function '%s' does not take %zu arguments", node->function->name,
                node->part_count);
}

static bool read_name(struct reader *reader, const struct math_node **ret_node)
{
    struct math_node *node;
    struct str name;
    size_t len = 0;

    while (len < reader->rest.len && (is_letter(reader->rest.ptr[len]) || is_digit(reader->rest.ptr[len])))
        len++;
    name = str_to(reader->rest, len);
    reader->rest = str_from(reader->rest, len);
    if (str_eq_nocase(name, STR("SELECT")))
        return fail(reader->f, FAIL_INPUT, "Berth does not support Metrics Insights queries");
    if (!take(reader, '(')) {
        node = node_new(reader, MATH_NAME, 0);
        node->text = name;
        *ret_node = node;
        return true;
    }
    node = node_new(reader, MATH_FUNCTION, 0);
    node->text = name;
    node->function = math_function_named(name);
    if (node->function == NULL)
        return fail(reader->f, FAIL_INPUT, "Berth does not support the function '%.*s'", STR_ARG(name));
    *ret_node = node;
    return read_parts(reader, ')', node) && check_call(reader, node);
}

static bool read_array(struct reader *reader, const struct math_node **ret_node)
{
    struct math_node *node = node_new(reader, MATH_ARRAY, 0);

    *ret_node = node;
    return read_parts(reader, ']', node);
}

static bool read_operand(struct reader *reader, const struct math_node **ret_node)
{
    char first = '\0';

    if (take(reader, '('))
        return read_rank(reader, RANK_FIRST, ret_node) && (take(reader, ')') || unexpected(reader));
    if (take(reader, '['))
        return read_array(reader, ret_node);
    if (take(reader, '"'))
        return read_text(reader, '"', ret_node);
    if (take(reader, '\''))
        return read_text(reader, '\'', ret_node);
    if (reader->rest.len > 0)
        first = reader->rest.ptr[0];
    if (is_letter(first))
        return read_name(reader, ret_node);
    if (is_digit(first) || first == '.')
        return read_number(reader, ret_node);
    return unexpected(reader);
}

static bool read_signed(struct reader *reader, const struct math_node **ret_node)
{
    struct math_node *node;
    bool good;

    if (!take(reader, '-'))
        return read_operand(reader, ret_node);
    node = node_new(reader, MATH_OPERATOR, 1);
    node->operator= MATH_MINUS;
    node->part_count = 1;
    if (++reader->depth > METRIC_MATH_DEPTH_MAX)
        return fail(reader->f, FAIL_INPUT, "the expression is nested too deep");
    good = read_rank(reader, RANK_POWER, &node->parts[0]); /* -2^2 is -(2^2) */
    reader->depth--;
    *ret_node = node;
    return good;
}

/* The operator of that rank that stands next, taken. */
static bool take_operator(struct reader *reader, unsigned rank, enum math_operator *ret_operator)
{
    skip_space(reader);
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        struct str text = str_of(operators[i].text);

        if (!str_starts_nocase(reader->rest, text))
            continue;
        if (operators[i].is_word && reader->rest.len > text.len &&
            (is_letter(reader->rest.ptr[text.len]) || is_digit(reader->rest.ptr[text.len])))
            continue;
        if (operators[i].rank != rank)
            return false;
        reader->rest = str_from(reader->rest, text.len);
        *ret_operator = operators[i].operator;
        return true;
    }
    return false;
}

static bool read_operators(struct reader *reader, unsigned rank, const struct math_node **ret_node)
{
    enum math_operator operator;

    if (!(rank == RANK_POWER ? read_signed(reader, ret_node) : read_rank(reader, rank + 1, ret_node)))
        return false;
    while (take_operator(reader, rank, &operator)) {
        struct math_node *node = node_new(reader, MATH_OPERATOR, 2);

        node->operator= operator;
        node->parts[0] = *ret_node;
        node->part_count = 2;
        *ret_node = node;
        if (!read_rank(reader, rank == RANK_POWER ? rank : rank + 1, &node->parts[1]))
            return false;
    }
    return true;
}

static bool read_rank(struct reader *reader, unsigned rank, const struct math_node **ret_node)
{
    bool is_inner = rank == RANK_FIRST || rank == RANK_POWER;
    bool good;

    if (is_inner && ++reader->depth > METRIC_MATH_DEPTH_MAX * 2)
        return fail(reader->f, FAIL_INPUT, "the expression is nested too deep");
    good = rank > RANK_POWER ? read_signed(reader, ret_node) : read_operators(reader, rank, ret_node);
    reader->depth -= is_inner ? 1 : 0;
    return good;
}

bool metric_math_read(struct str text, struct arena *arena, const struct math_node **ret_node, struct fail *f)
{
    struct reader reader = {.rest = text, .arena = arena, .f = f};

    if (text.len > METRIC_MATH_TEXT_MAX)
        return fail(f, FAIL_INPUT, "the expression is longer than %d characters", METRIC_MATH_TEXT_MAX);
    if (!read_rank(&reader, RANK_FIRST, ret_node))
        return false;
    skip_space(&reader);
    return reader.rest.len == 0 || unexpected(&reader);
}
