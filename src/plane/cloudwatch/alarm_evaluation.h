/* Alarms in time: when they are evaluated, what is asked for, what comes of the answer.
 *
 * The reconciler emits a question (ALARM_EVALUATE_EFFECT) at the end of each minute, or of each ten seconds for periods
 * shorter than a minute, and when it is marked because points came late; it writes nothing. Who takes the question
 * reads the points (alarm_measure, where blocking is allowed) and hands the answer in with a transaction
 * (alarm_answer), which moves the alarm unless it was configured anew meanwhile. A question that is lost is asked again
 * with the next minute.
 */
#pragma once

#include "plane/cloudwatch/alarm.h"
#include "plane/cloudwatch/metric_port.h"

/* The question of an alarm at that time, a stored struct alarm_question, in the arena. */
struct str alarm_question_of(const struct alarm_record *alarm, int64_t now_ms, struct arena *arena);

struct alarm_measured {
    struct str key; /* the alarm's */
    int64_t configured_ms;
    bool moves; /* false: it stays what it is */
    struct alarm_verdict verdict;
};

/* Everything in the arena. Fails with FAIL_SYSTEM, FAIL_API when points cannot be read. */
checked bool alarm_measure(const struct metric_port *port, struct str question, struct arena *arena,
                           struct alarm_measured *ret_measured, struct fail *f);
void alarm_answer(struct transaction *tx, const struct alarm_measured *measured);

/* Whether a point of that time belongs to a minute that the alarm has looked at already. */
bool alarm_is_late(const struct cloudwatch_metric_alarm *alarm, int64_t at_ms, int64_t now_ms);
/* Points of the alarm's metric have come that belong to the past: it is looked at now. */
void alarm_look(struct transaction *tx, struct str key);

/* How long an alarm waits between two evaluations. */
int64_t alarm_step_ms(const struct cloudwatch_metric_alarm *alarm);
/* The queries that an alarm watches, one of which is the watched one; in the arena. */
const struct cloudwatch_metric_data_queries *alarm_queries(const struct cloudwatch_metric_alarm *alarm,
                                                           struct arena *arena, size_t *ret_watched);
