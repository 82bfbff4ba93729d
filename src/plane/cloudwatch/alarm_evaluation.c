#include "plane/cloudwatch/alarm_evaluation.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/cloudwatch/evaluation.h"

/* "Evaluating an alarm", CloudWatch user guide: every minute, every ten seconds for high-resolution alarms. */
enum { STEP_SHORT_S = 10, STEP_S = 60 };

/* ---- what it watches ---- */

static const struct cloudwatch_metric_data_queries *single_query(const struct cloudwatch_metric_alarm *alarm,
                                                                 struct arena *arena)
{
    struct cloudwatch_metric_data_queries *queries = arena_new(arena, struct cloudwatch_metric_data_queries);
    struct cloudwatch_metric_data_query *query = arena_new(arena, struct cloudwatch_metric_data_query);
    struct cloudwatch_metric_stat *stat = arena_new(arena, struct cloudwatch_metric_stat);
    struct cloudwatch_metric *metric = arena_new(arena, struct cloudwatch_metric);

    *metric = (struct cloudwatch_metric){alarm->namespace, alarm->metric_name, alarm->dimensions};
    *stat = (struct cloudwatch_metric_stat){.metric = metric, .stat = alarm->extended_statistic, .unit = alarm->unit};
    SET(stat, period, alarm->period);
    if (stat->stat.ptr == NULL)
        stat->stat = str_of(enum_name(&cloudwatch_statistic_shape, (int)alarm->statistic));
    *query = (struct cloudwatch_metric_data_query){.id = STR("m1"), .metric_stat = stat};
    *queries = (struct cloudwatch_metric_data_queries){query, 1};
    return queries;
}

const struct cloudwatch_metric_data_queries *alarm_queries(const struct cloudwatch_metric_alarm *alarm,
                                                           struct arena *arena, size_t *ret_watched)
{
    *ret_watched = 0;
    if (alarm->metrics.count == 0)
        return single_query(alarm, arena);
    for (size_t i = 0; i < alarm->metrics.count; i++)
        if (!alarm->metrics.items[i].has_return_data || alarm->metrics.items[i].return_data)
            *ret_watched = i;
    return &alarm->metrics;
}

/* An alarm on expressions has the period of its metrics, which are all of one. */
int64_t alarm_step_ms(const struct cloudwatch_metric_alarm *alarm)
{
    int64_t period_s = alarm->period;

    for (size_t i = 0; i < alarm->metrics.count; i++)
        if (alarm->metrics.items[i].metric_stat != NULL)
            period_s = alarm->metrics.items[i].metric_stat->period;
    return (period_s > 0 && period_s < STEP_S ? STEP_SHORT_S : STEP_S) * SECOND_MS;
}

/* ---- asking ---- */

static int64_t last_end_ms(const struct cloudwatch_metric_alarm *alarm, int64_t now_ms)
{
    return now_ms - now_ms % alarm_step_ms(alarm);
}

/* While the sample is on its way to the store the period may end: shortly before that it counts as late already. */
bool alarm_is_late(const struct cloudwatch_metric_alarm *alarm, int64_t at_ms, int64_t now_ms)
{
    static const int64_t late_ms = 2 * SECOND_MS;

    return at_ms < last_end_ms(alarm, now_ms + late_ms);
}

struct str alarm_question_of(const struct alarm_record *alarm, int64_t now_ms, struct arena *arena)
{
    struct alarm_question question = {.account_id = alarm->account_id, .region = alarm->region, .alarm = alarm->alarm};
    auto_buf bytes = {.ptr = NULL};

    SET(&question, end_at, last_end_ms(alarm->alarm, now_ms));
    SET(&question, asked_at, now_ms);
    value_encode(&alarm_question_shape, &question, &bytes);
    must(!bytes.overflowed);
    return arena_str(arena, buf_str(&bytes));
}

/* A new configuration waits for the end of its first minute. */
static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct alarm_record *alarm = transaction_get(tx, &alarm_table, key);
    int64_t end_ms;

    if (alarm == NULL)
        return WHEN_NEVER;
    end_ms = last_end_ms(alarm->alarm, tx->now_ms);
    if (end_ms > alarm->alarm->alarm_configuration_updated_timestamp)
        transaction_effect(tx, ALARM_EVALUATE_EFFECT, key, alarm_question_of(alarm, tx->now_ms, tx->arena));
    return end_ms + alarm_step_ms(alarm->alarm);
}

const struct reconciler_spec alarm_reconciler = {"alarm", &alarm_table, reconcile};

void alarm_look(struct transaction *tx, struct str key)
{
    if (transaction_get(tx, &alarm_table, key) != NULL)
        transaction_mark(tx, &alarm_reconciler, key);
}

/* ---- answering ---- */

static bool measure(const struct metric_port *port, const struct alarm_question *question, struct arena *scratch,
                    struct metric_series *ret_series, struct fail *f)
{
    struct metric_reach reach = {.port = port,
                                 .account = question->account_id,
                                 .region = question->region,
                                 .end_ms = question->end_at,
                                 .now_ms = question->end_at,
                                 .exact = true};
    const struct metric_plan *plan;
    size_t watched;

    if (!metric_plan_make(alarm_queries(question->alarm, scratch, &watched), scratch, &plan, f))
        return false;
    reach.start_ms = reach.end_ms - metric_plan_period_ms(plan, watched) *
                                        (question->alarm->evaluation_periods + EVALUATION_EXTRA_PERIODS);
    return metric_run_series(metric_run_new(plan, &reach, scratch), watched, ret_series, f);
}

bool alarm_measure(const struct metric_port *port, struct str question, struct arena *arena,
                   struct alarm_measured *ret_measured, struct fail *f)
{
    struct alarm_question *of = arena_new(arena, struct alarm_question);
    struct metric_series series;
    struct arena scratch;
    bool good;

    if (!value_decode(&alarm_question_shape, question, of, arena, f))
        return false;
    arena_init(&scratch, METRIC_RUN_BYTES);
    good = measure(port, of, &scratch, &series, f);
    if (good) {
        ret_measured->key = KEY(arena, of->account_id, of->region, of->alarm->alarm_name);
        ret_measured->configured_ms = of->alarm->alarm_configuration_updated_timestamp;
        ret_measured->moves = alarm_judge(of->alarm, &series, of->asked_at, arena, &ret_measured->verdict);
    }
    arena_free(&scratch);
    return good;
}

void alarm_answer(struct transaction *tx, const struct alarm_measured *measured)
{
    const struct alarm_record *alarm = transaction_get(tx, &alarm_table, measured->key);

    if (alarm == NULL || !measured->moves ||
        alarm->alarm->alarm_configuration_updated_timestamp != measured->configured_ms)
        return;
    alarm_move(tx, alarm, &measured->verdict, /* told= */ false);
}
