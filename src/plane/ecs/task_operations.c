/* StopTask, DescribeTasks, ListTasks. RunTask is task_run.c. */
#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"
#include "plane/ecs/service_tasks.h"
#include "plane/ecs/task.h"

enum { REASON_LEN_MAX = 1024, DESCRIBE_MAX = 100, LIST_MAX = 100, STARTED_BY_LEN_MAX = 128 };

/* ---- how a task is shown ---- */

/* Tags only when they are asked for. Connectivity is the host's as it is now: an outage changes no record. */
static struct ecs_task shown(const struct call *call, const struct task_record *record, bool with_tags)
{
    const struct host_record *host =
        record->host_id.ptr == NULL ? NULL : transaction_get(call->tx, &host_table, record->host_id);
    const struct container_instance_record *instance = container_instance_of_task(call->tx, record);
    struct ecs_task task = *record->task;

    if (!with_tags)
        task.tags = (struct ecs_tags){arena_array(call->arena, struct ecs_tag, 1), 0};
    if (instance != NULL && !instance->instance->agent_connected && task.has_connectivity_at &&
        !task_is_stopped(record)) {
        task.connectivity = ECS_CONNECTIVITY_DISCONNECTED;
        SET(&task, connectivity_at, instance->disconnected_at);
    }
    if (host != NULL && !host_is_connected(host) && task.has_connectivity_at && !task_is_stopped(record)) {
        task.connectivity = ECS_CONNECTIVITY_DISCONNECTED;
        SET(&task, connectivity_at, host->disconnected_at);
    }
    return task;
}

/* ---- StopTask ---- */

bool ecs_stop_task(struct call *call, const struct ecs_stop_task_request *in, struct ecs_stop_task_response *out)
{
    const struct cluster_record *cluster;
    const struct task_record *task;

    if (!cluster_find(call, in->cluster, &cluster) || !task_find(call, cluster, in->task, &task))
        return false;
    if (task == NULL)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "The referenced task was not found.");
    if (in->reason.len > REASON_LEN_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "reason longer than %d.", REASON_LEN_MAX);
    task_stop(call->tx, task, ECS_TASK_STOP_CODE_USER_INITIATED,
              in->reason.ptr != NULL ? in->reason : STR("Task stopped by user"));
    out->task = arena_new(call->arena, struct ecs_task);
    *out->task = shown(call, task_of_arn(call->tx, task->task->task_arn), false);
    return true;
}

/* ---- DescribeTasks ---- */

static struct ecs_failure missing(const struct call *call, const struct cluster_record *cluster, struct str id_or_arn)
{
    struct str arn = id_or_arn;

    if (!str_starts(arn, STR("arn:")))
        arn = ecs_arn(call, "task",
                      arena_printf(call->arena, "%.*s/%.*s", STR_ARG(cluster->cluster->cluster_name), STR_ARG(arn)));
    return (struct ecs_failure){.arn = arn, .reason = STR("MISSING")};
}

static bool includes_tags(const struct ecs_task_field_list *include)
{
    for (size_t i = 0; i < include->count; i++)
        if (include->items[i] == ECS_TASK_FIELD_TAGS)
            return true;
    return false;
}

bool ecs_describe_tasks(struct call *call, const struct ecs_describe_tasks_request *in,
                        struct ecs_describe_tasks_response *out)
{
    bool with_tags = includes_tags(&in->include);
    const struct cluster_record *cluster;

