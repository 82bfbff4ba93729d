/* Events of services, their deployments and task sets. */
#include "model/interpret.h"
#include "plane/ec2/host.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/service_event.h"
#include "plane/ecs/service_revision.h"
#include "plane/ecs/task_set.h"
#include "plane/events/ecs_event_private.h"

/* ---- JSON ---- */

static struct str json_text_of(struct transaction *tx, struct str text)
{
    auto_buf out = {.ptr = NULL};

    value_json_text(text, &out);
    return arena_str(tx->arena, buf_str(&out));
}

static void add_to_list(struct transaction *tx, struct str *list, struct str arn)
{
    *list = arena_printf(tx->arena, "%.*s%s\"%.*s\"", STR_ARG(*list), list->len == 0 ? "" : ",", STR_ARG(arn));
}

static struct str with_list(struct transaction *tx, struct str detail, const char *name, struct str list)
{
    return list.len == 0 ? detail : detail_with(tx, detail, name, arena_printf(tx->arena, "[%.*s]", STR_ARG(list)));
}

static struct ecs_subject subject_of(struct transaction *tx, struct str account, struct str region, struct str cluster,
                                     struct str service)
{
    struct str arn = arena_printf(tx->arena, "arn:aws:ecs:%.*s:%.*s:service/%.*s/%.*s", STR_ARG(region),
                                  STR_ARG(account), STR_ARG(cluster), STR_ARG(service));

    return (struct ecs_subject){account, region, arn};
}

/* Of a record that belongs to a service. */
#define SUBJECT_OF(tx, record)                                                                                         \
    subject_of((tx), (record)->account_id, (record)->region, (record)->cluster_name, (record)->service_name)

/* ---- "ECS Deployment State Change" ---- */

static const struct {
    enum ecs_deployment_rollout_state state;
    const char *type, *name;
} rollouts[] = {
    {ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS, "INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"},
    {ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED, "INFO", "SERVICE_DEPLOYMENT_COMPLETED"},
    {ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED, "ERROR", "SERVICE_DEPLOYMENT_FAILED"},
};

static struct str deployment_detail(struct transaction *tx, const struct ecs_deployment *deployment, size_t row)
{
    struct str now = detail_now(tx);
    struct str reason = json_text_of(tx, deployment->rollout_state_reason);

    return arena_printf(
        tx->arena,
        "{\"eventType\":\"%s\",\"eventName\":\"%s\",\"deploymentId\":\"%.*s\",\"updatedAt\":%.*s,\"reason\":%.*s}",
        rollouts[row].type, rollouts[row].name, STR_ARG(deployment->id), STR_ARG(now), STR_ARG(reason));
}

void ecs_event_of_deployment(struct transaction *tx, const void *before, const void *after)
{
    const struct deployment_record *old = before;
    const struct deployment_record *new = after;
    struct ecs_subject subject;

    if (new == NULL || (old != NULL && old->deployment->rollout_state == new->deployment->rollout_state))
        return;
    subject = SUBJECT_OF(tx, new);
    for (size_t i = 0; i < COUNT_OF(rollouts); i++)
        if (rollouts[i].state == new->deployment->rollout_state)
            ecs_event_publish(tx, &subject, STR("ECS Deployment State Change"),
                              deployment_detail(tx, new->deployment, i));
}

/* ---- "ECS Service Action" ("Amazon ECS service action events", developer guide) ---- */

static struct str action_begin(struct transaction *tx, const struct ecs_subject *subject, struct str cluster_name,
                               const char *type, const char *name)
{
    struct str cluster = detail_cluster(tx, subject, cluster_name);

    return arena_printf(tx->arena, "{\"eventType\":\"%s\",\"eventName\":\"%s\",\"clusterArn\":%.*s}", type, name,
                        STR_ARG(cluster));
}

static void action_end(struct transaction *tx, const struct ecs_subject *subject, struct str detail)
{
    ecs_event_publish(tx, subject, STR("ECS Service Action"), detail_with(tx, detail, "createdAt", detail_now(tx)));
}

/* An event of the service's log, and the service. */
struct said {
    const struct service_event_record *event;
    struct ecs_subject subject;
};

/* Those of the strategy that the service's tasks are made by; empty: it has none. */
static struct str provider_arns(struct transaction *tx, const struct said *said)
{
    const struct service_record *service = transaction_get(tx, &service_table, SERVICE_KEY(tx->arena, said->event));
    const struct service_revision_record *made_of =
        service == NULL ? NULL : service_revision_of(tx, service, service->primary_id);
    struct str list = STR("");

    if (made_of == NULL)
        return list;
    for (size_t i = 0; i < made_of->revision->capacity_provider_strategy.count; i++) {
        struct str name = made_of->revision->capacity_provider_strategy.items[i].capacity_provider;

        add_to_list(tx, &list,
                    arena_printf(tx->arena, "arn:aws:ecs:%.*s:%.*s:capacity-provider/%.*s",
                                 STR_ARG(said->subject.region), STR_ARG(said->subject.account), STR_ARG(name)));
    }
    return list;
}

static struct str with_providers(struct transaction *tx, const struct said *said, struct str detail)
{
    return with_list(tx, detail, "capacityProviderArns", provider_arns(tx, said));
}

/* The tasks that the sentence names: "(task 0123...)". */
static struct str with_tasks(struct transaction *tx, const struct said *said, struct str detail)
{
    static const struct str open = STR_INIT("(task ");
    struct str rest = said->event->event->message;
    struct str list = STR("");
    size_t at;

