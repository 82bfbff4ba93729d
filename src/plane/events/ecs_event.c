#include "plane/events/ecs_event.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/deployment.h"
#include "plane/ecs/ecs.h"
#include "plane/ecs/service_event.h"
#include "plane/events/event.h"

/* A JSON object with one more member, its value JSON. */
static struct str with_member(struct transaction *tx, struct str object, const char *name, struct str value)
{
    return arena_printf(tx->arena, "%.*s,\"%s\":%.*s}", STR_ARG(str_to(object, object.len - 1)), name, STR_ARG(value));
}

static struct str json_of(struct transaction *tx, const struct shape *shape, const void *value)
{
    auto_buf out = {.ptr = NULL};

    value_json(shape, value, &out);
    must(!out.overflowed);
    return arena_str(tx->arena, buf_str(&out));
}

static struct str json_time(struct transaction *tx, int64_t when_ms)
{
    return arena_printf(tx->arena, "\"%.*s\"", STR_ARG(when_to_iso8601(tx->arena, when_ms)));
}

/* Whose record it is that changed, and what the event is about. */
struct subject {
    struct str account, region;
    struct str arn;
};

static void publish(struct transaction *tx, const struct subject *subject, struct str detail_type, struct str detail)
{
    (void)event_publish(tx, &(struct event){.account = subject->account,
                                            .region = subject->region,
                                            .source = STR("aws.ecs"),
                                            .detail_type = detail_type,
                                            .when_ms = tx->now_ms,
                                            .resources = &subject->arn,
                                            .resource_count = 1,
                                            .detail = detail});
}

/* ---- "ECS Task State Change" ---- */

static bool is_container_news(const struct ecs_task *before, const struct ecs_task *after)
{
    if (before->containers.count != after->containers.count)
        return true;
    for (size_t i = 0; i < after->containers.count; i++)
        if (!str_eq(before->containers.items[i].last_status, after->containers.items[i].last_status))
            return true;
    return false;
}

/* What a task is, wants to be, and its containers are. */
static bool is_task_news(const struct task_record *before, const struct task_record *after)
{
    if (after == NULL)
        return false;
    return before == NULL || !str_eq(before->task->last_status, after->task->last_status) ||
           !str_eq(before->task->desired_status, after->task->desired_status) ||
           is_container_news(before->task, after->task);
}

/* As events show it: without tags, interfaces by their short name. */
static struct str task_detail(struct transaction *tx, const struct ecs_task *task)
{
    struct ecs_task shown = *task;

    shown.tags = (struct ecs_tags){NULL, 0};
    shown.inference_accelerators = (struct ecs_inference_accelerators){NULL, 0};
    shown.attachments.items = arena_array(tx->arena, struct ecs_attachment, task->attachments.count);
    for (size_t i = 0; i < task->attachments.count; i++) {
        shown.attachments.items[i] = task->attachments.items[i];
        if (str_is(task->attachments.items[i].type, "ElasticNetworkInterface"))
            shown.attachments.items[i].type = STR("eni");
    }
    return with_member(tx, json_of(tx, &ecs_task_shape, &shown), "updatedAt", json_time(tx, tx->now_ms));
}

void ecs_event_of_task(struct transaction *tx, const void *before, const void *after)
{
    const struct task_record *task = after;

    if (!is_task_news(before, task))
        return;
    publish(tx, &(struct subject){task->account_id, task->region, task->task->task_arn}, STR("ECS Task State Change"),
            task_detail(tx, task->task));
}

/* ---- "ECS Container Instance State Change" ---- */

static struct str json_cluster(struct transaction *tx, struct str account, struct str region, struct str name)
{
    return arena_printf(tx->arena, "\"arn:aws:ecs:%.*s:%.*s:cluster/%.*s\"", STR_ARG(region), STR_ARG(account),
                        STR_ARG(name));
}

/* All that is shown of it: resources, status, agent, attributes. */
void ecs_event_of_container_instance(struct transaction *tx, const void *before, const void *after)
{
    const struct container_instance_record *old = before;
    const struct container_instance_record *instance = after;
    struct ecs_container_instance shown;
    struct str detail;

    if (instance == NULL ||
        (old != NULL && value_equal(&ecs_container_instance_shape, old->instance, instance->instance)))
        return;
    shown = *instance->instance;
    shown.tags = (struct ecs_tags){NULL, 0};
    detail = json_of(tx, &ecs_container_instance_shape, &shown);
    detail = with_member(tx, detail, "clusterArn",
                         json_cluster(tx, instance->account_id, instance->region, instance->cluster_name));
    publish(tx, &(struct subject){instance->account_id, instance->region, shown.container_instance_arn},
            STR("ECS Container Instance State Change"),
            with_member(tx, detail, "updatedAt", json_time(tx, tx->now_ms)));
}

