/* The tree of an expression: what metric_math_read.c makes and metric_math.c runs. */
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

struct math_value;
struct math_run;

struct math_function {
    const char *name;
    size_t parts_min, parts_max;
    bool (*run)(struct math_run *run, const struct math_node *node, struct math_value *ret_value);
};

/* NULL: there is none of that name. */
const struct math_function *math_function_named(struct str name);
