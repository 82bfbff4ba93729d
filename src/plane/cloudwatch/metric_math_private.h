/* The tree of an expression, which metric_math_read.c makes, and the values that metric_math.c and
 * metric_math_functions.c make of it. */
#pragma once

#include "plane/cloudwatch/metric_math.h"

enum math_kind {
    MATH_NUMBER,
    MATH_TEXT, /* "..." */
    MATH_NAME, /* an id, or REPEAT and LINEAR of FILL */
    MATH_ARRAY,
    MATH_OPERATOR, /* one operand: the minus sign */
    MATH_FUNCTION,
};

enum math_operator {
    MATH_OR,
    MATH_AND,
    MATH_EQUAL,
    MATH_UNEQUAL,
    MATH_LESS_EQUAL,
    MATH_GREATER_EQUAL,
    MATH_LESS,
    MATH_GREATER,
    MATH_PLUS,
    MATH_MINUS,
    MATH_TIMES,
    MATH_DIVIDE,
    MATH_POWER,
};

enum { MATH_PARTS_MAX = 100 }; /* of an array, and of a call */

struct math_node {
    enum math_kind kind;
    double number;
    struct str text; /* of text, name and function */
    enum math_operator operator;
    const struct math_function *function;
    const struct math_node **parts; /* operands, arguments, items */
    size_t part_count;
};

/* ---- values ---- */

/* A number, a series, or an array of series. */
struct math_value {
    enum { VALUE_NUMBER, VALUE_SERIES, VALUE_ARRAY } kind;
    double number;
    const double *series;
    const double **items; /* of an array */
    size_t count;
};

struct math_run {
    const struct math_scope *scope;
    struct fail *f;
};

checked bool math_run_node(struct math_run *run, const struct math_node *node, struct math_value *ret_value);
/* Room for a value a period; FAIL_LIMIT when the arena is full. */
checked bool math_series_new(const struct math_run *run, double **ret_series);
checked bool math_array_new(const struct math_run *run, size_t count, struct math_value *ret_value);
struct math_value math_number(double number);
struct math_value math_series(const double *series);
/* What a number or a series is in a period. */
double math_at(const struct math_value *value, size_t period);
/* A result that is no number is none: a division by zero. */
double math_sane(double result);

/* ---- functions ---- */

struct math_function {
    const char *name;
    size_t parts_min, parts_max;
    bool (*run)(struct math_run *run, const struct math_node *node, struct math_value *ret_value);
};

/* NULL: there is none of that name. */
const struct math_function *math_function_named(struct str name);
