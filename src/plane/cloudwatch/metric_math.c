/* Running metric math: values, operators, the tree. Functions are in metric_math_functions.c. A period without a value
 * stays without in everything that is made of it, but where FILL says otherwise or an aggregate finds another one. */
#include "plane/cloudwatch/metric_math_private.h"

#include <math.h>

/* ---- values ---- */

bool math_series_new(const struct math_run *run, double **ret_series)
{
    *ret_series = arena_try(run->scope->arena, (run->scope->periods + 1) * sizeof(double));
    return *ret_series != NULL || fail(run->f, FAIL_LIMIT, "the expression makes too much data");
}

struct math_value math_number(double number)
{
    return (struct math_value){.kind = VALUE_NUMBER, .number = number};
}

struct math_value math_series(const double *series)
{
    return (struct math_value){.kind = VALUE_SERIES, .series = series};
}

/* What it is in a period. */
double math_at(const struct math_value *value, size_t period)
{
    return value->kind == VALUE_NUMBER ? value->number : value->series[period];
}

/* A result that is no number is none: a division by zero. */
double math_sane(double result)
{
    return isfinite(result) ? result : NAN;
}

/* The series of an array one by one, or the value itself. */
static struct math_value part_of(const struct math_value *value, size_t index)
{
    return value->kind == VALUE_ARRAY ? math_series(value->items[index]) : *value;
}

bool math_array_new(const struct math_run *run, size_t count, struct math_value *ret_value)
{
    *ret_value = (struct math_value){.kind = VALUE_ARRAY, .count = count};
    ret_value->items = arena_try(run->scope->arena, (count + 1) * sizeof(*ret_value->items));
    return ret_value->items != NULL || fail(run->f, FAIL_LIMIT, "the expression makes too much data");
}

/* ---- operators ---- */

static double operate(enum math_operator operator, double a, double b)
{
    switch (operator) {
    case MATH_OR:
        return a != 0 || b != 0;
    case MATH_AND:
        return a != 0 && b != 0;
    case MATH_EQUAL:
        return a == b;
    case MATH_UNEQUAL:
        return a != b;
    case MATH_LESS_EQUAL:
        return a <= b;
    case MATH_GREATER_EQUAL:
        return a >= b;
    case MATH_LESS:
        return a < b;
    case MATH_GREATER:
        return a > b;
    case MATH_PLUS:
        return a + b;
    case MATH_MINUS:
        return a - b;
    case MATH_TIMES:
        return a * b;
    case MATH_DIVIDE:
        return a / b;
    case MATH_POWER:
        return pow(a, b);
    }
    return NAN;
}

/* Neither is an array. */
static bool operate_plain(struct math_run *run, enum math_operator operator, const struct math_value * a,
                          const struct math_value *b, struct math_value *ret_value)
{
    double *series;

    if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER) {
        *ret_value = math_number(math_sane(operate(operator, a->number, b->number)));
        return true;
    }
    if (!math_series_new(run, &series))
        return false;
    for (size_t i = 0; i < run->scope->periods; i++)
        series[i] = isnan(math_at(a, i)) || isnan(math_at(b, i))
                        ? NAN
                        : math_sane(operate(operator, math_at(a, i), math_at(b, i)));
    *ret_value = math_series(series);
    return true;
}

static bool run_operator(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    struct math_value a = math_number(0);
    struct math_value b;

    if ((node->part_count == 2 && !math_run_node(run, node->parts[0], &a)) ||
        !math_run_node(run, node->parts[node->part_count - 1], &b))
        return false;
    if (a.kind != VALUE_ARRAY && b.kind != VALUE_ARRAY)
        return operate_plain(run, node->operator, & a, &b, ret_value);
    if (a.kind == b.kind)
        return fail(run->f, FAIL_INPUT, "an operator does not take two arrays");
    if (!math_array_new(run, a.kind == VALUE_ARRAY ? a.count : b.count, ret_value))
        return false;
    for (size_t i = 0; i < ret_value->count; i++) {
        struct math_value left = part_of(&a, i);
        struct math_value right = part_of(&b, i);
        struct math_value one;

        if (!operate_plain(run, node->operator, & left, &right, &one))
            return false;
        ret_value->items[i] = one.series;
    }
    return true;
}

/* ---- the tree ---- */

static bool run_array(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    struct math_value part;

    if (!math_array_new(run, node->part_count, ret_value))
        return false;
    for (size_t i = 0; i < node->part_count; i++) {
        if (!math_run_node(run, node->parts[i], &part))
            return false;
        if (part.kind != VALUE_SERIES)
            return fail(run->f, FAIL_INPUT, "an array is of time series only");
        ret_value->items[i] = part.series;
    }
    return true;
}

bool math_run_node(struct math_run *run, const struct math_node *node, struct math_value *ret_value)
{
    switch (node->kind) {
    case MATH_NUMBER:
        *ret_value = math_number(node->number);
        return true;
    case MATH_TEXT:
        return fail(run->f, FAIL_INPUT, "unexpected text '%.*s'", STR_ARG(node->text));
    case MATH_NAME:
        *ret_value = math_series(run->scope->series(run->scope->context, node->text));
        return ret_value->series != NULL ||
               fail(run->f, FAIL_INPUT, "there is no metric or expression '%.*s'", STR_ARG(node->text));
    case MATH_ARRAY:
        return run_array(run, node, ret_value);
    case MATH_OPERATOR:
        return run_operator(run, node, ret_value);
    case MATH_FUNCTION:
        return node->function->run(run, node, ret_value);
    }
    return false;
}

static bool is_filler(const struct math_node *parent, size_t index)
{
    const struct math_node *part = parent->parts[index];

    return parent->kind == MATH_FUNCTION && str_eq_nocase(parent->text, STR("FILL")) && index == 1 &&
           part->kind == MATH_NAME && (str_is(part->text, "REPEAT") || str_is(part->text, "LINEAR"));
}

void metric_math_names(const struct math_node *node, void (*each)(void *context, struct str id), void *context)
{
    if (node->kind == MATH_NAME)
        each(context, node->text);
    for (size_t i = 0; i < node->part_count; i++)
        if (!is_filler(node, i))
            metric_math_names(node->parts[i], each, context);
}

bool metric_math_names_all(const struct math_node *node)
{
    bool all = node->kind == MATH_FUNCTION && str_eq_nocase(node->text, STR("METRICS"));

    for (size_t i = 0; !all && i < node->part_count; i++)
        all = metric_math_names_all(node->parts[i]);
    return all;
}

bool metric_math_run(const struct math_node *node, const struct math_scope *scope, double **ret_series, struct fail *f)
{
    struct math_run run = {scope, f};
    struct math_value value;
    double *copy;

    if (!math_run_node(&run, node, &value))
        return false;
    if (value.kind != VALUE_SERIES)
        return fail(f, FAIL_INPUT, "the result is not a single time series");
    if (!math_series_new(&run, &copy))
        return false;
    memcpy(copy, value.series, scope->periods * sizeof(double));
    *ret_series = copy;
    return true;
}
