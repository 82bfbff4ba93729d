#include "plane/events/alarm_event.h"

#include "plane/cloudwatch/alarm.h"
#include "plane/cloudwatch/alarm_text.h"
#include "plane/events/event.h"

/* Only of moves: that an alarm is made or deleted is no change of its state. */
void alarm_event_of_alarm(struct transaction *tx, const void *before, const void *after)
{
    const struct alarm_record *old = before;
    const struct alarm_record *alarm = after;

    if (old == NULL || alarm == NULL || !alarm_has_moved(old, alarm))
        return;
    (void)event_publish(tx, &(struct event){.account = alarm->account_id,
                                            .region = alarm->region,
                                            .source = STR("aws.cloudwatch"),
                                            .detail_type = STR("CloudWatch Alarm State Change"),
                                            .when_ms = tx->now_ms,
                                            .resources = &alarm->alarm->alarm_arn,
                                            .resource_count = 1,
                                            .detail = alarm_text_event(tx->arena, old, alarm)});
}
