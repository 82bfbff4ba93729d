/* Data of PutMetricData, checked and made into samples for the store. */
#pragma once

#include "core/call.h"
#include "model/gen/cloudwatch.h"
#include "plane/cloudwatch/metric_port.h"

/* Whose metrics, and what time it is. */
struct metric_scope {
    struct str account, region;
    int64_t now_ms;
};

/* Dimensions as one text, in order. Fails with InvalidParameterValue where a name is there twice, or a text has a
 * control character. */
checked bool metric_dimensions_text(const struct cloudwatch_dimensions *dimensions, struct arena *arena,
                                    struct str *ret_text, struct fail *f);
/* And back. */
struct cloudwatch_dimensions metric_dimensions_of(struct str text, struct arena *arena);

/* One sample a datum, in the arena. Fails with the errors of PutMetricData. */
checked bool metric_samples_make(const struct metric_scope *scope, struct str namespace,
                                 const struct cloudwatch_metric_data *data, struct arena *arena,
                                 struct metric_sample **ret_samples, struct fail *f);
