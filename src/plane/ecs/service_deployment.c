#include "plane/ecs/service_deployment.h"

#include "base/must.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/service_alarms.h"
#include "plane/ecs/service_revision.h"
#include "plane/ecs/service_tasks.h"

enum { ID_LEN = 21 };

/* ---- the table ---- */

static void deployment_key(const void *record, struct buf *key)
{
    const struct service_deployment_record *deployment = record;

    SERVICE_KEY_ADD(key, deployment);
    key_add(key, deployment->id);
}

static void time_key(const void *record, struct buf *key)
{
    const struct service_deployment_record *deployment = record;

    SERVICE_KEY_ADD(key, deployment);
    key_add_number(key, INT64_MAX - deployment->deployment->created_at);
}

static int status_of(const void *record)
{
    return (int)((const struct service_deployment_record *)record)->deployment->status;
}

#define STATUS(name) ECS_SERVICE_DEPLOYMENT_STATUS_##name

static const struct status_rule status_rules[] = {
    {"service", STATUS(PENDING), STATUS(IN_PROGRESS)},
    {"service", STATUS(IN_PROGRESS), STATUS(SUCCESSFUL)},
    {"service", STATUS(IN_PROGRESS), STATUS(STOPPED)},
    {"service", STATUS(IN_PROGRESS), STATUS(ROLLBACK_IN_PROGRESS)},
    {"service", STATUS(ROLLBACK_REQUESTED), STATUS(ROLLBACK_IN_PROGRESS)},
    {"service", STATUS(ROLLBACK_IN_PROGRESS), STATUS(ROLLBACK_SUCCESSFUL)},
    {"service", STATUS(ROLLBACK_IN_PROGRESS), STATUS(ROLLBACK_FAILED)},
    {"api", STATUS(PENDING), STATUS(STOPPED)},
    {"api", STATUS(IN_PROGRESS), STATUS(STOPPED)},
    {"api", STATUS(ROLLBACK_REQUESTED), STATUS(STOPPED)},
    {"api", STATUS(ROLLBACK_IN_PROGRESS), STATUS(STOPPED)},
    {"api", STATUS(PENDING), STATUS(ROLLBACK_REQUESTED)},
    {"api", STATUS(IN_PROGRESS), STATUS(ROLLBACK_REQUESTED)},
};

const struct table_spec service_deployment_table = {
    .name = "service_deployment",
    .shape = &service_deployment_record_shape,
    .key = deployment_key,
    .indexes = {{"time", time_key}},
    .status = status_of,
    .status_rules = status_rules,
    .status_rule_count = COUNT_OF(status_rules),
};

bool service_deployment_is_over(const struct service_deployment_record *deployment)
{
    switch (deployment->deployment->status) {
    case STATUS(SUCCESSFUL):
    case STATUS(STOPPED):
    case STATUS(ROLLBACK_SUCCESSFUL):
    case STATUS(ROLLBACK_FAILED):
        return true;
    case STATUS(NONE):
    case STATUS(PENDING):
    case STATUS(STOP_REQUESTED):
    case STATUS(IN_PROGRESS):
    case STATUS(ROLLBACK_REQUESTED):
    case STATUS(ROLLBACK_IN_PROGRESS):
        return false;
    }
    return false;
}

const struct service_deployment_record *service_deployment_current(const struct transaction *tx,
                                                                   const struct service_record *service)
{
    struct str arn = service->service->current_service_deployment;

    if (arn.ptr == NULL)
        return NULL;
    return transaction_get(tx, &service_deployment_table,
                           KEY(tx->arena, service->account_id, service->region, service->cluster_name,
                               service->service_name, ecs_name(arn)));
}

/* ---- what it says ---- */

