/* What agents report through the API: SubmitTaskStateChange, SubmitContainerStateChange, SubmitAttachmentStateChanges,
 * in any order, doubled and late; and where they find us, DiscoverPollEndpoint.
 *
 * An agent speaks for its machine as a host does, so its reports are put as the actor "host", which the status rules of
 * tasks know. An answer with an error other than InvalidParameterException would hold up all later reports of the task:
 * what is merely late is acknowledged. */
#include "base/must.h"
#include "plane/ecs/agent.h"
#include "plane/ecs/execute_command.h"
#include "plane/ecs/operations.h"

enum { TEXT_LEN_MAX = 255, REASON_LEN_MAX = 1024 };

/* ---- DiscoverPollEndpoint ---- */

bool ecs_discover_poll_endpoint(struct call *call, const struct ecs_discover_poll_endpoint_request *in,
                                struct ecs_discover_poll_endpoint_response *out)
{
    struct str endpoint = container_instance_endpoint(call);
    const struct cluster_record *cluster;

    if (!cluster_find(call, in->cluster, &cluster))
        return false;
    out->endpoint = arena_printf(call->arena, "%.*s/acs/", STR_ARG(endpoint));
    out->telemetry_endpoint = arena_printf(call->arena, "%.*s/tcs/", STR_ARG(endpoint));
    return true;
}

/* ---- reading ---- */

static enum host_container_status container_status(struct str status)
{
    if (str_is(status, "STOPPED"))
        return HOST_CONTAINER_STATUS_STOPPED;
    return str_is(status, "RUNNING") ? HOST_CONTAINER_STATUS_RUNNING : HOST_CONTAINER_STATUS_PENDING;
}

static struct str cut_to(struct str text, size_t len)
{
    return text.len > len ? str_to(text, len) : text;
}

static struct host_container_report container_report(const struct ecs_container_state_change *change)
{
    struct host_container_report report = {
        .name = change->container_name,
        .status = container_status(change->status),
        .runtime_id = cut_to(change->runtime_id, TEXT_LEN_MAX),
        .image_digest = cut_to(change->image_digest, TEXT_LEN_MAX),
        .reason = cut_to(change->reason, REASON_LEN_MAX),
        .network_bindings = change->network_bindings,
    };

    if (change->has_exit_code)
        SET(&report, exit_code, change->exit_code);
    return report;
}

/* STOPPED of an agent means that nothing of the task is left on its machine. */
static enum host_task_status task_status_reported(struct str status)
{
    if (str_is(status, "STOPPED"))
        return HOST_TASK_STATUS_GONE;
    return str_is(status, "RUNNING") ? HOST_TASK_STATUS_RUNNING : HOST_TASK_STATUS_PENDING;
}

static bool has_run(const struct ecs_submit_task_state_change_request *in, const struct task_record *task)
{
    for (size_t i = 0; i < in->containers.count; i++)
        if (in->containers.items[i].has_exit_code) /* for less than a report */
            return true;
    for (size_t i = 0; i < task->task->containers.count; i++)
        if (task->task->containers.items[i].has_exit_code) /* said before, by itself */
            return true;
    return task->task->has_started_at;
}

/* The task's own reason is empty when a container ended it; when none could be started, the reason of the first that
 * has one is the task's (developer guide, "Stopped tasks error messages"). A reason of a container that ran may be that
 * of a pull which an older image made up for. */
static void explain_stop(const struct ecs_submit_task_state_change_request *in, const struct task_record *task,
                         struct host_task_report *report)
{
    if (has_run(in, task)) {
        report->stop_code = ECS_TASK_STOP_CODE_ESSENTIAL_CONTAINER_EXITED;
        report->reason = STR("Essential container in task exited");
    } else {
        report->stop_code = ECS_TASK_STOP_CODE_TASK_FAILED_TO_START;
        report->reason = STR("Task failed to start");
        for (size_t i = task->task->containers.count; i-- > 0;)
            if (task->task->containers.items[i].reason.len > 0)
                report->reason = task->task->containers.items[i].reason;
        for (size_t i = in->containers.count; i-- > 0;)
            if (in->containers.items[i].reason.len > 0)
                report->reason = cut_to(in->containers.items[i].reason, REASON_LEN_MAX);
    }
    if (in->reason.len > 0)
        report->reason = cut_to(in->reason, REASON_LEN_MAX);
}

/* ---- putting ---- */

static bool find_task(const struct call *call, struct str cluster_name, struct str task_arn,
                      const struct task_record **ret_task)
{
    const struct cluster_record *cluster;

    if (!cluster_find(call, cluster_name, &cluster) || !task_find(call, cluster, task_arn, ret_task))
        return false;
    if (*ret_task == NULL)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "The referenced task was not found.");
    if ((*ret_task)->container_instance_id.ptr == NULL)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The referenced task is on no container instance.");
    return true;
}

static void observe(struct call *call, const struct task_record *task, const struct host_task_report *report)
{
    const char *actor = call->tx->actor;

    call->tx->actor = "host";
    task_observe_agent(call->tx, task, report);
    call->tx->actor = actor;
}

