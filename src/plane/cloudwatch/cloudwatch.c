#include "plane/cloudwatch/cloudwatch.h"

#include "plane/cloudwatch/alarm.h"

/* A new configuration is looked at; a state that moved needs no look. */
static void alarm_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct alarm_record *old = before;
    const struct alarm_record *alarm = after;

    if (alarm == NULL || (old != NULL && old->alarm->alarm_configuration_updated_timestamp ==
                                             alarm->alarm->alarm_configuration_updated_timestamp))
        return;
    marks_add(marks, &alarm_reconciler, KEY(tx->arena, alarm->account_id, alarm->region, alarm->alarm->alarm_name));
}

static const struct table_spec *const tables[] = {&alarm_table, &alarm_history_table};
static const struct reconciler_spec *const reconcilers[] = {&alarm_reconciler};
static const struct dirties_spec dirties[] = {{&alarm_table, alarm_dirties}};

const struct domain_spec cloudwatch_domain = {
    .name = "cloudwatch",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
};
