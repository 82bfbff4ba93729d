#include "plane/ecs/task.h"

#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/iam/iam.h"
#include "plane/vpc/vpc.h"

/* ---- the table ---- */

enum task_status {
    PROVISIONING,
    PENDING,
    ACTIVATING,
    RUNNING,
    DEACTIVATING,
    STOPPING,
    DEPROVISIONING,
    STOPPED,
};

static const char *const status_names[] = {"PROVISIONING", "PENDING",  "ACTIVATING",     "RUNNING",
                                           "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"};

static int status_of(const void *record)
{
    const struct task_record *task = record;

    for (size_t i = 0; i < COUNT_OF(status_names); i++)
        if (str_is(task->task->last_status, status_names[i]))
            return (int)i;
    must_not_happen("a task has one of the eight statuses");
}

static const struct status_rule status_rules[] = {
    {"task", PROVISIONING, PENDING},      {"host", PENDING, ACTIVATING},     {"host", PENDING, RUNNING},
    {"host", ACTIVATING, RUNNING},        {"task", RUNNING, DEACTIVATING},   {"task", DEACTIVATING, STOPPING},
    {"task", PENDING, STOPPING},          {"task", ACTIVATING, STOPPING},    {"host", PENDING, DEPROVISIONING},
    {"host", ACTIVATING, DEPROVISIONING}, {"host", RUNNING, DEPROVISIONING}, {"host", DEACTIVATING, DEPROVISIONING},
    {"host", STOPPING, DEPROVISIONING},   {"host", PENDING, STOPPING},       {"host", ACTIVATING, STOPPING},
    {"host", RUNNING, STOPPING},          {"host", DEACTIVATING, STOPPING},  {"host", DEPROVISIONING, STOPPED},
    {"task", PROVISIONING, STOPPED},      {"task", PENDING, STOPPED},        {"task", ACTIVATING, STOPPED},
    {"task", RUNNING, STOPPED},           {"task", DEACTIVATING, STOPPED},   {"task", STOPPING, STOPPED},
    {"task", DEPROVISIONING, STOPPED},
};

static void task_key(const void *record, struct buf *key)
{
    const struct task_record *task = record;

    key_add(key, task->account_id);
    key_add(key, task->region);
    key_add(key, task->cluster_name);
    key_add(key, task->task_id);
}

static void task_host_key(const void *record, struct buf *key)
{
    const struct task_record *task = record;

    if (task->host_id.ptr != NULL && status_of(task) != STOPPED)
        key_add(key, task->host_id);
}

static void task_id_key(const void *record, struct buf *key)
{
    const struct task_record *task = record;

    key_add(key, task->account_id);
    key_add(key, task->region);
    key_add(key, task->task_id);
}

