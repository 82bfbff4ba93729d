/* The tables of "Configuring how CloudWatch alarms treat missing data" (CloudWatch user guide), and the sentences that
 * come of them. */
#include "plane/cloudwatch/evaluation.h"

#include "base/must.h"
#include "model/interpret.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0 INT64_C(1700000040000)

enum { RANGE_MAX = 16 };

#define OK    CLOUDWATCH_STATE_VALUE_OK
#define ALARM CLOUDWATCH_STATE_VALUE_ALARM
#define NONE  CLOUDWATCH_STATE_VALUE_INSUFFICIENT_DATA
#define STAYS CLOUDWATCH_STATE_VALUE_NONE

struct bed {
    struct cloudwatch_metric_alarm alarm;
    double values[RANGE_MAX], counts[RANGE_MAX];
    struct metric_series series;
    struct arena arena;
    struct alarm_verdict verdict;
};

/* Points from the oldest on: 0 within the threshold, X beyond it, - missing. */
static enum cloudwatch_state_value judge(struct bed *bed, const char *points, const char *treat)
{
    size_t count = strlen(points);

    must(count <= RANGE_MAX);
    for (size_t i = 0; i < count; i++) {
        bed->values[i] = points[i] == 'X' ? 9 : points[i] == '0' ? 0 : NAN;
        bed->counts[i] = 1;
    }
    bed->series = (struct metric_series){T0, 60000, count, bed->values, bed->counts};
    bed->alarm.treat_missing_data = str_of(treat);
    if (!alarm_judge(&bed->alarm, &bed->series, T0 + (int64_t)count * 60000, &bed->arena, &bed->verdict))
        return STAYS;
    return bed->verdict.state;
}

static struct bed *bed_new(int32_t needed, int32_t to_alarm)
{
    struct bed *bed = calloc(1, sizeof(*bed));

    must(bed != NULL);
    arena_init(&bed->arena, ARENA_LIMIT_DEFAULT);
    bed->alarm.comparison_operator = CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_THRESHOLD;
    bed->alarm.statistic = CLOUDWATCH_STATISTIC_AVERAGE;
    SET(&bed->alarm, evaluation_periods, needed);
    SET(&bed->alarm, threshold, 5);
    if (to_alarm > 0)
        SET(&bed->alarm, datapoints_to_alarm, to_alarm);
    return bed;
}

static void bed_free(struct bed *bed)
{
    arena_free(&bed->arena);
    free(bed);
}

static void missing_data_are_treated_as_documented(void **state)
{
    static const struct {
        int32_t needed, to_alarm;
        const char *points;
        enum cloudwatch_state_value missing, ignore, breaching, not_breaching;
    } rows[] = {
        {3, 3, "0-X-X", OK, OK, OK, OK},
        {3, 3, "0----", OK, OK, OK, OK},
        {3, 3, "-----", NONE, STAYS, ALARM, OK},
        {3, 3, "0XX-X", ALARM, ALARM, ALARM, ALARM},
        {3, 3, "--X--", ALARM, STAYS, ALARM, OK},
        {3, 2, "0-X-X", ALARM, ALARM, ALARM, ALARM},
        {3, 2, "00X0X", ALARM, ALARM, ALARM, ALARM},
        {3, 2, "0-X--", OK, OK, ALARM, OK},
        {3, 2, "----0", OK, OK, ALARM, OK},
        {3, 2, "---X-", ALARM, STAYS, ALARM, OK},
        /* "Avoiding premature transitions to alarm state" */
        {3, 3, "----X", STAYS, STAYS, ALARM, OK},
        {3, 3, "---X-", STAYS, STAYS, ALARM, OK},
        {3, 3, "---X0", OK, OK, OK, OK},
        {3, 3, "--X-0", OK, OK, OK, OK},
        /* one of one, as most alarms are */
        {1, 1, "--X", ALARM, ALARM, ALARM, ALARM},
        {1, 1, "X-0", OK, OK, OK, OK},
        {1, 1, "0--", OK, OK, OK, OK},
        {1, 0, "---", NONE, STAYS, ALARM, OK},
        {3, 1, "-X-0-", ALARM, ALARM, ALARM, ALARM},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct {
            const char *treat;
            enum cloudwatch_state_value wanted;
        } treatments[] = {{"missing", rows[i].missing},
                          {"ignore", rows[i].ignore},
                          {"breaching", rows[i].breaching},
                          {"notBreaching", rows[i].not_breaching}};

        for (size_t t = 0; t < COUNT_OF(treatments); t++) {
            struct bed *bed = bed_new(rows[i].needed, rows[i].to_alarm);
            enum cloudwatch_state_value found = judge(bed, rows[i].points, treatments[t].treat);

            if (found != treatments[t].wanted)
                fail_msg("%s, %d of %d, %s: %d, not %d", rows[i].points, rows[i].to_alarm, rows[i].needed,
                         treatments[t].treat, (int)found, (int)treatments[t].wanted);
            bed_free(bed);
        }
    }
}

