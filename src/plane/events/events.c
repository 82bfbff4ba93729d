#include "plane/events/events.h"

#include "plane/cloudwatch/alarm.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/ecs.h"
#include "plane/ecs/service_event.h"
#include "plane/ecs/task_set.h"
#include "plane/events/alarm_event.h"
#include "plane/events/ecs_event.h"
#include "plane/events/rule.h"

static void rule_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct rule_record *rule = after;

    (void)before;
    if (rule != NULL && rule->has_due_at)
        marks_add(marks, &event_rule_reconciler,
                  KEY(tx->arena, rule->account_id, rule->region, event_rule_id_of(tx->arena, rule)));
}

static void delivery_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct delivery_record *delivery = after;
    auto_buf key = {.ptr = NULL};

    (void)tx;
    (void)before;
    if (delivery == NULL)
        return;
    delivery_table.key(delivery, &key);
    marks_add(marks, &delivery_reconciler, buf_str(&key));
}

static const struct dirties_spec dirties[] = {{&event_rule_table, rule_dirties}, {&delivery_table, delivery_dirties}};
/* What becomes events of Amazon ECS and CloudWatch. */
static const struct follows_spec follows[] = {
    {&alarm_table, alarm_event_of_alarm},
    {&task_table, ecs_event_of_task},
    {&container_instance_table, ecs_event_of_container_instance},
    {&deployment_table, ecs_event_of_deployment},
    {&service_event_table, ecs_event_of_service_event},
    {&service_table, ecs_event_of_service},
    {&task_set_table, ecs_event_of_task_set},
};

static const struct table_spec *const tables[] = {&event_bus_table, &event_rule_table, &delivery_table};
static const struct reconciler_spec *const reconcilers[] = {&event_rule_reconciler, &delivery_reconciler};

const struct domain_spec events_domain = {
    .name = "events",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
    .follows = follows,
    .follows_count = COUNT_OF(follows),
};
