#include "plane/cloudwatch/metric_sample.h"

#include "base/must.h"
#include "base/when.h"
#include "core/table.h"
#include "model/interpret.h"

#include <math.h>
#include <stdlib.h>

/* "PutMetricData", API reference; values within 2 to the power of 360. */
enum { DATA_MAX = 1000, VALUES_MAX = 150, DAYS_PAST = 14, HOURS_AHEAD = 2, VALUE_POWER_MAX = 360 };

#define INVALID_VALUE CLOUDWATCH_ERROR_INVALID_PARAMETER_VALUE_EXCEPTION

/* A datum that is being looked at: "MetricData.member.3" in messages. */
struct datum {
    const struct cloudwatch_metric_datum *in;
    size_t number;
    struct arena *arena;
    struct fail *f;
};

/* ---- dimensions ---- */

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct cloudwatch_dimension *)a)->name, ((const struct cloudwatch_dimension *)b)->name);
}

static bool check_dimension(const struct cloudwatch_dimension *sorted, size_t index, struct fail *f)
{
    const struct cloudwatch_dimension *one = &sorted[index];

    if (has_control(one->name) || has_control(one->value))
        return fail_api(f, INVALID_VALUE, "Dimension names and values must not have control characters.");
    if (one->name.ptr[0] == ':')
        return fail_api(f, INVALID_VALUE, "The dimension name %.*s must not begin with a colon.", STR_ARG(one->name));
    if (index > 0 && str_eq(sorted[index - 1].name, one->name))
        return fail_api(f, INVALID_VALUE, "No Metric may specify the same dimension name twice.");
    return true;
}

bool metric_dimensions_text(const struct cloudwatch_dimensions *dimensions, struct arena *arena, struct str *ret_text,
                            struct fail *f)
{
    struct cloudwatch_dimension *sorted = arena_array(arena, struct cloudwatch_dimension, dimensions->count + 1);
    auto_buf text = {.ptr = NULL};

    if (dimensions->count > 0)
        memcpy(sorted, dimensions->items, dimensions->count * sizeof(*sorted));
    qsort(sorted, dimensions->count, sizeof(*sorted), by_name);
    for (size_t i = 0; i < dimensions->count; i++) {
        if (!check_dimension(sorted, i, f))
            return false;
        buf_add(&text, sorted[i].name);
        buf_add_char(&text, METRIC_TEXT_END);
        buf_add(&text, sorted[i].value);
        buf_add_char(&text, METRIC_TEXT_END);
    }
    must(!text.overflowed);
    *ret_text = arena_str(arena, buf_str(&text));
    return true;
}

struct cloudwatch_dimensions metric_dimensions_of(struct str text, struct arena *arena)
{
    struct cloudwatch_dimensions dimensions;
    size_t ends = 0;

    for (size_t i = 0; i < text.len; i++)
        ends += text.ptr[i] == METRIC_TEXT_END ? 1 : 0;
    dimensions =
        (struct cloudwatch_dimensions){arena_array(arena, struct cloudwatch_dimension, ends / 2 + 1), ends / 2};
    for (size_t i = 0; i < dimensions.count; i++) {
        dimensions.items[i].name = str_cut(text, METRIC_TEXT_END, &text);
        dimensions.items[i].value = str_cut(text, METRIC_TEXT_END, &text);
    }
    return dimensions;
}

/* ---- values ---- */

static bool check_number(const struct datum *datum, double value, const char *member)
{
    return (isfinite(value) && fabs(value) <= ldexp(1, VALUE_POWER_MAX)) ||
           fail_api(datum->f, INVALID_VALUE, "The value %g for parameter MetricData.member.%zu.%s is invalid.", value,
                    datum->number, member);
}

/* A single value, once. */
static bool take_value(const struct datum *datum, struct metric_sample *sample)
{
    struct metric_value *one = arena_new(datum->arena, struct metric_value);
    double value = datum->in->value;

    *one = (struct metric_value){value, 1};
    sample->statistics = (struct metric_statistics){1, value, value, value};
    sample->values = one;
    sample->value_count = 1;
    return check_number(datum, value, "Value");
}

