#include "plane/cloudwatch/statistic.h"

#include "model/gen/cloudwatch.h"

#include <math.h>
#include <stdlib.h>

static const struct {
    const char *name;
    enum statistic_kind kind;
} plain[] = {
    {"SampleCount", STATISTIC_SAMPLE_COUNT}, {"Average", STATISTIC_AVERAGE}, {"Sum", STATISTIC_SUM},
    {"Minimum", STATISTIC_MINIMUM},          {"Maximum", STATISTIC_MAXIMUM},
};

/* "CloudWatch statistics definitions", user guide. */
static const char *const missing[] = {"tm", "wm", "tc", "ts", "pr", "iqm"};

/* "p" and a number of at most ten decimals between 0 and 100. */
static bool read_percentile(struct str text, double *ret_percent)
{
    char digits[16];
    char *end;

    if (text.len < 2 || (text.ptr[0] != 'p' && text.ptr[0] != 'P') || text.ptr[1] < '0' || text.ptr[1] > '9' ||
        !str_to_buffer(str_from(text, 1), digits, sizeof(digits)) || digits[strspn(digits, "0123456789.")] != '\0')
        return false;
    *ret_percent = strtod(digits, &end);
    return *end == '\0' && *ret_percent <= 100;
}

bool statistic_read(struct str text, const char *parameter, struct statistic *ret_statistic, struct fail *f)
{
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        if (str_is(text, plain[i].name)) {
            *ret_statistic = (struct statistic){.kind = plain[i].kind};
            return true;
        }
    *ret_statistic = (struct statistic){.kind = STATISTIC_PERCENTILE};
    if (read_percentile(text, &ret_statistic->percent))
        return true;
    for (size_t i = 0; i < COUNT_OF(missing); i++)
        if (str_starts_nocase(text, str_of(missing[i])))
            return fail_api(f, CLOUDWATCH_ERROR_INVALID_PARAMETER_VALUE_EXCEPTION,
                            "Berth does not support the statistic '%.*s' in parameter %s", STR_ARG(text), parameter);
    return fail_api(f, CLOUDWATCH_ERROR_INVALID_PARAMETER_VALUE_EXCEPTION,
                    "The value %.*s for parameter %s is not supported.", STR_ARG(text), parameter);
}

static double percentile(const struct metric_point *point, double percent)
{
    double total = 0;
    double seen = 0;

    for (size_t i = 0; i < point->value_count; i++)
        total += point->values[i].count;
    for (size_t i = 0; i < point->value_count; i++) {
        seen += point->values[i].count;
        if (seen >= total * percent / 100 - 1e-9 * total)
            return point->values[i].value;
    }
    return point->statistics.max;
}

bool statistic_of(const struct statistic *statistic, const struct metric_point *point, double *ret_value)
{
    const struct metric_statistics *of = &point->statistics;

    switch (statistic->kind) {
    case STATISTIC_SAMPLE_COUNT:
        *ret_value = of->count;
        return true;
    case STATISTIC_AVERAGE:
        *ret_value = of->sum / of->count;
        return true;
    case STATISTIC_SUM:
        *ret_value = of->sum;
        return true;
    case STATISTIC_MINIMUM:
        *ret_value = of->min;
        return true;
    case STATISTIC_MAXIMUM:
        *ret_value = of->max;
        return true;
    case STATISTIC_PERCENTILE:
        break;
    }
    if (point->values == NULL)
        return false;
    *ret_value = percentile(point, statistic->percent);
    return true;
}
