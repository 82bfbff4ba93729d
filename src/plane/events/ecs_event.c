/* Events of tasks and container instances. */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/ecs/container_instance.h"
#include "plane/events/ecs_event_private.h"

/* ---- JSON ---- */

enum { DETAIL_BYTES = 4096 }; /* of a task, as a first guess */

/* By pieces: a format would go twice over an object of thousands of bytes, and this is done at each step of a task. */
struct str detail_with(struct transaction *tx, struct str object, const char *name, struct str value)
{
    size_t name_len = strlen(name);
    char *text = arena_array(tx->arena, char, object.len + name_len + value.len + sizeof(",\"\":}"));
    char *at = mempcpy(text, object.ptr, object.len - 1);

    at = mempcpy(at, ",\"", 2);
    at = mempcpy(at, name, name_len);
    at = mempcpy(at, "\":", 2);
    at = mempcpy(at, value.ptr, value.len);
    *at++ = '}';
    return (struct str){text, (size_t)(at - text)};
}

static struct str json_of(struct transaction *tx, const struct shape *shape, const void *value)
{
    auto_buf out = {.ptr = NULL};

    must(buf_reserve(&out, DETAIL_BYTES));
    value_json(shape, value, &out);
    must(!out.overflowed);
    return arena_str(tx->arena, buf_str(&out));
}

struct str detail_now(struct transaction *tx)
{
    return arena_printf(tx->arena, "\"%.*s\"", STR_ARG(when_to_iso8601(tx->arena, tx->now_ms)));
}

struct str detail_cluster(struct transaction *tx, const struct ecs_subject *subject, struct str cluster_name)
{
    return arena_printf(tx->arena, "\"arn:aws:ecs:%.*s:%.*s:cluster/%.*s\"", STR_ARG(subject->region),
                        STR_ARG(subject->account), STR_ARG(cluster_name));
}

void ecs_event_publish(struct transaction *tx, const struct ecs_subject *subject, struct str detail_type,
                       struct str detail)
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
    return detail_with(tx, json_of(tx, &ecs_task_shape, &shown), "updatedAt", detail_now(tx));
}

void ecs_event_of_task(struct transaction *tx, const void *before, const void *after)
{
    const struct task_record *task = after;

    if (!is_task_news(before, task))
        return;
    ecs_event_publish(tx, &(struct ecs_subject){task->account_id, task->region, task->task->task_arn},
                      STR("ECS Task State Change"), task_detail(tx, task->task));
}

/* ---- "ECS Container Instance State Change" ---- */

/* All that is shown of it (resources, status, agent, attributes), and what it has left. Its version says whether any of
 * that has changed. */
void ecs_event_of_container_instance(struct transaction *tx, const void *before, const void *after)
{
    const struct container_instance_record *old = before;
    const struct container_instance_record *instance = after;
    struct ecs_container_instance shown;
    struct ecs_subject subject;
    struct str detail;

    if (instance == NULL || (old != NULL && old->instance->version == instance->instance->version))
        return;
    subject = (struct ecs_subject){instance->account_id, instance->region, instance->instance->container_instance_arn};
    shown = *instance->instance;
    shown.tags = (struct ecs_tags){NULL, 0};
    shown.remaining_resources = container_instance_remaining(tx->arena, instance);
    detail = json_of(tx, &ecs_container_instance_shape, &shown);
    detail = detail_with(tx, detail, "clusterArn", detail_cluster(tx, &subject, instance->cluster_name));
    ecs_event_publish(tx, &subject, STR("ECS Container Instance State Change"),
                      detail_with(tx, detail, "updatedAt", detail_now(tx)));
}
