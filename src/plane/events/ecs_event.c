#include "plane/events/ecs_event.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/ecs/ecs.h"
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
    (void)event_publish(tx, &(struct event){.account = task->account_id,
                                            .region = task->region,
                                            .source = STR("aws.ecs"),
                                            .detail_type = STR("ECS Task State Change"),
                                            .when_ms = tx->now_ms,
                                            .resources = &task->task->task_arn,
                                            .resource_count = 1,
                                            .detail = task_detail(tx, task->task)});
}