static void task_waiting_key(const void *record, struct buf *key)
{
    if (status_of(record) == PROVISIONING)
        key_add(key, STR("waiting"));
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

static bool task_invariant(const void *record)
{
    const struct task_record *task = record;
    int status = status_of(task);
    bool placed = task->host_id.ptr != NULL;

    return (status != PROVISIONING || !placed) && (placed || status == PROVISIONING || status == STOPPED) &&
           (status < DEACTIVATING || str_is(task->task->desired_status, "STOPPED"));
}

const struct table_spec task_table = {
    .name = "task",
    .shape = &task_record_shape,
    .key = task_key,
    .indexes = {{"host", task_host_key},
                {"id", task_id_key},
                {"waiting", task_waiting_key},
                {"desired", task_desired_key},
                {"definition", task_definition_arn_key}},
    .status = status_of,
    .status_rules = status_rules,
    .status_rule_count = COUNT_OF(status_rules),
    .invariant = task_invariant,
};

bool task_is_stopped(const struct task_record *task)
{
    return status_of(task) == STOPPED;
}

bool task_wants_to_run(const struct task_record *task)
{
    return str_is(task->task->desired_status, "RUNNING");
}

/* ---- changing a task: a copy of the record that may be edited, its containers too ---- */

struct edit {
    struct task_record record;
    struct ecs_task task;
    struct ecs_container *containers;
};

static struct edit *edit_begin(struct transaction *tx, const struct task_record *from)
{
    struct edit *edit = arena_new(tx->arena, struct edit);
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

static bool edit_put(struct transaction *tx, struct edit *edit)
{
    const struct task_record *before;
    struct buf key = {.ptr = NULL};

    task_key(&edit->record, &key);
    before = transaction_get(tx, &task_table, buf_str(&key));
    buf_free(&key);
    if (before != NULL && value_equal(&task_record_shape, before, &edit->record))
        return true;
    SET(&edit->task, version, edit->task.version + 1);
    return transaction_put(tx, &task_table, &edit->record);
}

static void edit_status(struct edit *edit, enum task_status status)
{
    edit->task.last_status = str_of(status_names[status]);
}

void task_stop(struct transaction *tx, const struct task_record *task, enum ecs_task_stop_code code, struct str reason)
{
    struct edit *edit;

    if (!task_wants_to_run(task))
        return;
    edit = edit_begin(tx, task);
    edit->task.desired_status = STR("STOPPED");
    edit->task.stop_code = code;
    edit->task.stopped_reason = reason;
    SET(&edit->task, stopping_at, tx->now_ms);
    must(edit_put(tx, edit));
}

/* The last step: nothing of the task is left anywhere. */
static void finish(struct transaction *tx, struct edit *edit)
{
    struct task_record *record = &edit->record;

    edit_status(edit, STOPPED);
    edit->task.desired_status = STR("STOPPED");
    if (!edit->task.has_stopped_at)
        SET(&edit->task, stopped_at, tx->now_ms);
    if (!edit->task.has_stopping_at)
        SET(&edit->task, stopping_at, tx->now_ms);
    for (size_t i = 0; i < edit->task.containers.count; i++)
        edit->containers[i].last_status = STR("STOPPED");
    if (edit->task.attachments.count > 0) {
        struct ecs_attachment *attachment = arena_new(tx->arena, struct ecs_attachment);

        *attachment = edit->task.attachments.items[0];
        attachment->status = STR("DELETED");
        edit->task.attachments.items = attachment;
    }
    if (!edit_put(tx, edit))
        return;
    if (record->host_id.ptr != NULL)
        host_release(tx, record->host_id, record->cpu_units, record->memory_mib);
    if (record->network_interface_id.ptr != NULL)
        network_interface_delete(tx, record->account_id, record->region, record->network_interface_id);
    if (record->execution_key_id.ptr != NULL)
        iam_session_end(tx, record->execution_key_id);
}

/* ---- placing ---- */

static void place(struct transaction *tx, const struct task_record *task)
{
    const struct host_record *host = host_reserve(tx, task->cpu_units, task->memory_mib);
    struct edit *edit;

    if (host == NULL)
        return; /* marked again when a host changes */
    edit = edit_begin(tx, task);
    edit->record.host_id = host->host_id;
    edit_status(edit, PENDING);
    must(edit_put(tx, edit));
    network_interface_place(tx, task->account_id, task->region, task->network_interface_id, host->host_id);
}

/* ---- the reconciler ---- */

static bool host_is_gone(const struct transaction *tx, const struct task_record *task)
{
    const struct host_record *host = transaction_get(tx, &host_table, task->host_id);

    return host == NULL || host_is_lost(host, tx->now_ms);
}

static int64_t give_up_at(const struct transaction *tx, const struct task_record *task)
{
    const struct host_record *host = transaction_get(tx, &host_table, task->host_id);

    return host == NULL || host_is_connected(host) ? WHEN_NEVER : host->disconnected_at + HOST_LOST_MS;
}

static void give_up(struct transaction *tx, const struct task_record *task)
{
    struct edit *edit = edit_begin(tx, task);

    if (task_wants_to_run(task)) {
        edit->task.stop_code = ECS_TASK_STOP_CODE_TERMINATION_NOTICE;
        edit->task.stopped_reason = arena_printf(tx->arena, "Host %.*s stopped answering.", STR_ARG(task->host_id));
    }
    finish(tx, edit);
}

static int64_t stop_step(struct transaction *tx, const struct task_record *task)
{
    struct edit *edit = edit_begin(tx, task);

    switch ((enum task_status)status_of(task)) {
    case PROVISIONING:
        finish(tx, edit);
        break;
    case PENDING:
    case ACTIVATING:
    case DEACTIVATING:
        edit_status(edit, STOPPING);
        (void)edit_put(tx, edit);
        break;
    case RUNNING:
        edit_status(edit, DEACTIVATING);
        (void)edit_put(tx, edit);
        break;
    case STOPPING:
    case DEPROVISIONING:
    case STOPPED:
        break; /* the host's turn */
    }
    return give_up_at(tx, task);
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct task_record *task = transaction_get(tx, &task_table, key);

    if (task == NULL)
        return WHEN_NEVER;
    if (status_of(task) == STOPPED) {
        if (tx->now_ms < task->task->stopped_at + TASK_KEPT_MS)
            return task->task->stopped_at + TASK_KEPT_MS;
        transaction_delete(tx, &task_table, key);
        return WHEN_NEVER;
    }
    if (task->host_id.ptr != NULL && host_is_gone(tx, task)) {
        give_up(tx, task);
        return WHEN_NEVER;
    }
    if (!task_wants_to_run(task))
        return stop_step(tx, task);
    if (status_of(task) == PROVISIONING) {
        place(tx, task);
        return WHEN_NEVER;
    }
    return give_up_at(tx, task);
}

const struct reconciler_spec task_reconciler = {"task", &task_table, reconcile};

/* ---- what hosts report ---- */

static const struct task_record *assigned_task(const struct transaction *tx, struct str host_id, struct str task_arn)
{
    struct walk walk = transaction_walk(tx, &task_table, "host", KEY_PREFIX(tx->arena, host_id));
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL)
        if (str_eq(task->task->task_arn, task_arn))
            return task;
    return NULL;
}

static void observe_container(struct edit *edit, const struct host_container_report *report)
{
    static const char *const names[] = {"PENDING", "PENDING", "RUNNING", "STOPPED"};

    for (size_t i = 0; i < edit->task.containers.count; i++) {
        struct ecs_container *container = &edit->containers[i];

        if (!str_eq(container->name, report->name))
            continue;
        container->last_status = str_of(names[report->status]);
        container->runtime_id = report->runtime_id;
        container->image_digest = report->image_digest;
        container->reason = report->reason;
        if (report->has_exit_code)
            SET(container, exit_code, report->exit_code);
        if (report->health != ECS_HEALTH_STATUS_NONE)
            container->health_status = report->health;
        return;
    }
}

/* The task is as healthy as its essential containers (API reference, Task, healthStatus): unhealthy when one is,
 * healthy when all with a check are. */
static enum ecs_health_status task_health(const struct edit *edit)
{
    enum ecs_health_status health = ECS_HEALTH_STATUS_UNKNOWN;

    for (size_t i = 0; i < edit->task.containers.count; i++) {
        if (edit->containers[i].health_status == ECS_HEALTH_STATUS_UNHEALTHY)
            return ECS_HEALTH_STATUS_UNHEALTHY;
        if (edit->containers[i].health_status == ECS_HEALTH_STATUS_HEALTHY)
            health = ECS_HEALTH_STATUS_HEALTHY;
    }
    return health;
}

#define COPY_TIME(to, from, member)                                                                                    \
    do {                                                                                                               \
        if ((from)->has_##member && !(to)->has_##member)                                                               \
            SET(to, member, (from)->member);                                                                           \
    } while (0)

static void observe_times(struct ecs_task *task, const struct host_task_report *report)
{
    COPY_TIME(task, report, pull_started_at);
    COPY_TIME(task, report, pull_stopped_at);
    COPY_TIME(task, report, started_at);
    COPY_TIME(task, report, execution_stopped_at);
    COPY_TIME(task, report, stopped_at);
}

/* A task that ends by itself: the host says why, and nobody asked for it before. */
static void observe_reason(struct transaction *tx, struct ecs_task *task, const struct host_task_report *report)
{
    if (!str_is(task->desired_status, "RUNNING"))
        return;
    task->desired_status = STR("STOPPED");
    task->stop_code = report->stop_code;
    task->stopped_reason = report->reason;
    SET(task, stopping_at, tx->now_ms);
}

void task_observe(struct transaction *tx, struct str host_id, const struct host_task_report *report)
{
    const struct task_record *task = assigned_task(tx, host_id, report->task_arn);
    struct edit *edit;

    if (task == NULL) {
        /* It has, or still reports, what is not its any more: it did not hear its last assignment. */
        transaction_mark(tx, &assignment_reconciler, host_id);
        return;
    }
    edit = edit_begin(tx, task);
    SET(&edit->record, host_knows, true);
    if (!edit->task.has_connectivity_at) {
        edit->task.connectivity = ECS_CONNECTIVITY_CONNECTED;
        SET(&edit->task, connectivity_at, tx->now_ms);
    }
    for (size_t i = 0; i < report->containers.count; i++)
        observe_container(edit, &report->containers.items[i]);
    edit->task.health_status = task_health(edit);
    observe_times(&edit->task, report);
    switch (report->status) {
    case HOST_TASK_STATUS_ACTIVATING:
        if (status_of(task) == PENDING)
            edit_status(edit, ACTIVATING);
        break;
    case HOST_TASK_STATUS_RUNNING:
        if (status_of(task) == PENDING || status_of(task) == ACTIVATING)
            edit_status(edit, RUNNING);
        break;
    case HOST_TASK_STATUS_STOPPING:
        observe_reason(tx, &edit->task, report);
        if (status_of(task) < STOPPING)
            edit_status(edit, STOPPING);
        break;
    case HOST_TASK_STATUS_STOPPED:
        observe_reason(tx, &edit->task, report);
        if (status_of(task) < DEPROVISIONING)
            edit_status(edit, DEPROVISIONING);
        break;
    case HOST_TASK_STATUS_GONE:
        observe_reason(tx, &edit->task, report);
        if (status_of(task) < DEPROVISIONING) {
            edit_status(edit, DEPROVISIONING);
            (void)edit_put(tx, edit);
        }
        finish(tx, edit);
        return;
    case HOST_TASK_STATUS_NONE:
    case HOST_TASK_STATUS_PENDING:
        break;
    }
    (void)edit_put(tx, edit);
}

static bool reported(const struct host_report *report, struct str task_arn)
{
    for (size_t i = 0; i < report->tasks.count; i++)
        if (str_eq(report->tasks.items[i].task_arn, task_arn))
            return true;
    return false;
}

void task_observe_complete(struct transaction *tx, struct str host_id, const struct host_report *report)
{
    struct walk walk = transaction_walk(tx, &task_table, "host", KEY_PREFIX(tx->arena, host_id));
    const struct task_record *task;

    while ((task = walk_next(&walk)) != NULL) {
        struct edit *edit;

        if (!task->host_knows || reported(report, task->task->task_arn))
            continue;
        edit = edit_begin(tx, task);
        observe_reason(tx, &edit->task,
                       &(struct host_task_report){.stop_code = ECS_TASK_STOP_CODE_TERMINATION_NOTICE,
                                                  .reason = STR("The host no longer knows this task.")});
        edit_status(edit, DEPROVISIONING);
        if (status_of(task) < DEPROVISIONING)
            (void)edit_put(tx, edit);
        finish(tx, edit);
    }
}