    if (in->tasks.count == 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Tasks cannot be empty.");
    if (in->tasks.count > DESCRIBE_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "tasks can have at most %d items.",
                        DESCRIBE_MAX);
    if (!cluster_find(call, in->cluster, &cluster))
        return false;
    out->tasks.items = arena_array(call->arena, struct ecs_task, in->tasks.count);
    out->failures.items = arena_array(call->arena, struct ecs_failure, in->tasks.count);
    for (size_t i = 0; i < in->tasks.count; i++) {
        const struct task_record *task;

        if (!task_find(call, cluster, in->tasks.items[i], &task))
            return false;
        if (task == NULL)
            out->failures.items[out->failures.count++] = missing(call, cluster, in->tasks.items[i]);
        else
            out->tasks.items[out->tasks.count++] = shown(call, task, with_tags);
    }
    return true;
}

/* ---- ListTasks ---- */

static bool check_filters(const struct call *call, const struct ecs_list_tasks_request *in)
{
    const char *type = ECS_ERROR_INVALID_PARAMETER_EXCEPTION;

    if (in->started_by.len > STARTED_BY_LEN_MAX)
        return fail_api(call->fail, type, "startedBy longer than %d.", STARTED_BY_LEN_MAX);
    if (in->started_by.ptr != NULL &&
        (in->family.ptr != NULL || in->service_name.ptr != NULL || in->container_instance.ptr != NULL))
        return fail_api(call->fail, type,
                        "startedBy cannot be combined with family, serviceName or containerInstance.");
    if (in->daemon_name.ptr != NULL)
        return fail_api(call->fail, ECS_ERROR_DAEMON_NOT_FOUND_EXCEPTION, "Daemon not found: %.*s",
                        STR_ARG(in->daemon_name));
    return true;
}

static bool find_instance(const struct call *call, const struct cluster_record *cluster, struct str named,
                          const struct container_instance_record **ret_instance)
{
    return container_instance_find(call, cluster, named, ret_instance) &&
           (*ret_instance != NULL || fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                                              "Referenced container instance %.*s not found.", STR_ARG(named)));
}

/* PENDING is no desired status that a task ever has (API reference, ListTasks: desiredStatus). */
static struct str desired_status(const struct ecs_list_tasks_request *in)
{
    return in->desired_status == ECS_DESIRED_STATUS_NONE
               ? STR("RUNNING")
               : str_of(enum_name(&ecs_desired_status_shape, (int)in->desired_status));
}

/* `service`: the one that is asked for, or NULL. */
static bool passes(const struct ecs_list_tasks_request *in, const struct service_record *service,
                   const struct task_record *task)
{
    if (service != NULL &&
        (!str_eq(service->service_name, task->service_name) || !str_eq(task->task->desired_status, desired_status(in))))
        return false;
    if (in->family.ptr != NULL && !str_eq(in->family, task->family))
        return false;
    if (in->started_by.ptr != NULL && !str_eq(in->started_by, task->task->started_by))
        return false;
    return in->launch_type == ECS_LAUNCH_TYPE_NONE || in->launch_type == task->task->launch_type;
}

bool ecs_list_tasks(struct call *call, const struct ecs_list_tasks_request *in, struct ecs_list_tasks_response *out)
{
    const struct page_request request = PAGE_REQUEST(in, LIST_MAX);
    const struct service_record *service = NULL;
    const struct cluster_record *cluster;
    const struct container_instance_record *instance = NULL;
    const struct task_record *task;
    struct str last = {NULL, 0};
    struct walk walk;
    struct page page;

    if (!check_filters(call, in) || !page_open(call, &request, &page) || !cluster_find(call, in->cluster, &cluster))
        return false;
    if (in->container_instance.ptr != NULL && !find_instance(call, cluster, in->container_instance, &instance))
        return false;
    if (in->service_name.ptr != NULL && !service_find(call, cluster, in->service_name, &service))
        return false;
    walk = transaction_walk(call->tx, &task_table, "desired",
                            KEY_PREFIX(call->arena, cluster->account_id, cluster->region,
                                       cluster->cluster->cluster_name, desired_status(in)));
    if (service != NULL && str_is(desired_status(in), "RUNNING")) /* the few that are its own */
        walk = service_tasks_walk(call->tx, service);
    walk.at = page.after;
    out->task_arns.items = arena_array(call->arena, struct str, page.limit);
    while ((task = walk_next(&walk)) != NULL) {
        if (!passes(in, service, task) ||
            (instance != NULL && !str_eq(task->container_instance_id, instance->instance_id)))
            continue;
        if (out->task_arns.count == page.limit) {
            out->next_token = page_next(call, last);
            break;
        }
        out->task_arns.items[out->task_arns.count++] = task->task->task_arn;
        last = walk.at;
    }
    return true;
}