int32_t circuit_breaker_threshold(const struct service_record *service)
{
    const struct ecs_deployment_circuit_breaker *breaker =
        service->service->deployment_configuration->deployment_circuit_breaker;
    const struct ecs_threshold_configuration *given = breaker == NULL ? NULL : breaker->threshold_configuration;
    int64_t percent = given == NULL ? 50 : given->value;
    int64_t threshold = (percent * service->service->desired_count + 99) / 100;

    if (given != NULL && given->type == ECS_THRESHOLD_TYPE_COUNT)
        return given->value;
    if (given != NULL && given->type == ECS_THRESHOLD_TYPE_UNBOUNDED_PERCENT)
        return threshold < 1 ? 1 : (int32_t)threshold;
    return threshold < 3 ? 3 : threshold > 200 ? 200 : (int32_t)threshold;
}

static struct ecs_service_revision_summary *summary(struct transaction *tx, const struct service_record *service,
                                                    struct str revision_id)
{
    struct ecs_service_revision_summary *summary = arena_new(tx->arena, struct ecs_service_revision_summary);
    struct service_task_counts counts = service_tasks_count(tx, service, revision_id);

    summary->arn = service_arn(tx->arena, service, "service-revision", revision_id);
    SET(summary, requested_task_count,
        str_eq(revision_id, service->primary_id) ? service->service->desired_count : counts.running + counts.pending);
    SET(summary, running_task_count, counts.running);
    SET(summary, pending_task_count, counts.pending);
    return summary;
}

/* The revisions that have tasks. */
static struct ecs_service_revisions_summary_list sources(struct transaction *tx, const struct service_record *service,
                                                         struct str but_id)
{
    struct walk walk = transaction_walk(tx, &deployment_table, NULL, SERVICE_PREFIX(tx->arena, service));
    struct ecs_service_revisions_summary_list list = {NULL, 0};
    const struct deployment_record *deployment;
    size_t capacity = 0;

    while (walk_next(&walk) != NULL)
        capacity++;
    list.items = arena_array(tx->arena, struct ecs_service_revision_summary, capacity);
    walk = transaction_walk(tx, &deployment_table, NULL, SERVICE_PREFIX(tx->arena, service));
    while ((deployment = walk_next(&walk)) != NULL)
        if (!str_eq(deployment->id, but_id))
            list.items[list.count++] = *summary(tx, service, deployment->id);
    return list;
}

/* ---- changing ---- */

struct edit {
    struct service_deployment_record record;
    struct ecs_service_deployment deployment;
};

static bool edit_begin(struct transaction *tx, const struct service_record *service, struct edit *ret_edit)
{
    const struct service_deployment_record *current = service_deployment_current(tx, service);

    if (current == NULL || service_deployment_is_over(current))
        return false;
    ret_edit->record = *current;
    ret_edit->deployment = *current->deployment;
    ret_edit->record.deployment = &ret_edit->deployment;
    return true;
}

static void edit_put(struct transaction *tx, struct edit *edit)
{
    SET(&edit->deployment, updated_at, tx->now_ms);
    must(transaction_put(tx, &service_deployment_table, &edit->record));
}

static struct ecs_service_deployment_alarms *alarms_at_end(struct transaction *tx,
                                                           struct ecs_service_deployment_alarms *from)
{
    struct ecs_service_deployment_alarms *alarms;

    if (from == NULL || from->status != ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING)
        return from;
    alarms = arena_new(tx->arena, struct ecs_service_deployment_alarms);
    *alarms = *from;
    alarms->status = ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING_COMPLETE;
    return alarms;
}

/* The counts as they are when it is over. */
static void edit_end(struct transaction *tx, const struct service_record *service, struct edit *edit,
                     enum ecs_service_deployment_status status)
{
    struct str target = ecs_name(edit->deployment.target_service_revision->arn);
    const struct deployment_record *deployment = deployment_of(tx, service, target);
    struct ecs_service_deployment_circuit_breaker *breaker =
        arena_new(tx->arena, struct ecs_service_deployment_circuit_breaker);