    while ((at = str_search(rest, open)) < rest.len) {
        rest = str_from(rest, at + open.len);
        add_to_list(tx, &list,
                    arena_printf(tx->arena, "arn:aws:ecs:%.*s:%.*s:task/%.*s/%.*s", STR_ARG(said->subject.region),
                                 STR_ARG(said->subject.account), STR_ARG(said->event->cluster_name),
                                 STR_ARG(str_to(rest, str_find(rest, ')')))));
    }
    return with_list(tx, detail, "taskArns", list);
}

/* Fargate's reason has a name of its own here. */
static struct str with_failure(struct transaction *tx, const struct said *said, struct str detail)
{
    const struct ecs_failure *failure = said->event->failure;
    bool is_fargate = failure != NULL && str_is(failure->reason, HOST_NO_CAPACITY);
    struct str instances = STR("");

    if (failure == NULL)
        return detail_with(tx, detail, "reason", json_text_of(tx, said->event->event->message));
    if (str_search(failure->arn, STR(":container-instance/")) < failure->arn.len)
        add_to_list(tx, &instances, failure->arn);
    detail = with_list(tx, with_providers(tx, said, detail), "containerInstanceArns", instances);
    return detail_with(tx, detail, "reason", json_text_of(tx, is_fargate ? STR("RESOURCE:FARGATE") : failure->reason));
}

static struct str with_message(struct transaction *tx, const struct said *said, struct str detail)
{
    return detail_with(tx, detail, "reason", json_text_of(tx, said->event->event->message));
}

/* A service that is steady has its providers steady, too. */
static void tell_of_providers(struct transaction *tx, const struct said *said)
{
    struct str list = provider_arns(tx, said);
    struct str detail =
        action_begin(tx, &said->subject, said->event->cluster_name, "INFO", "CAPACITY_PROVIDER_STEADY_STATE");

    if (list.len > 0)
        action_end(tx, &said->subject, with_list(tx, detail, "capacityProviderArns", list));
}

/* By what the service's own log says behind its name. */
static const struct {
    const char *says, *type, *name;
    /* What the event says besides, and what else is told with it; NULL: nothing. */
    struct str (*more)(struct transaction *tx, const struct said *said, struct str detail);
    void (*also)(struct transaction *tx, const struct said *said);
} actions[] = {
    {"has reached a steady state.", "INFO", "SERVICE_STEADY_STATE", NULL, tell_of_providers},
    {"has stopped ", "INFO", "TASKS_STOPPED", with_tasks, NULL},
    {"is unable to consistently start tasks successfully.", "WARN", "SERVICE_TASK_START_IMPAIRED", NULL, NULL},
    {"was unable to place a task", "ERROR", "SERVICE_TASK_PLACEMENT_FAILURE", with_failure, NULL},
    {"failed to launch a task with", "ERROR", "SERVICE_TASK_CONFIGURATION_FAILURE", with_message, NULL},
};

void ecs_event_of_service_event(struct transaction *tx, const void *before, const void *after)
{
    const struct service_event_record *event = after;
    struct said said = {.event = event};
    struct str text;

    if (event == NULL || before != NULL)
        return;
    said.subject = SUBJECT_OF(tx, event);
    text = str_from(event->event->message, event->service_name.len + strlen("(service ) "));
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        struct str detail;

        if (!str_starts(text, str_of(actions[i].says)))
            continue;
        detail = action_begin(tx, &said.subject, event->cluster_name, actions[i].type, actions[i].name);
        action_end(tx, &said.subject, actions[i].more == NULL ? detail : actions[i].more(tx, &said, detail));
        if (actions[i].also != NULL)
            actions[i].also(tx, &said);
    }
}

/* How many tasks a daemon has follows from how many instances there are; all other counts are what somebody asked for,
 * of which nothing is told. */
void ecs_event_of_service(struct transaction *tx, const void *before, const void *after)
{
    const struct service_record *old = before;
    const struct service_record *new = after;
    struct ecs_subject subject;
    struct str detail;

    if (old == NULL || new == NULL || new->service->scheduling_strategy != ECS_SCHEDULING_STRATEGY_DAEMON ||
        old->service->desired_count == new->service->desired_count)
        return;
    subject = SUBJECT_OF(tx, new);
    detail = action_begin(tx, &subject, new->cluster_name, "INFO", "SERVICE_DESIRED_COUNT_UPDATED");
    action_end(tx, &subject,
               detail_with(tx, detail, "desiredCount", arena_printf(tx->arena, "%d", new->service->desired_count)));
}

void ecs_event_of_task_set(struct transaction *tx, const void *before, const void *after)
{
    const struct task_set_record *old = before;
    const struct task_set_record *new = after;
    struct ecs_subject subject;
    struct str list = STR("");
    struct str detail;

    if (new == NULL || task_set_is_draining(new) ||
        new->task_set->stability_status != ECS_STABILITY_STATUS_STEADY_STATE ||
        (old != NULL && old->task_set->stability_status == ECS_STABILITY_STATUS_STEADY_STATE))
        return;
    subject = SUBJECT_OF(tx, new);
    add_to_list(tx, &list, new->task_set->task_set_arn);
    detail = action_begin(tx, &subject, new->cluster_name, "INFO", "TASKSET_STEADY_STATE");
    action_end(tx, &subject, with_list(tx, detail, "taskSetArns", list));
}