static void comparisons_are_what_they_are_called(void **state)
{
    static const struct {
        enum cloudwatch_comparison_operator operator;
        double threshold;
        enum cloudwatch_state_value of_nine;
    } rows[] = {
        {CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_THRESHOLD, 9, OK},
        {CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_THRESHOLD, 8, ALARM},
        {CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, 9, ALARM},
        {CLOUDWATCH_COMPARISON_OPERATOR_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, 10, OK},
        {CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_THRESHOLD, 9, OK},
        {CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_THRESHOLD, 10, ALARM},
        {CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_OR_EQUAL_TO_THRESHOLD, 9, ALARM},
        {CLOUDWATCH_COMPARISON_OPERATOR_LESS_THAN_OR_EQUAL_TO_THRESHOLD, 8, OK},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bed *bed = bed_new(1, 1);

        bed->alarm.comparison_operator = rows[i].operator;
        bed->alarm.threshold = rows[i].threshold;
        if (judge(bed, "--X", "missing") != rows[i].of_nine)
            fail_msg("row %zu", i);
        bed_free(bed);
    }
}

static void reasons_are_cloudwatchs(void **state)
{
    static const struct {
        int32_t needed, to_alarm;
        const char *points, *treat, *reason;
    } rows[] = {
        {1, 1, "--X", "missing",
         "Threshold Crossed: 1 out of the last 1 datapoints [9.0 (14/11/23 22:16:00)] was greater than the threshold "
         "(5.0) (minimum 1 datapoint for OK -> ALARM transition)."},
        {3, 2, "--XX0", "missing",
         "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (14/11/23 22:17:00), 9.0 (14/11/23 22:16:00)] were "
         "greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."},
        {3, 2, "--X00", "missing",
         "Threshold Crossed: 2 out of the last 3 datapoints [0.0 (14/11/23 22:18:00), 0.0 (14/11/23 22:17:00)] were "
         "not "
         "greater than the threshold (5.0) (minimum 2 datapoints for ALARM -> OK transition)."},
        {1, 0, "--X", "missing",
         "Threshold Crossed: 1 datapoint [9.0 (14/11/23 22:16:00)] was greater than the threshold (5.0)."},
        {6, 0, "XXXXXX", "missing",
         "Threshold Crossed: 6 datapoints were greater than the threshold (5.0). The most recent datapoints which "
         "crossed the threshold: [9.0 (14/11/23 22:19:00), 9.0 (14/11/23 22:18:00), 9.0 (14/11/23 22:17:00), 9.0 "
         "(14/11/23 22:16:00), 9.0 (14/11/23 22:15:00)]."},
        {2, 2, "----", "breaching",
         "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as "
         "[Breaching]."},
        {1, 1, "---", "notBreaching",
         "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
         "[NonBreaching]."},
        {3, 2, "0----", "breaching",
         "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as "
         "[Breaching]."},
        {1, 1, "---", "missing", "Insufficient Data: 1 datapoint was unknown."},
        {5, 5, "-------", "missing", "Insufficient Data: 5 datapoints were unknown."},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bed *bed = bed_new(rows[i].needed, rows[i].to_alarm);

        assert_true(judge(bed, rows[i].points, rows[i].treat) != STAYS);
        if (!str_is(bed->verdict.reason, rows[i].reason))
            fail_msg("%.*s, not %s", STR_ARG(bed->verdict.reason), rows[i].reason);
        bed_free(bed);
    }
}

static void data_say_what_was_looked_at(void **state)
{
    struct bed *bed = bed_new(2, 2);

    (void)state;
    assert_int_equal(judge(bed, "--0X", "missing"), OK);
    assert_true(str_is(
        bed->verdict.reason_data,
        "{\"version\":\"1.0\",\"queryDate\":\"2023-11-14T22:18:00.000+0000\",\"startDate\":\"2023-11-14T22:16:00.000+"
        "0000\",\"statistic\":\"Average\",\"period\":60,\"recentDatapoints\":[0.0,9.0],\"threshold\":5.0,"
        "\"evaluatedDatapoints\":[{\"timestamp\":\"2023-11-14T22:17:00.000+0000\",\"sampleCount\":1.0,\"value\":9.0}]"
        "}"));
    bed_free(bed);
}

/* With 10 samples needed at either side of the percentile. */
static void low_samples_are_ignored_where_asked(void **state)
{
    struct bed *bed = bed_new(1, 1);

    (void)state;
    bed->alarm.extended_statistic = STR("p90");
    assert_int_equal(judge(bed, "--X", "missing"), ALARM);
    bed->alarm.evaluate_low_sample_count_percentile = STR("ignore");
    assert_int_equal(judge(bed, "--X", "missing"), STAYS);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_data_are_treated_as_documented),
        cmocka_unit_test(comparisons_are_what_they_are_called),
        cmocka_unit_test(reasons_are_cloudwatchs),
        cmocka_unit_test(data_say_what_was_looked_at),
        cmocka_unit_test(low_samples_are_ignored_where_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
