/* Scale-in protection (developer guide, "Protect your Amazon ECS tasks from being terminated by scale-in events"): for
 * tasks of services, until it ends or is taken back. service_plan.h honours it. */
#include "base/must.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/service_tasks.h"

enum { GET_MAX = 100, UPDATE_MAX = 10, EXPIRES_MINUTES_MAX = 2880, EXPIRES_MINUTES_DEFAULT = 120 };

static bool check_count(const struct call *call, size_t count, size_t count_max)
{
    if (count <= count_max)
        return true;
    return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "tasks can have at most %zu items.", count_max);
}

/* What is answered of each task: its protection, or why it has none. */
struct answer {
    struct ecs_protected_tasks tasks;
    struct ecs_failures failures;
};

static void answer_failure(struct answer *answer, struct str arn, struct str reason, struct str detail)
{
    answer->failures.items[answer->failures.count++] =
        (struct ecs_failure){.arn = arn, .reason = reason, .detail = detail};
}

/* Whether it is one that can be protected; `change`: it is to be. */
static bool is_valid(struct answer *answer, const struct task_record *task, bool change)
{
    struct str arn = task->task->task_arn;

    if (task->service_name.ptr == NULL)
        answer_failure(answer, arn, STR("TASK_NOT_VALID"),
                       STR("The specified task is not part of an Amazon ECS service."));
    else if (change && task_status(task) != TASK_RUNNING)
        answer_failure(answer, arn, STR("TASK_NOT_VALID"),
                       STR("Task protection can only be set for tasks in the RUNNING state."));
    else
        return true;
    return false;
}

static void answer_protection(const struct call *call, struct answer *answer, const struct task_record *task)
{
    struct ecs_protected_task *to = &answer->tasks.items[answer->tasks.count++];

    to->task_arn = task->task->task_arn;
    SET(to, protection_enabled, service_task_is_protected(task, call->tx->now_ms));
    if (to->protection_enabled)
        SET(to, expiration_date, task->protected_until);
}

/* For each task; until_ms: from now on protected until then, 0: not any more, WHEN_NEVER: as it is. */
static bool answer_all(const struct call *call, struct str cluster_name, const struct ecs_string_list *tasks,
                       int64_t until_ms, struct answer *answer)
{
    const struct cluster_record *cluster;

    if (!cluster_find(call, cluster_name, &cluster))
        return false;
    answer->tasks.items = arena_array(call->arena, struct ecs_protected_task, tasks->count);
    answer->failures.items = arena_array(call->arena, struct ecs_failure, tasks->count);
    for (size_t i = 0; i < tasks->count; i++) {
        const struct task_record *task;

        if (!task_find(call, cluster, tasks->items[i], &task))
            return false;
        if (task == NULL) {
            answer_failure(answer, tasks->items[i], STR("MISSING"), (struct str){NULL, 0});
            continue;
        }
        if (!is_valid(answer, task, until_ms != WHEN_NEVER))
            continue;
        if (until_ms != WHEN_NEVER) {
            struct task_edit *edit = task_edit_begin(call->tx, task);

            SET(&edit->record, protected_until, until_ms);
            must(task_edit_put(call->tx, edit));
            task = task_of_arn(call->tx, task->task->task_arn);
        }
        answer_protection(call, answer, task);
    }
    return true;
}

bool ecs_get_task_protection(struct call *call, const struct ecs_get_task_protection_request *in,
                             struct ecs_get_task_protection_response *out)
{
    struct answer answer = {.tasks = {NULL, 0}};

    if (!check_count(call, in->tasks.count, GET_MAX) || !answer_all(call, in->cluster, &in->tasks, WHEN_NEVER, &answer))
        return false;
    out->protected_tasks = answer.tasks;
    out->failures = answer.failures;
    return true;
}

static int64_t protected_until(const struct call *call, const struct ecs_update_task_protection_request *in)
{
    int64_t minutes = in->has_expires_in_minutes ? in->expires_in_minutes : EXPIRES_MINUTES_DEFAULT;

    return in->protection_enabled ? call->tx->now_ms + minutes * MINUTE_MS : 0;
}

bool ecs_update_task_protection(struct call *call, const struct ecs_update_task_protection_request *in,
                                struct ecs_update_task_protection_response *out)
{
    struct answer answer = {.tasks = {NULL, 0}};

    if (in->tasks.count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Tasks cannot be empty.");
    if (in->has_expires_in_minutes && (in->expires_in_minutes < 1 || in->expires_in_minutes > EXPIRES_MINUTES_MAX))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid expiresInMinutes: %d. It must be between 1 and %d.", in->expires_in_minutes,
                        EXPIRES_MINUTES_MAX);
    if (!check_count(call, in->tasks.count, UPDATE_MAX) ||
        !answer_all(call, in->cluster, &in->tasks, protected_until(call, in), &answer))
        return false;
    out->protected_tasks = answer.tasks;
    out->failures = answer.failures;
    return true;
}
