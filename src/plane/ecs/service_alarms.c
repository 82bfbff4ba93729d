#include "plane/ecs/service_alarms.h"

#include "plane/cloudwatch/alarm.h"

static const struct ecs_deployment_alarms *alarms_of(const struct service_record *service)
{
    return service->service->deployment_configuration->alarms;
}

bool service_has_alarms(const struct service_record *service)
{
    return alarms_of(service) != NULL && alarms_of(service)->enable;
}

struct ecs_string_list service_alarms_in_alarm(const struct transaction *tx, const struct service_record *service)
{
    const struct ecs_string_list *names = &alarms_of(service)->alarm_names;
    struct ecs_string_list found = {arena_array(tx->arena, struct str, names->count + 1), 0};

    for (size_t i = 0; i < names->count; i++)
        if (alarm_state(tx, service->account_id, service->region, names->items[i]) == CLOUDWATCH_STATE_VALUE_ALARM)
            found.items[found.count++] = names->items[i];
    return found;
}

struct ecs_service_deployment_alarms *service_alarms_begin(struct transaction *tx, const struct service_record *service)
{
    struct ecs_service_deployment_alarms *shown = arena_new(tx->arena, struct ecs_service_deployment_alarms);
    bool watched = service_has_alarms(service) && service_alarms_in_alarm(tx, service).count == 0;

    shown->status = watched ? ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING
                            : ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_DISABLED;
    if (alarms_of(service) != NULL)
        shown->alarm_names = alarms_of(service)->alarm_names;
    return shown;
}

int64_t service_alarms_bake_ms(const struct transaction *tx, const struct service_record *service)
{
    const struct ecs_string_list *names = &alarms_of(service)->alarm_names;
    int64_t longest_s = 0;

    for (size_t i = 0; i < names->count; i++) {
        const struct alarm_record *alarm = alarm_named(tx, service->account_id, service->region, names->items[i]);
        int64_t seconds = alarm == NULL ? 0 : (int64_t)alarm->alarm->period * alarm->alarm->evaluation_periods;

        longest_s = seconds > longest_s ? seconds : longest_s;
    }
    return longest_s * SECOND_MS;
}

void services_mark_of_alarm(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct alarm_record *alarm = after != NULL ? after : before;
    const struct service_record *service;
    struct walk walk;

    if (!alarm_has_moved(before, after))
        return;
    walk = transaction_walk(tx, &service_table, "alarmed", KEY_PREFIX(tx->arena, alarm->account_id, alarm->region));
    while ((service = walk_next(&walk)) != NULL)
        if (str_is_among(alarm->alarm->alarm_name, alarms_of(service)->alarm_names.items,
                         alarms_of(service)->alarm_names.count))
            marks_add(marks, &service_reconciler, SERVICE_KEY(tx->arena, service));
}
