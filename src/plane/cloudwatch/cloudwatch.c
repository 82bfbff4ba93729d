#include "plane/cloudwatch/cloudwatch.h"

#include "plane/cloudwatch/alarm.h"

static const struct table_spec *const tables[] = {&alarm_table, &alarm_history_table};

const struct domain_spec cloudwatch_domain = {
    .name = "cloudwatch",
    .tables = tables,
    .table_count = COUNT_OF(tables),
};
