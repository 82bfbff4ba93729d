/* What a host is to do, said in two ways, both built anew from the records (docs/decisions/0081):
 *
 *   in full        by host: once it has said hello, when networks or groups changed, as long as it reports that it has
 *                  heard nothing in full, and on the slow clock
 *   by difference  by task: when what the host has to know of it changed, then every RESEND_MS as long as the host has
 *                  not reported what says that it heard; and what it may forget, each time that it reports such a task
 *
 * A task that the host has reported is named without its definition. */
#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ec2/instance.h"
#include "plane/ecs/log_mode.h"
#include "plane/ecs/task.h"
#include "plane/iam/iam.h"
#include "plane/vpc/vpc.h"

#define RESEND_MS (5 * SECOND_MS)

enum { BYTES_A_TASK = 640 }; /* of an assignment, as a first guess */

/* NULL: the task has no such role, or its key has expired. */
static struct host_credentials *credentials_of(const struct transaction *tx, struct str key_id)
{
    const struct access_key_record *key = key_id.ptr == NULL ? NULL : transaction_get(tx, &access_key_table, key_id);
    struct host_credentials *credentials;

    if (key == NULL)
        return NULL;
    credentials = arena_new(tx->arena, struct host_credentials);
    credentials->access_key_id = key->access_key_id;
    credentials->secret_access_key = key->secret;
    credentials->session_token = key->session_token;
    credentials->role_arn = key->principal_arn;
    if (key->has_expires_at)
        SET(credentials, expiration, key->expires_at);
    return credentials;
}

static const struct task_definition_record *definition_of(const struct transaction *tx, const struct task_record *task)
{
    return transaction_get(tx, &task_definition_table,
                           task_definition_key_of_arn(tx->arena, task->task->task_definition_arn));
}

static bool assign_definition(struct transaction *tx, const struct task_record *task, struct host_task_assignment *to,
                              struct fail *f)
{
    const struct task_definition_record *definition = definition_of(tx, task);

    must(definition != NULL); /* kept as long as tasks name it */
    to->cluster_arn = task->task->cluster_arn;
    to->cluster_name = task->cluster_name;
    to->availability_zone = task->task->availability_zone;
    to->launch_type = STR("FARGATE");
    to->task_definition = task->logs_non_blocking ? log_mode_non_blocking(definition->task_definition, tx->arena)
                                                  : definition->task_definition;
    to->overrides = task->task->overrides;
    SET(to, created_at, task->task->created_at);
    SET(to, cpu_units, task->cpu_units);
    SET(to, memory_mib, task->memory_mib);
    to->container_arns.items = arena_array(tx->arena, struct str, task->task->containers.count + 1);
    for (size_t i = 0; i < task->task->containers.count; i++)
        to->container_arns.items[to->container_arns.count++] = task->task->containers.items[i].container_arn;
    to->execution_credentials = credentials_of(tx, task->execution_key_id);
    return task_secrets_read(tx, task, definition->task_definition, to, f);
}

/* Fails, and leaves the task out, when it cannot be started: *f says why. */
static bool assign_task(struct transaction *tx, const struct task_record *task, struct host_assignment *to,
                        struct fail *f)
{
    struct host_task_assignment *assignment = &to->tasks.items[to->tasks.count];
    const struct network_interface_record *interface;

    assignment->task_arn = task->task->task_arn;
    assignment->task_id = task->task_id;
    assignment->account_id = task->account_id;
    assignment->region = task->region;
    assignment->desired_status = task_wants_to_run(task) ? HOST_DESIRED_STATUS_RUNNING : HOST_DESIRED_STATUS_STOPPED;
    if (!task->host_knows && task_wants_to_run(task) && !assign_definition(tx, task, assignment, f)) {
        *assignment = (struct host_task_assignment){0};
        return false;
    }
    to->tasks.count++;
    if (task->task_key_id.ptr != NULL) {
        assignment->credentials_id = task->credentials_id;
        assignment->task_credentials = credentials_of(tx, task->task_key_id);
        if (assignment->task_credentials != NULL)
            assignment->task_credentials->role_arn = task_credentials_role(tx, task);
    }
    interface = transaction_get(tx, &network_interface_table,
                                KEY(tx->arena, task->account_id, task->region, task->network_interface_id));
    if (interface != NULL)
        assignment->network_interface = vpc_assign(tx, interface, to);
    return true;
}

static void tell(struct transaction *tx, const char *kind, struct str host_id, struct host_assignment *assignment)
{
    struct host_from_server message = {.assignment = assignment};
    auto_buf text = {.ptr = NULL};

    SET(assignment, generation, transaction_number(tx));
    must(buf_reserve(&text, (assignment->tasks.count + 2) * BYTES_A_TASK));
    value_encode(&host_from_server_shape, &message, &text);
    must(!text.overflowed);
    transaction_effect(tx, kind, host_id, buf_str(&text));
}

/* ---- in full ---- */

static int64_t reconcile_host(struct transaction *tx, struct str host_id)
{
    const struct host_record *host = transaction_get(tx, &host_table, host_id);
    struct str prefix = KEY_PREFIX(tx->arena, host_id);
    struct walk walk = transaction_walk(tx, &task_table, "host", prefix);
    struct host_assignment assignment = {0};
    const struct task_record *task;
    size_t count = 0;
    struct fail said_by_difference;

    if (host == NULL || !host_is_connected(host))
        return WHEN_NEVER;
    while (walk_next(&walk) != NULL)
        count++;
    assignment.tasks.items = arena_array(tx->arena, struct host_task_assignment, count + 1);
    vpc_assign_begin(tx, &assignment);
    vpc_assign_default(tx, &assignment);
    walk = transaction_walk(tx, &task_table, "host", prefix);
    while ((task = walk_next(&walk)) != NULL)
        (void)!assign_task(tx, task, &assignment, &said_by_difference);
    instances_assign(tx, host_id, &assignment);
    SET(&assignment, complete, true);
    tell(tx, ASSIGNMENT_COMPLETE, host_id, &assignment);
    return WHEN_NEVER;
}

const struct reconciler_spec assignment_reconciler = {"assignment", &host_table, reconcile_host};

/* ---- by difference ---- */

/* The host has reported it, and nothing has to become of it but what becomes by itself. */
static bool is_settled(const struct task_record *task)
{
    return task->host_knows && task_wants_to_run(task);
}

static int64_t reconcile_task(struct transaction *tx, struct str key)
{
    const struct task_record *task = transaction_get(tx, &task_table, key);
    struct host_assignment assignment = {0};
    struct fail f;

    if (task == NULL || !task_is_told(task) || task->host_id.ptr == NULL || is_settled(task) ||
        !host_is_connected(transaction_get(tx, &host_table, task->host_id)))
        return WHEN_NEVER;
    assignment.tasks.items = arena_new(tx->arena, struct host_task_assignment);
    vpc_assign_begin(tx, &assignment);
    if (!assign_task(tx, task, &assignment, &f)) {
        task_stop(tx, task, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START, arena_str(tx->arena, str_of(f.message)));
        return WHEN_NEVER;
    }
    tell(tx, ASSIGNMENT_DIFFERENCE, task->host_id, &assignment);
    return tx->now_ms + RESEND_MS;
}

const struct reconciler_spec task_assignment_reconciler = {"task assignment", &task_table, reconcile_task};

void assignment_forget(struct transaction *tx, struct str host_id, struct str *task_arns, size_t count)
{
    struct host_assignment assignment = {.forgotten = {task_arns, count}};

    tell(tx, ASSIGNMENT_DIFFERENCE, host_id, &assignment);
}