static bool check_lists(const struct datum *datum)
{
    size_t values = datum->in->values.count;
    size_t counts = datum->in->counts.count;

    if (values > VALUES_MAX || counts > VALUES_MAX)
        return fail_api(datum->f, INVALID_VALUE,
                        "The collection MetricData.member.%zu.%s must not have a size greater than %d.", datum->number,
                        values > VALUES_MAX ? "Values" : "Counts", VALUES_MAX);
    if (datum->in->counts.items != NULL && values != counts)
        return fail_api(datum->f, INVALID_VALUE,
                        "The parameters MetricData.member.%zu.Values and MetricData.member.%zu.Counts must be of the "
                        "same size.",
                        datum->number, datum->number);
    return values > 0 || fail_api(datum->f, INVALID_VALUE,
                                  "The collection MetricData.member.%zu.Values must not be empty.", datum->number);
}

static bool take_values(const struct datum *datum, struct metric_sample *sample)
{
    const struct cloudwatch_metric_datum *in = datum->in;
    struct metric_value *values = arena_array(datum->arena, struct metric_value, in->values.count + 1);
    struct metric_statistics all = {.min = INFINITY, .max = -INFINITY};

    if (!check_lists(datum))
        return false;
    for (size_t i = 0; i < in->values.count; i++) {
        double value = in->values.items[i];
        double count = in->counts.items == NULL ? 1 : in->counts.items[i];

        if (!check_number(datum, value, "Values") || !check_number(datum, count, "Counts"))
            return false;
        if (count <= 0)
            return fail_api(datum->f, INVALID_VALUE,
                            "The parameter MetricData.member.%zu.Counts must be greater than zero.", datum->number);
        values[i] = (struct metric_value){value, count};
        all = (struct metric_statistics){all.count + count, all.sum + value * count, fmin(all.min, value),
                                         fmax(all.max, value)};
    }
    sample->statistics = all;
    sample->values = values;
    sample->value_count = in->values.count;
    return check_number(datum, all.sum, "Values");
}

/* Its values are known where it can have only one. */
static bool take_set(const struct datum *datum, struct metric_sample *sample)
{
    const struct cloudwatch_statistic_set *set = datum->in->statistic_values;
    struct metric_value *one = arena_new(datum->arena, struct metric_value);

    if (!check_number(datum, set->sample_count, "StatisticValues.SampleCount") ||
        !check_number(datum, set->sum, "StatisticValues.Sum") ||
        !check_number(datum, set->minimum, "StatisticValues.Minimum") ||
        !check_number(datum, set->maximum, "StatisticValues.Maximum"))
        return false;
    if (set->sample_count <= 0)
        return fail_api(datum->f, INVALID_VALUE,
                        "The parameter MetricData.member.%zu.StatisticValues.SampleCount must be greater than zero.",
                        datum->number);
    if (set->minimum > set->maximum)
        return fail_api(datum->f, INVALID_VALUE,
                        "The parameter MetricData.member.%zu.StatisticValues.Maximum must be greater than or equal to "
                        "Minimum.",
                        datum->number);
    sample->statistics = (struct metric_statistics){set->sample_count, set->sum, set->minimum, set->maximum};
    if (set->minimum != set->maximum)
        return true;
    *one = (struct metric_value){set->minimum, set->sample_count};
    sample->values = one;
    sample->value_count = 1;
    return true;
}

