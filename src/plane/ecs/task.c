#include "plane/ecs/task.h"

#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ecs/container_instance.h"
#include "plane/iam/iam.h"
#include "plane/vpc/vpc.h"

/* ---- the table ---- */

static const struct str status_names[TASK_STATUSES] = {
    [TASK_PROVISIONING] = STR_INIT("PROVISIONING"),     [TASK_PENDING] = STR_INIT("PENDING"),
    [TASK_ACTIVATING] = STR_INIT("ACTIVATING"),         [TASK_RUNNING] = STR_INIT("RUNNING"),
    [TASK_DEACTIVATING] = STR_INIT("DEACTIVATING"),     [TASK_STOPPING] = STR_INIT("STOPPING"),
    [TASK_DEPROVISIONING] = STR_INIT("DEPROVISIONING"), [TASK_STOPPED] = STR_INIT("STOPPED"),
};

/* Asked for every task of a service at every look: length and first letter tell all of them apart. */
static int status_of(const void *record)
{
    struct str status = ((const struct task_record *)record)->task->last_status;

    for (size_t i = 0; i < COUNT_OF(status_names); i++)
        if (status.len == status_names[i].len && status.ptr[0] == status_names[i].ptr[0])
            return (int)i;
    must_not_happen("a task has one of the eight statuses");
}

static const struct status_rule status_rules[] = {
    {"task", TASK_PROVISIONING, TASK_PENDING},
    {"task", TASK_PROVISIONING, TASK_STOPPED},
    {"host", TASK_PENDING, TASK_ACTIVATING},
    {"host", TASK_PENDING, TASK_RUNNING},
    {"host", TASK_PENDING, TASK_STOPPING},
    {"host", TASK_PENDING, TASK_DEPROVISIONING},
    {"task", TASK_PENDING, TASK_STOPPING},
    {"task", TASK_PENDING, TASK_STOPPED},
    {"host", TASK_ACTIVATING, TASK_RUNNING},
    {"host", TASK_ACTIVATING, TASK_STOPPING},
    {"host", TASK_ACTIVATING, TASK_DEPROVISIONING},
    {"task", TASK_ACTIVATING, TASK_STOPPING},
    {"task", TASK_ACTIVATING, TASK_STOPPED},
    {"host", TASK_RUNNING, TASK_STOPPING},
    {"host", TASK_RUNNING, TASK_DEPROVISIONING},
    {"task", TASK_RUNNING, TASK_DEACTIVATING},
    {"task", TASK_RUNNING, TASK_STOPPED},
    {"host", TASK_DEACTIVATING, TASK_STOPPING},
    {"host", TASK_DEACTIVATING, TASK_DEPROVISIONING},
    {"task", TASK_DEACTIVATING, TASK_STOPPING},
    {"task", TASK_DEACTIVATING, TASK_STOPPED},
    {"host", TASK_STOPPING, TASK_DEPROVISIONING},
    {"task", TASK_STOPPING, TASK_STOPPED},
    {"host", TASK_DEPROVISIONING, TASK_STOPPED},
    {"task", TASK_DEPROVISIONING, TASK_STOPPED},
};

static void task_key(const void *record, struct buf *key)
{
    const struct task_record *task = record;

    key_add(key, task->account_id);
    key_add(key, task->region);
    key_add(key, task->cluster_name);
    key_add(key, task->task_id);
}

/* What a host is to be told of; what a container instance has room taken for. */
static void task_host_key(const void *record, struct buf *key)
{
    const struct task_record *task = record;

    if (task->container_instance_id.ptr == NULL) {
        if (task_is_told(task))
            key_add(key, task->host_id);
        return;
    }
    if (task_is_stopped(task))
        return;
    key_add(key, STR("container-instance"));
    key_add(key, task->account_id);
    key_add(key, task->region);
    key_add(key, task->cluster_name);
    key_add(key, task->container_instance_id);
}

/* For a host, the one that has waited longest first; for its interface, by what agents name that. */
static void task_waiting_key(const void *record, struct buf *key)
{
    const struct task_record *task = record;

    if (status_of(record) != TASK_PROVISIONING || task->host_id.ptr != NULL)
        return;
    if (task->container_instance_id.ptr == NULL) {
        key_add(key, STR("host"));
        key_add_number(key, task->task->created_at);
    } else if (task_is_attaching(task)) {
        key_add(key, STR("attachment"));
        key_add(key, task->account_id);
        key_add(key, task->region);
        key_add(key, task->cluster_name);
        key_add(key, task->task->attachments.items[0].id);
    }
}