    *breaker = *edit->deployment.deployment_circuit_breaker;
    if (breaker->status == ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING)
        breaker->status = ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING_COMPLETE;
    if (deployment != NULL && breaker->status != ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_TRIGGERED)
        SET(breaker, failure_count, deployment->trouble->failures);
    edit->deployment.deployment_circuit_breaker = breaker;
    edit->deployment.alarms = alarms_at_end(tx, edit->deployment.alarms);
    edit->deployment.target_service_revision = summary(tx, service, target);
    edit->deployment.source_service_revisions = sources(tx, service, target);
    edit->deployment.status = status;
    if (status == STATUS(STOPPED))
        SET(&edit->deployment, stopped_at, tx->now_ms);
    SET(&edit->deployment, finished_at, tx->now_ms);
    edit_put(tx, edit);
}

/* The oldest that is over goes, and with it the revision that it went to, where no task can come of that any more. */
static void prune(struct transaction *tx, const struct service_record *service)
{
    struct walk walk = transaction_walk(tx, &service_deployment_table, "time", SERVICE_PREFIX(tx->arena, service));
    const struct service_deployment_record *record;

    for (size_t i = 0; (record = walk_next(&walk)) != NULL; i++) {
        struct str revision = ecs_name(record->deployment->target_service_revision->arn);

        if (i < SERVICE_DEPLOYMENTS_MAX)
            continue;
        if (deployment_of(tx, service, revision) == NULL)
            transaction_delete(tx, &service_revision_table,
                               KEY(tx->arena, service->account_id, service->region, service->cluster_name,
                                   service->service_name, revision));
        transaction_delete(tx, &service_deployment_table,
                           KEY(tx->arena, service->account_id, service->region, service->cluster_name,
                               service->service_name, record->id));
    }
}

static struct str new_id(struct transaction *tx)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char id[ID_LEN];

    for (size_t i = 0; i < sizeof(id); i++)
        id[i] = letters[random_below(tx->random, sizeof(letters) - 1)];
    return arena_str(tx->arena, (struct str){id, sizeof(id)});
}

static struct ecs_service_deployment_circuit_breaker *breaker_of(struct transaction *tx,
                                                                 const struct service_record *service)
{
    const struct ecs_deployment_circuit_breaker *given =
        service->service->deployment_configuration->deployment_circuit_breaker;
    struct ecs_service_deployment_circuit_breaker *breaker =
        arena_new(tx->arena, struct ecs_service_deployment_circuit_breaker);

    breaker->status = given != NULL && given->enable ? ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING
                                                     : ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_DISABLED;
    SET(breaker, failure_count, 0);
    SET(breaker, threshold, circuit_breaker_threshold(service));
    return breaker;
}

void service_deployment_begin(struct transaction *tx, struct service_edit *service, struct str revision_id)
{
    const struct service_record *record = &service->record;
    struct edit edit;

    if (edit_begin(tx, record, &edit)) {
        edit.deployment.status_reason = STR("Service deployment was stopped because a newer one was started.");
        edit_end(tx, record, &edit, STATUS(STOPPED));
    }
    edit.record = (struct service_deployment_record){.account_id = record->account_id,
                                                     .region = record->region,
                                                     .cluster_name = record->cluster_name,
                                                     .service_name = record->service_name,
                                                     .id = new_id(tx),
                                                     .deployment = &edit.deployment};
    edit.deployment = (struct ecs_service_deployment){
        .service_deployment_arn = service_arn(tx->arena, record, "service-deployment", edit.record.id),
        .service_arn = record->service->service_arn,
        .cluster_arn = record->service->cluster_arn,
        .status = STATUS(PENDING),
        .source_service_revisions = sources(tx, record, revision_id),
        .target_service_revision = summary(tx, record, revision_id),
        .deployment_configuration = record->service->deployment_configuration,
        .deployment_circuit_breaker = breaker_of(tx, record),
        .alarms = service_alarms_begin(tx, record),
    };
    SET(edit.deployment.target_service_revision, requested_task_count, record->service->desired_count);
    SET(&edit.deployment, created_at, tx->now_ms);
    edit_put(tx, &edit);
    service->service.current_service_deployment = edit.deployment.service_deployment_arn;
    prune(tx, record);
}

