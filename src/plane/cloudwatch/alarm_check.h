/* What PutMetricAlarm takes. */
#pragma once

#include "plane/cloudwatch/operations.h"

/* Fails with ValidationError and its kin; what Berth has nothing behind is refused by name. */
checked bool alarm_check(const struct call *call, const struct cloudwatch_put_metric_alarm_input *in);
/* Actions are ARNs. */
checked bool alarm_actions_check(const struct cloudwatch_resource_list *actions, struct fail *f);