static void task_desired_key(const void *record, struct buf *key)
{
    const struct task_record *task = record;

    key_add(key, task->account_id);
    key_add(key, task->region);
    key_add(key, task->cluster_name);
    key_add(key, task->task->desired_status);
}

/* By definition, as long as the task needs it. */
static void task_definition_arn_key(const void *record, struct buf *key)
{
    const struct task_record *task = record;

    if (!task_is_stopped(task))
        key_add(key, task->task->task_definition_arn);
}

/* Those of a service, until it has taken note of their end. */
static void task_service_key(const void *record, struct buf *key)
{
    const struct task_record *task = record;

    if (task->service_name.ptr == NULL || task->judged)
        return;
    key_add(key, task->account_id);
    key_add(key, task->region);
    key_add(key, task->cluster_name);
    key_add(key, task->service_name);
}

static bool task_invariant(const void *record)
{
    const struct task_record *task = record;

    bool on_instance = task->container_instance_id.ptr != NULL;

    if (task_is_told(task) && !on_instance && task->host_id.ptr == NULL)
        return false;
    if (task_is_told(task) && task->network != NULL && task->network_interface_id.ptr == NULL)
        return false;
    return status_of(task) < TASK_DEACTIVATING || !task_wants_to_run(task);
}

const struct table_spec task_table = {
    .name = "task",
    .shape = &task_record_shape,
    .key = task_key,
    .indexes = {{"host", task_host_key},
                {"waiting", task_waiting_key},
                {"desired", task_desired_key},
                {"definition", task_definition_arn_key},
                {"service", task_service_key}},
    .status = status_of,
    .status_rules = status_rules,
    .status_rule_count = COUNT_OF(status_rules),
    .invariant = task_invariant,
};

/* ---- questions ---- */

enum task_status task_status(const struct task_record *task)
{
    return (enum task_status)status_of(task);
}

bool task_is_stopped(const struct task_record *task)
{
    return task_status(task) == TASK_STOPPED;
}

bool task_is_told(const struct task_record *task)
{
    enum task_status status = task_status(task);

    return status > TASK_PROVISIONING && status < TASK_STOPPED;
}

bool task_wants_to_run(const struct task_record *task)
{
    return str_is(task->task->desired_status, "RUNNING");
}

bool task_is_attaching(const struct task_record *task)
{
    return task_status(task) == TASK_PROVISIONING && task_wants_to_run(task) &&
           task->container_instance_id.ptr != NULL && task->network_interface_id.ptr != NULL &&
           task->task->attachments.count > 0 && str_is(task->task->attachments.items[0].status, "ATTACHING");
}

/* ---- names ---- */

/* "arn:aws:ecs:region:account:task/cluster/id". */
struct task_arn {
    struct str region, account, cluster, id;
};

static bool split_arn(struct str arn, struct task_arn *ret_parts)
{
    struct str parts[5];
    struct str rest = arn;

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        parts[i] = str_cut(rest, ':', &rest);
        if (rest.ptr == NULL)
            return false;
    }
    if (!str_is(parts[0], "arn") || !str_is(parts[2], "ecs") || !str_is(str_cut(rest, '/', &rest), "task") ||
        rest.ptr == NULL)
        return false;
    ret_parts->region = parts[3];
    ret_parts->account = parts[4];
    ret_parts->cluster = str_cut(rest, '/', &ret_parts->id);
    return ret_parts->id.ptr != NULL;
}

const struct task_record *task_of_arn(const struct transaction *tx, struct str arn)
{
    struct task_arn parts;

    if (!split_arn(arn, &parts))
        return NULL;
    return transaction_get(tx, &task_table, KEY(tx->arena, parts.account, parts.region, parts.cluster, parts.id));
}

static bool check_arn(const struct call *call, const struct cluster_record *cluster, const struct task_arn *parts)
{
    static const char text[] = "Invalid identifier: Identifier is for %s%.*s. Your %s is %.*s";
    const char *type = ECS_ERROR_INVALID_PARAMETER_EXCEPTION;
    struct str name = cluster->cluster->cluster_name;

    if (!str_eq(parts->account, call->principal->account))
        return fail_api(call->fail, type, text, "", STR_ARG(parts->account), "accountId",
                        STR_ARG(call->principal->account));
    if (!str_eq(parts->region, call->region))
        return fail_api(call->fail, type, text, "", STR_ARG(parts->region), "region", STR_ARG(call->region));
    if (!str_eq(parts->cluster, name))
        return fail_api(call->fail, type, text, "cluster ", STR_ARG(parts->cluster), "cluster", STR_ARG(name));
    return true;
}