void service_deployment_start(struct transaction *tx, const struct service_record *service)
{
    struct edit edit;

    if (!edit_begin(tx, service, &edit) || edit.deployment.status != STATUS(PENDING))
        return;
    edit.deployment.status = STATUS(IN_PROGRESS);
    SET(&edit.deployment, started_at, tx->now_ms);
    edit_put(tx, &edit);
}

/* The circuit breaker. */
void service_deployment_trip(struct transaction *tx, const struct service_record *service, int32_t failures)
{
    struct ecs_service_deployment_circuit_breaker *breaker =
        arena_new(tx->arena, struct ecs_service_deployment_circuit_breaker);
    struct edit edit;

    if (!edit_begin(tx, service, &edit))
        return;
    *breaker = *edit.deployment.deployment_circuit_breaker;
    breaker->status = ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_TRIGGERED;
    SET(breaker, failure_count, failures);
    SET(breaker, threshold, circuit_breaker_threshold(service));
    edit.deployment.deployment_circuit_breaker = breaker;
    edit_put(tx, &edit);
}

bool service_deployment_is_rolling_back(const struct transaction *tx, const struct service_record *service)
{
    const struct service_deployment_record *current = service_deployment_current(tx, service);

    return current != NULL && current->deployment->status == STATUS(ROLLBACK_IN_PROGRESS);
}

bool service_deployment_watches_alarms(const struct transaction *tx, const struct service_record *service)
{
    const struct service_deployment_record *current = service_deployment_current(tx, service);
    const struct ecs_service_deployment *shown = current == NULL ? NULL : current->deployment;

    return shown != NULL && shown->status == STATUS(IN_PROGRESS) && shown->alarms != NULL &&
           shown->alarms->status == ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING;
}

void service_deployment_alarm(struct transaction *tx, const struct service_record *service,
                              struct ecs_string_list triggered)
{
    struct ecs_service_deployment_alarms *alarms = arena_new(tx->arena, struct ecs_service_deployment_alarms);
    struct edit edit;

    if (!edit_begin(tx, service, &edit))
        return;
    *alarms = *edit.deployment.alarms;
    alarms->status = ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_TRIGGERED;
    alarms->triggered_alarm_names = triggered;
    edit.deployment.alarms = alarms;
    edit_put(tx, &edit);
}

void service_deployment_roll_back(struct transaction *tx, const struct service_record *service, struct str revision_id,
                                  struct str reason)
{
    struct ecs_rollback *rollback = arena_new(tx->arena, struct ecs_rollback);
    struct edit edit;

    if (!edit_begin(tx, service, &edit))
        return;
    rollback->reason = reason;
    rollback->service_revision_arn = service_arn(tx->arena, service, "service-revision", revision_id);
    SET(rollback, started_at, tx->now_ms);
    edit.deployment.rollback = rollback;
    edit.deployment.status = STATUS(ROLLBACK_IN_PROGRESS);
    edit.deployment.status_reason = reason;
    edit_put(tx, &edit);
}

void service_deployment_finish(struct transaction *tx, const struct service_record *service, bool is_success,
                               struct str reason)
{
    struct edit edit;
    bool rolled_back;

    if (!edit_begin(tx, service, &edit))
        return;
    rolled_back = edit.deployment.rollback != NULL;
    if (reason.ptr != NULL)
        edit.deployment.status_reason = reason;
    edit_end(tx, service, &edit,
             is_success    ? rolled_back ? STATUS(ROLLBACK_SUCCESSFUL) : STATUS(SUCCESSFUL)
                : rolled_back ? STATUS(ROLLBACK_FAILED)
                           : STATUS(STOPPED));
}
