/* Statistics of a period's points: the five, and percentiles. */
#pragma once

#include "base/fail.h"
#include "base/metric_point.h"

struct statistic {
    enum statistic_kind {
        STATISTIC_SAMPLE_COUNT,
        STATISTIC_AVERAGE,
        STATISTIC_SUM,
        STATISTIC_MINIMUM,
        STATISTIC_MAXIMUM,
        STATISTIC_PERCENTILE
    } kind;
    double percent; /* of a percentile */
};

/* "Average", "p99.9". Fails with InvalidParameterValue, naming the parameter; statistics that CloudWatch has and Berth
 * has not (trimmed means and their kin) are refused by name. */
checked bool statistic_read(struct str text, const char *parameter, struct statistic *ret_statistic, struct fail *f);

/* False: it is a percentile, and not all values are known. A percentile is the smallest value that at least that many
 * percent of the values do not exceed. */
bool statistic_of(const struct statistic *statistic, const struct metric_point *point, double *ret_value);