bool task_find(const struct call *call, const struct cluster_record *cluster, struct str id_or_arn,
               const struct task_record **ret_task)
{
    struct task_arn parts = {.id = id_or_arn};

    if (str_starts(id_or_arn, STR("arn:"))) {
        if (!split_arn(id_or_arn, &parts))
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Task Identifier is invalid");
        if (!check_arn(call, cluster, &parts))
            return false;
    }
    if (parts.id.len != 32 && parts.id.len != 36)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "taskId length should be one of [32,36]");
    *ret_task = transaction_get(
        call->tx, &task_table,
        KEY(call->arena, cluster->account_id, cluster->region, cluster->cluster->cluster_name, parts.id));
    return true;
}

/* ---- changing ---- */

struct task_edit *task_edit_begin(struct transaction *tx, const struct task_record *from)
{
    struct task_edit *edit = arena_new(tx->arena, struct task_edit);
    size_t count = from->task->containers.count;

    edit->record = *from;
    edit->task = *from->task;
    edit->containers = arena_array(tx->arena, struct ecs_container, count + 1);
    for (size_t i = 0; i < count; i++)
        edit->containers[i] = from->task->containers.items[i];
    edit->task.containers.items = edit->containers;
    edit->record.task = &edit->task;
    return edit;
}

bool task_edit_put(struct transaction *tx, struct task_edit *edit)
{
    const struct task_record *record = &edit->record;
    const struct task_record *before = transaction_get(
        tx, &task_table, KEY(tx->arena, record->account_id, record->region, record->cluster_name, record->task_id));

    if (before != NULL && value_equal(&task_record_shape, before, record))
        return true;
    SET(&edit->task, version, edit->task.version + 1);
    return transaction_put(tx, &task_table, record);
}

/* The interface's life as the task shows it (API reference, "Attachment": status). On a container instance it is
 * attached before the task is PENDING (task_reconciler.c). */
static const char *attachment_status(const struct task_record *task, enum task_status status)
{
    switch (status) {
    case TASK_PROVISIONING:
        return "PRECREATED";
    case TASK_PENDING:
        return task->container_instance_id.ptr != NULL ? "ATTACHED" : "ATTACHING";
    case TASK_ACTIVATING:
    case TASK_RUNNING:
    case TASK_DEACTIVATING:
    case TASK_STOPPING:
        return "ATTACHED";
    case TASK_DEPROVISIONING:
        return "DETACHING";
    case TASK_STOPPED:
        return "DELETED";
    case TASK_STATUSES:
        break;
    }
    must_not_happen("every status has a row");
}

void task_edit_attachments(struct transaction *tx, struct task_edit *edit, const char *status)
{
    struct ecs_attachment *attachments = arena_array(tx->arena, struct ecs_attachment, edit->task.attachments.count);

    for (size_t i = 0; i < edit->task.attachments.count; i++) {
        attachments[i] = edit->task.attachments.items[i];
        attachments[i].status = str_of(status);
    }
    edit->task.attachments.items = attachments;
}

void task_edit_status(struct transaction *tx, struct task_edit *edit, enum task_status status)
{
    edit->task.last_status = status_names[status];
    task_edit_attachments(tx, edit, attachment_status(&edit->record, status));
}

void task_edit_stop(struct transaction *tx, struct task_edit *edit, enum ecs_task_stop_code code, struct str reason)
{
    if (!task_wants_to_run(&edit->record))
        return;
    edit->task.desired_status = STR("STOPPED");
    edit->task.stop_code = code;
    edit->task.stopped_reason = reason;
    SET(&edit->task, stopping_at, tx->now_ms);
}

void task_stop(struct transaction *tx, const struct task_record *task, enum ecs_task_stop_code code, struct str reason)
{
    struct task_edit *edit = task_edit_begin(tx, task);

    task_edit_stop(tx, edit, code, reason);
    must(task_edit_put(tx, edit));
}

void task_finish(struct transaction *tx, struct task_edit *edit)
{
    const struct task_record *record = &edit->record;

    must(!task_wants_to_run(record));
    task_edit_status(tx, edit, TASK_STOPPED);
    SET(&edit->task, stopped_at, tx->now_ms);
    for (size_t i = 0; i < edit->task.containers.count; i++)
        edit->containers[i].last_status = STR("STOPPED");
    if (!task_edit_put(tx, edit))
        return;
    container_instance_release(tx, record);
    if (record->host_id.ptr != NULL)
        host_release(tx, record->host_id, record->cpu_units, record->memory_mib);
    if (record->network_interface_id.ptr != NULL)
        network_interface_delete(tx, record->account_id, record->region, record->network_interface_id);
    if (record->execution_key_id.ptr != NULL)
        iam_session_end(tx, record->execution_key_id);
    if (record->task_key_id.ptr != NULL)
        iam_session_end(tx, record->task_key_id);
}