/* Behind what it says of the containers that they are in. */
static void observe_managed_agents(struct call *call, struct str task_arn,
                                   const struct ecs_managed_agent_state_changes *changes)
{
    const char *actor = call->tx->actor;

    call->tx->actor = "host";
    execute_command_agent_observe(call->tx, task_of_arn(call->tx, task_arn), changes);
    call->tx->actor = actor;
}

static bool is_status(struct str status)
{
    static const char *const statuses[] = {"PENDING", "RUNNING", "STOPPED"};

    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (str_is(status, statuses[i]))
            return true;
    return false;
}

/* ---- attachments ---- */

/* "arn:aws:ecs:region:account:attachment/id". */
static bool has_attachment(const struct task_record *task, struct str arn)
{
    return task->task->attachments.count > 0 && str_eq(task->task->attachments.items[0].id, ecs_name(arn));
}

/* Once: what is said again, late, or of another's attachment changes nothing. The reconciler "task" goes on from here.
 */
static void attach(struct call *call, const struct task_record *task, const struct ecs_attachment_state_change *change)
{
    struct task_edit *edit;

    if (!task_is_attaching(task) || !has_attachment(task, change->attachment_arn) ||
        !str_is(change->status, "ATTACHED"))
        return;
    edit = task_edit_begin(call->tx, task);
    task_edit_attachments(call->tx, edit, "ATTACHED");
    (void)task_edit_put(call->tx, edit);
}

/* The task that waits for the interface; NULL: none. */
static const struct task_record *waiting_for(const struct call *call, const struct cluster_record *cluster,
                                             struct str attachment_arn)
{
    struct walk walk = transaction_walk(call->tx, &task_table, "waiting",
                                        KEY_PREFIX(call->arena, STR("attachment"), cluster->account_id, cluster->region,
                                                   cluster->cluster->cluster_name, ecs_name(attachment_arn)));

    return walk_next(&walk);
}

bool ecs_submit_attachment_state_changes(struct call *call,
                                         const struct ecs_submit_attachment_state_changes_request *in,
                                         struct ecs_submit_attachment_state_changes_response *out)
{
    const struct cluster_record *cluster;

    if (!cluster_find(call, in->cluster, &cluster))
        return false;
    for (size_t i = 0; i < in->attachments.count; i++) {
        const struct task_record *task = waiting_for(call, cluster, in->attachments.items[i].attachment_arn);

        if (task != NULL)
            attach(call, task, &in->attachments.items[i]);
    }
    out->acknowledgment = STR("ACK");
    return true;
}

/* ---- states ---- */

bool ecs_submit_task_state_change(struct call *call, const struct ecs_submit_task_state_change_request *in,
                                  struct ecs_submit_task_state_change_response *out)
{
    struct host_task_report report = {.task_arn = in->task, .status = task_status_reported(in->status)};
    const struct task_record *task;

    if (!find_task(call, in->cluster, in->task, &task))
        return false;
    if (in->status.len > 0 && !is_status(in->status))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "status '%.*s' is not one of [PENDING, RUNNING, STOPPED].", STR_ARG(in->status));
    out->acknowledgment = STR("ACK");
    for (size_t i = 0; i < in->attachments.count; i++)
        attach(call, task, &in->attachments.items[i]);
    if (in->status.len == 0) {
        observe_managed_agents(call, task->task->task_arn, &in->managed_agents);
        return true;
    }
    report.containers.items = arena_array(call->arena, struct host_container_report, in->containers.count + 1);
    for (size_t i = 0; i < in->containers.count; i++)
        report.containers.items[report.containers.count++] = container_report(&in->containers.items[i]);
    if (report.status == HOST_TASK_STATUS_GONE)
        explain_stop(in, task, &report);
    if (in->has_pull_started_at)
        SET(&report, pull_started_at, in->pull_started_at);
    if (in->has_pull_stopped_at)
        SET(&report, pull_stopped_at, in->pull_stopped_at);
    if (in->has_execution_stopped_at)
        SET(&report, execution_stopped_at, in->execution_stopped_at);
    if (report.status == HOST_TASK_STATUS_RUNNING)
        SET(&report, started_at, call->tx->now_ms);
    observe(call, task_of_arn(call->tx, task->task->task_arn), &report);
    observe_managed_agents(call, task->task->task_arn, &in->managed_agents);
    return true;
}

/* Of older agents: containers alone. */
bool ecs_submit_container_state_change(struct call *call, const struct ecs_submit_container_state_change_request *in,
                                       struct ecs_submit_container_state_change_response *out)
{
    const struct ecs_container_state_change change = {
        .container_name = in->container_name,
        .runtime_id = in->runtime_id,
        .status = in->status,
        .reason = in->reason,
        .network_bindings = in->network_bindings,
        .has_exit_code = in->has_exit_code,
        .exit_code = in->exit_code,
    };
    struct host_container_report container = container_report(&change);
    struct host_task_report report = {.task_arn = in->task, .containers = {&container, 1}};
    const struct task_record *task;

    if (!find_task(call, in->cluster, in->task, &task))
        return false;
    if (!is_status(in->status))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "status '%.*s' is not one of [PENDING, RUNNING, STOPPED].", STR_ARG(in->status));
    observe(call, task, &report);
    out->acknowledgment = STR("ACK");
    return true;
}
