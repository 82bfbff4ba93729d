/* Scale-in protection is for tasks of services (developer guide, "Protect your Amazon ECS tasks from being terminated
 * by scale-in events"): there are none yet, so every task named is refused as AWS refuses a task of its own. */
#include "plane/ecs/operations.h"
#include "plane/ecs/task.h"

enum { GET_MAX = 100, UPDATE_MAX = 10, EXPIRES_MINUTES_MAX = 2880 };

static bool check_count(const struct call *call, size_t count, size_t count_max)
{
    if (count <= count_max)
        return true;
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "tasks can have at most %zu items.", count_max);
}

/* Why each of the tasks is not protected. */
static bool refuse(const struct call *call, struct str cluster_name, const struct ecs_string_list *tasks,
                   struct ecs_failures *out)
{
    const struct cluster_record *cluster;

    if (!cluster_find(call, cluster_name, &cluster))
        return false;
    out->items = arena_array(call->arena, struct ecs_failure, tasks->count);
    for (size_t i = 0; i < tasks->count; i++) {
        const struct task_record *task;

        if (!task_find(call, cluster, tasks->items[i], &task))
            return false;
        out->items[out->count++] =
            task == NULL
                ? (struct ecs_failure){.arn = tasks->items[i], .reason = STR("MISSING")}
                : (struct ecs_failure){.arn = task->task->task_arn,
                                       .reason = STR("TASK_NOT_VALID"),
                                       .detail = STR("The specified task is not part of an Amazon ECS service.")};
    }
    return true;
}

bool ecs_get_task_protection(struct call *call, const struct ecs_get_task_protection_request *in,
                             struct ecs_get_task_protection_response *out)
{
    out->protected_tasks.items = arena_array(call->arena, struct ecs_protected_task, 1);
    return check_count(call, in->tasks.count, GET_MAX) && refuse(call, in->cluster, &in->tasks, &out->failures);
}

bool ecs_update_task_protection(struct call *call, const struct ecs_update_task_protection_request *in,
                                struct ecs_update_task_protection_response *out)
{
    out->protected_tasks.items = arena_array(call->arena, struct ecs_protected_task, 1);
    if (in->tasks.count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Tasks cannot be empty.");
    if (in->has_expires_in_minutes && (in->expires_in_minutes < 1 || in->expires_in_minutes > EXPIRES_MINUTES_MAX))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid expiresInMinutes: %d. It must be between 1 and %d.", in->expires_in_minutes,
                        EXPIRES_MINUTES_MAX);
    return check_count(call, in->tasks.count, UPDATE_MAX) && refuse(call, in->cluster, &in->tasks, &out->failures);
}