/* Exactly one of Value, Values and StatisticValues. */
static bool take_kind(const struct datum *datum, struct metric_sample *sample)
{
    const struct {
        const char *name;
        bool there;
        bool (*take)(const struct datum *datum, struct metric_sample *sample);
    } kinds[] = {
        {"Value", datum->in->has_value, take_value},
        {"StatisticValues", datum->in->statistic_values != NULL, take_set},
        {"Values", datum->in->values.items != NULL || datum->in->counts.items != NULL, take_values},
    };
    size_t found = COUNT_OF(kinds);

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!kinds[i].there)
            continue;
        if (found < COUNT_OF(kinds))
            return fail_api(datum->f, CLOUDWATCH_ERROR_INVALID_PARAMETER_COMBINATION_EXCEPTION,
                            "The parameters MetricData.member.%zu.%s and MetricData.member.%zu.%s are mutually "
                            "exclusive and you have specified both.",
                            datum->number, kinds[found].name, datum->number, kinds[i].name);
        found = i;
    }
    if (found == COUNT_OF(kinds))
        return fail_api(datum->f, CLOUDWATCH_ERROR_MISSING_REQUIRED_PARAMETER_EXCEPTION,
                        "At least one of the parameters MetricData.member.%zu.Value, MetricData.member.%zu.Values and "
                        "MetricData.member.%zu.StatisticValues must be specified.",
                        datum->number, datum->number, datum->number);
    return kinds[found].take(datum, sample);
}

/* ---- the rest ---- */

static bool take_time(const struct datum *datum, int64_t now_ms, struct metric_sample *sample)
{
    sample->at_ms = datum->in->has_timestamp ? datum->in->timestamp : now_ms;
    if (sample->at_ms < now_ms - DAYS_PAST * DAY_MS)
        return fail_api(datum->f, INVALID_VALUE,
                        "The parameter MetricData.member.%zu.Timestamp must specify a time no more than two weeks in "
                        "the past.",
                        datum->number);
    return sample->at_ms <= now_ms + HOURS_AHEAD * HOUR_MS ||
           fail_api(datum->f, INVALID_VALUE,
                    "The parameter MetricData.member.%zu.Timestamp must specify a time no more than two hours in the "
                    "future.",
                    datum->number);
}

static bool take_resolution(const struct datum *datum, struct metric_sample *sample)
{
    int32_t resolution = datum->in->has_storage_resolution ? datum->in->storage_resolution : 60;

    sample->high_resolution = resolution == 1;
    return resolution == 1 || resolution == 60 ||
           fail_api(datum->f, INVALID_VALUE,
                    "The value %d for parameter MetricData.member.%zu.StorageResolution is invalid. It must be 1 or "
                    "60.",
                    resolution, datum->number);
}

static bool take_datum(const struct metric_scope *scope, const struct datum *datum, struct metric_sample *sample)
{
    const char *unit = enum_name(&cloudwatch_standard_unit_shape, (int)datum->in->unit);

    sample->key.account = scope->account;
    sample->key.region = scope->region;
    sample->key.name = datum->in->metric_name;
    sample->unit = str_of(unit == NULL ? "None" : unit);
    if (has_control(datum->in->metric_name))
        return fail_api(datum->f, INVALID_VALUE,
                        "The parameter MetricData.member.%zu.MetricName must not have control characters.",
                        datum->number);
    return metric_dimensions_text(&datum->in->dimensions, datum->arena, &sample->key.dimensions, datum->f) &&
           take_kind(datum, sample) && take_time(datum, scope->now_ms, sample) && take_resolution(datum, sample);
}

bool metric_samples_make(const struct metric_scope *scope, struct str namespace,
                         const struct cloudwatch_metric_data *data, struct arena *arena,
                         struct metric_sample **ret_samples, struct fail *f)
{
    struct metric_sample *samples;

    if (data->count > DATA_MAX)
        return fail_api(f, INVALID_VALUE, "The collection MetricData must not have a size greater than %d.", DATA_MAX);
    if (has_control(namespace))
        return fail_api(f, INVALID_VALUE, "The parameter Namespace must not have control characters.");
    samples = arena_array(arena, struct metric_sample, data->count + 1);
    for (size_t i = 0; i < data->count; i++) {
        struct datum datum = {&data->items[i], i + 1, arena, f};

        samples[i].key.namespace = namespace;
        if (!take_datum(scope, &datum, &samples[i]))
            return false;
    }
    *ret_samples = samples;
    return true;
}
