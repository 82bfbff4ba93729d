#include "plane/cloudwatch/metric_math.h"

#include "base/must.h"

#include <math.h>
#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PERIODS = 4 };
#define NO NAN

static const double m1[PERIODS] = {1, 2, NO, 4};
static const double m2[PERIODS] = {10, NO, 30, 40};
static const double zero[PERIODS] = {0, 0, 0, 0};

static const double *find(void *context, struct str id)
{
    (void)context;
    return str_is(id, "m1") ? m1 : str_is(id, "m2") ? m2 : str_is(id, "zero") ? zero : NULL;
}

static const double *metric(void *context, size_t index, struct str *ret_id)
{
    (void)context;
    *ret_id = index == 0 ? STR("m1") : STR("m2");
    return index == 0 ? m1 : index == 1 ? m2 : NULL;
}

static bool run(const char *text, struct arena *arena, double **ret_result, struct fail *f)
{
    struct math_scope scope = {arena, PERIODS, 60000, find, metric, NULL};
    const struct math_node *node;

    return metric_math_read(str_of(text), arena, &node, f) && metric_math_run(node, &scope, ret_result, f);
}

static void expressions_have_their_values(void **state)
{
    static const struct {
        const char *text;
        double result[PERIODS];
    } rows[] = {
        {"m1", {1, 2, NO, 4}},
        {"m1 + m2", {11, NO, NO, 44}},
        {"m1+m2*2", {21, NO, NO, 84}},
        {"(m1 + m2) * 2", {22, NO, NO, 88}},
        {"10 - m1 - 1", {8, 7, NO, 5}},
        {"2 ^ 3 ^ m1", {8, 512, NO, 2417851639229258349412352.0}},
        {"-m1 ^ 2", {-1, -4, NO, -16}},
        {"m1 / zero", {NO, NO, NO, NO}},
        {"m1 > 1", {0, 1, NO, 1}},
        {"m1 > 1 AND m1 < 4", {0, 1, NO, 0}},
        {"m1 == 1 || m1 == 4", {1, 0, NO, 1}},
        {"1e1 + m1 * .5", {10.5, 11, NO, 12}},
        {"SUM([m1, m2])", {11, 2, 30, 44}},
        {"AVG(METRICS())", {5.5, 2, 30, 22}},
        {"SUM(METRICS(\"2\"))", {10, 0 * NO, 30, 40}},
        {"MIN([m1,m2])", {1, 2, 30, 4}},
        {"max([m1, m2])", {10, 2, 30, 40}},
        {"m1 / SUM(m1)", {1 / 7.0, 2 / 7.0, NO, 4 / 7.0}},
        {"zero + METRIC_COUNT(METRICS())", {2, 2, 2, 2}},
        {"zero + DATAPOINT_COUNT(m1)", {3, 3, 3, 3}},
        {"zero + PERIOD(m1)", {60, 60, 60, 60}},
        {"FILL(m1, 0)", {1, 2, 0, 4}},
        {"FILL(m1, REPEAT)", {1, 2, 2, 4}},
        {"FILL(m1, LINEAR)", {1, 2, 3, 4}},
        {"FILL(m1, m2)", {1, 2, 30, 4}},
        {"IF(m1 > 1, m1, 0)", {0, 2, NO, 4}},
        {"IF(FILL(m1, 0) > 1, m1)", {NO, 2, NO, 4}},
        {"IF(1 > 2, 5, 6) + zero", {6, 6, 6, 6}},
        {"ABS(0 - m1)", {1, 2, NO, 4}},
        {"CEIL(m1 / 3) + FLOOR(m1 / 3)", {1, 1, NO, 3}},
        {"DIFF(m1)", {NO, 1, NO, 2}},
        {"RATE(m1)", {NO, 1 / 60.0, NO, 2 / 120.0}},
        {"RUNNING_SUM(m1)", {1, 3, NO, 7}},
        {"TIME_SERIES(7)", {7, 7, 7, 7}},
        {"STDDEV([m1, zero])", {.5, 1, 0, 2}},
        {"SUM([m1, m2] * 2)", {22, 4, 60, 88}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        double *result = NULL;
        struct fail f;

        arena_init(&arena, ARENA_LIMIT_DEFAULT);
        if (!run(rows[i].text, &arena, &result, &f))
            fail_msg("%s: %s", rows[i].text, f.message);
        must(result != NULL);
        for (size_t p = 0; p < PERIODS; p++)
            if (!(isnan(result[p]) && isnan(rows[i].result[p])) && fabs(result[p] - rows[i].result[p]) > 1e-9)
                fail_msg("%s: period %zu is %g, not %g", rows[i].text, p, result[p], rows[i].result[p]);
        arena_free(&arena);
    }
}

static void bad_expressions_are_refused(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "ends too early"},
        {"m1 +", "ends too early"},
        {"m1 m2", "unexpected text at 'm2'"},
        {"(m1", "ends too early"},
        {"m1 $ 2", "unexpected text"},
        {"1.2.3 + m1", "unexpected text"},
        {"1e999 + m1", "unexpected text"},
        {"\"text", "has no end"},
        {"5", "not a single time series"},
        {"METRICS()", "not a single time series"},
        {"SUM(m1)", "not a single time series"},
        {"SUM(1)", "takes a time series"},
        {"SUM(m1, m2)", "does not take 2 arguments"},
        {"SUM()", "does not take 0 arguments"},
        {"[m1, 2] + m1", "array is of time series only"},
        {"[m1] + [m2]", "two arrays"},
        {"SEARCH(\"x\", \"Sum\", 60)", "does not support the function 'SEARCH'"},
        {"ANOMALY_DETECTION_BAND(m1)", "does not support the function 'ANOMALY_DETECTION_BAND'"},
        {"SELECT AVG(x) FROM y", "Metrics Insights"},
        {"nothing + 1", "no metric or expression 'nothing'"},
        {"((((((((((((((((((((((((((((((((((((((((((((((((((((m1))))))))))))))))))))))))))))))))))))))))))))))))))))",
         "nested too deep"},
        {"- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - m1", "nested too deep"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        double *result;
        struct fail f;

        arena_init(&arena, ARENA_LIMIT_DEFAULT);
        if (run(rows[i].text, &arena, &result, &f))
            fail_msg("%s was taken", rows[i].text);
        if (strstr(f.message, rows[i].message) == NULL)
            fail_msg("%s: %s", rows[i].text, f.message);
        arena_free(&arena);
    }
}

static void note(void *context, struct str id)
{
    char *all = context;

    (void)snprintf(all + strlen(all), 64 - strlen(all), "%.*s ", STR_ARG(id));
}

static void names_are_told(void **state)
{
    const struct math_node *node;
    char names[64] = "";
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(metric_math_read(STR("IF(FILL(m1, REPEAT) > m2, [e1], 0)"), &arena, &node, &f));
    metric_math_names(node, note, names);
    assert_string_equal(names, "m1 m2 e1 ");
    assert_false(metric_math_names_all(node));
    assert_true(metric_math_read(STR("1 + SUM(METRICS())"), &arena, &node, &f));
    assert_true(metric_math_names_all(node));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_have_their_values),
        cmocka_unit_test(bad_expressions_are_refused),
        cmocka_unit_test(names_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