/* ---- "ECS Deployment State Change" ---- */

static const struct {
    enum ecs_deployment_rollout_state state;
    const char *type, *name;
} rollouts[] = {
    {ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS, "INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"},
    {ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED, "INFO", "SERVICE_DEPLOYMENT_COMPLETED"},
    {ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED, "ERROR", "SERVICE_DEPLOYMENT_FAILED"},
};

static struct str json_text_of(struct transaction *tx, struct str text)
{
    auto_buf out = {.ptr = NULL};

    value_json_text(text, &out);
    return arena_str(tx->arena, buf_str(&out));
}

static struct str deployment_detail(struct transaction *tx, const struct ecs_deployment *deployment, size_t row)
{
    return arena_printf(
        tx->arena,
        "{\"eventType\":\"%s\",\"eventName\":\"%s\",\"deploymentId\":\"%.*s\",\"updatedAt\":%.*s,\"reason\":%.*s}",
        rollouts[row].type, rollouts[row].name, STR_ARG(deployment->id), STR_ARG(json_time(tx, tx->now_ms)),
        STR_ARG(json_text_of(tx, deployment->rollout_state_reason)));
}

static struct str arn_of_service(struct transaction *tx, const struct subject *of, struct str cluster,
                                 struct str service)
{
    return arena_printf(tx->arena, "arn:aws:ecs:%.*s:%.*s:service/%.*s/%.*s", STR_ARG(of->region), STR_ARG(of->account),
                        STR_ARG(cluster), STR_ARG(service));
}

void ecs_event_of_deployment(struct transaction *tx, const void *before, const void *after)
{
    const struct deployment_record *old = before;
    const struct deployment_record *new = after;
    struct subject subject;

    if (new == NULL || (old != NULL && old->deployment->rollout_state == new->deployment->rollout_state))
        return;
    subject = (struct subject){new->account_id, new->region, {NULL, 0}};
    subject.arn = arn_of_service(tx, &subject, new->cluster_name, new->service_name);
    for (size_t i = 0; i < COUNT_OF(rollouts); i++)
        if (rollouts[i].state == new->deployment->rollout_state)
            publish(tx, &subject, STR("ECS Deployment State Change"), deployment_detail(tx, new->deployment, i));
}

/* ---- "ECS Service Action" ---- */

/* By what the service's own log says ("Amazon ECS service action events", developer guide). */
static const struct {
    const char *says, *type, *name;
} actions[] = {
    {"has reached a steady state.", "INFO", "SERVICE_STEADY_STATE"},
    {"is unable to consistently start tasks successfully.", "WARN", "SERVICE_TASK_START_IMPAIRED"},
    {"was unable to place a task", "ERROR", "SERVICE_TASK_PLACEMENT_FAILURE"},
    {"failed to launch a task with", "ERROR", "SERVICE_TASK_CONFIGURATION_FAILURE"},
};

static struct str action_detail(struct transaction *tx, const struct service_event_record *event, size_t row)
{
    struct str detail =
        arena_printf(tx->arena, "{\"eventType\":\"%s\",\"eventName\":\"%s\",\"clusterArn\":%.*s,\"createdAt\":%.*s}",
                     actions[row].type, actions[row].name,
                     STR_ARG(json_cluster(tx, event->account_id, event->region, event->cluster_name)),
                     STR_ARG(json_time(tx, tx->now_ms)));

    return strcmp(actions[row].type, "INFO") == 0
               ? detail
               : with_member(tx, detail, "reason", json_text_of(tx, event->event->message));
}

void ecs_event_of_service_event(struct transaction *tx, const void *before, const void *after)
{
    const struct service_event_record *event = after;
    struct subject subject;

    if (event == NULL || before != NULL)
        return;
    subject = (struct subject){event->account_id, event->region, {NULL, 0}};
    subject.arn = arn_of_service(tx, &subject, event->cluster_name, event->service_name);
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (str_search(event->event->message, str_of(actions[i].says)) < event->event->message.len)
            publish(tx, &subject, STR("ECS Service Action"), action_detail(tx, event, i));
}
