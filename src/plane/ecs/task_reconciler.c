/* What brings a task on when nobody calls and no host reports. Given the record and the time, always the same step. */
#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ec2/instance.h"
#include "plane/ecs/agent.h"
#include "plane/vpc/vpc.h"

/* ---- PROVISIONING ---- */

static void detail(struct ecs_attachment_details *details, const char *name, struct str value)
{
    details->items[details->count++] = (struct ecs_key_value_pair){str_of(name), value};
}

/* The interface as the task shows it: in its attachment and in each container. */
static void show_interface(struct transaction *tx, struct task_edit *edit, const struct ec2_network_interface *made)
{
    struct ecs_attachment *attachment = arena_new(tx->arena, struct ecs_attachment);
    struct ecs_network_interface *interface = arena_new(tx->arena, struct ecs_network_interface);

    must(edit->task.attachments.count == 1);
    *attachment = edit->task.attachments.items[0];
    attachment->details = (struct ecs_attachment_details){arena_array(tx->arena, struct ecs_key_value_pair, 5), 0};
    detail(&attachment->details, "subnetId", made->subnet_id);
    detail(&attachment->details, "networkInterfaceId", made->network_interface_id);
    detail(&attachment->details, "macAddress", made->mac_address);
    detail(&attachment->details, "privateDnsName", made->private_dns_name);
    detail(&attachment->details, "privateIPv4Address", made->private_ip_address);
    edit->task.attachments.items = attachment;
    interface->attachment_id = attachment->id;
    interface->private_ipv4_address = made->private_ip_address;
    for (size_t i = 0; i < edit->task.containers.count; i++)
        edit->containers[i].network_interfaces = (struct ecs_network_interfaces){interface, 1};
}

/* Where the task's container instance is one of ours: there, as the first device that is free. */
static void place_on_instance(struct transaction *tx, const struct task_record *task,
                              struct network_interface_wish *wish)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);
    const struct instance_record *machine = instance == NULL ? NULL : container_instance_machine(tx, instance);
    const struct network_interface_record *other;
    uint64_t taken = 0;
    struct walk walk;

    if (machine == NULL)
        return;
    walk = instance_interfaces(tx, machine);
    while ((other = walk_next(&walk)) != NULL)
        if (other->interface->attachment->device_index < 64)
            taken |= UINT64_C(1) << other->interface->attachment->device_index;
    while (wish->device_index < 63 && (taken >> wish->device_index & 1) != 0)
        wish->device_index++;
    wish->host_id = machine->host_id;
    wish->instance_id = machine->instance->instance_id;
}

/* Makes the interface. The error is the task's stoppedReason (developer guide, "Stopped tasks error messages"). */
static bool make_interface(struct transaction *tx, struct task_edit *edit, struct str *ret_error)
{
    const struct ecs_aws_vpc_configuration *network = edit->record.network;
    const struct ecs_attachment *attachment = &edit->task.attachments.items[0];
    const struct network_interface_record *made;
    struct network_interface_wish wish = {
        .account = edit->record.account_id,
        .region = edit->record.region,
        .subnet_id = attachment->details.items[0].value,
        .groups = network->security_groups.items,
        .group_count = network->security_groups.count,
        .description = arena_printf(tx->arena, "arn:aws:ecs:%.*s:%.*s:attachment/%.*s", STR_ARG(edit->record.region),
                                    STR_ARG(edit->record.account_id), STR_ARG(attachment->id)),
        .owner_arn = edit->task.task_arn,
        .requested_by = STR("amazon-ecs"),
        .public_address = network->assign_public_ip == ECS_ASSIGN_PUBLIC_IP_ENABLED,
        .host_id = edit->record.host_id,
    };
    struct fail f;

    place_on_instance(tx, &edit->record, &wish);
    if (!network_interface_create(tx, &wish, &made, &f)) {
        *ret_error = arena_printf(tx->arena,
                                  "Unexpected EC2 error while attempting to Create Network Interface with public IP "
                                  "assignment %s in subnet '%.*s': %s",
                                  wish.public_address ? "enabled" : "disabled", STR_ARG(wish.subnet_id), f.type);
        return false;
    }
    edit->record.network_interface_id = made->interface->network_interface_id;
    show_interface(tx, edit, made->interface);
    return true;
}

static void fail_to_start(struct transaction *tx, struct task_edit *edit, struct str reason)
{
    task_edit_stop(tx, edit, ECS_TASK_STOP_CODE_TASK_FAILED_TO_START, reason);
    task_finish(tx, edit);
}

/* The host was promised in RunTask, unless none was known that could be asked. */
static const struct host_record *find_host(struct transaction *tx, const struct task_record *task)
{
    const struct host_record *host = NULL;

    if (task->host_id.ptr != NULL)
        return transaction_get(tx, &host_table, task->host_id);
    (void)host_reserve(tx, task->cpu_units, task->memory_mib, &host);
    return host;
}

/* On a container instance: its interface is all that is missing, until the agent there says that it has come. */
static int64_t provision_on_instance(struct transaction *tx, const struct task_record *task)
{
    struct task_edit *edit = task_edit_begin(tx, task);
    struct str error;

    if (task->network_interface_id.ptr == NULL) {
        if (!make_interface(tx, edit, &error)) {
            fail_to_start(tx, edit, error);
            return WHEN_NEVER;
        }
        task_edit_attachments(tx, edit, "ATTACHING");
        SET(&edit->record, attach_until, tx->now_ms + TASK_ATTACHING_MS);
    } else if (!task_is_attaching(task)) {
        task_edit_status(tx, edit, TASK_PENDING);
    } else if (tx->now_ms >= task->attach_until) {
        fail_to_start(tx, edit, STR("Timeout waiting for network interface provisioning to complete."));
        return WHEN_NEVER;
    }
    must(task_edit_put(tx, edit));
    return edit->record.attach_until; /* looked at sooner when the agent has reported */
}

static int64_t provision(struct transaction *tx, const struct task_record *task)
{
    int64_t until_ms = task->task->created_at + TASK_PROVISIONING_MS;
    struct task_edit *edit = task_edit_begin(tx, task);
    const struct host_record *host = find_host(tx, task);
    struct str error;

    if (host == NULL && tx->now_ms >= until_ms) {
        fail_to_start(tx, edit, STR(HOST_NO_CAPACITY));
        return WHEN_NEVER;
    }
    if (host != NULL)
        edit->record.host_id = host->host_id;
    if (task->network_interface_id.ptr == NULL && !make_interface(tx, edit, &error)) {
        fail_to_start(tx, edit, error);
        return WHEN_NEVER;
    }
    if (host != NULL) {
        if (task->network_interface_id.ptr != NULL) /* made while there was no host */
            network_interface_place(tx, task->account_id, task->region, edit->record.network_interface_id,
                                    host->host_id);
        task_edit_status(tx, edit, TASK_PENDING);
    }
    must(task_edit_put(tx, edit));
    return host != NULL ? WHEN_NEVER : until_ms; /* and marked when a host gets room */
}

/* ---- lost hosts ---- */

/* When a task's container instance counts as lost: at once when it is gone. */
static int64_t instance_lost_at(const struct transaction *tx, const struct task_record *task)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);

    if (instance == NULL || container_instance_stopped(tx, instance).ptr != NULL)
        return tx->now_ms;
    if (instance->instance->agent_connected || !instance->has_disconnected_at)
        return WHEN_NEVER;
    return instance->disconnected_at + AGENT_LOST_MS;
}

/* When a task's host counts as lost; WHEN_NEVER while it is connected. */
static int64_t lost_at(const struct transaction *tx, const struct task_record *task)
{
    const struct host_record *host;

    if (task->container_instance_id.ptr != NULL)
        return instance_lost_at(tx, task);
    if (task->host_id.ptr == NULL)
        return WHEN_NEVER;
    host = transaction_get(tx, &host_table, task->host_id);
    must(host != NULL); /* hosts are never forgotten */
    return host_is_connected(host) ? WHEN_NEVER : host->disconnected_at + HOST_LOST_MS;
}

static struct str loss_of(const struct transaction *tx, const struct task_record *task)
{
    const struct container_instance_record *instance = container_instance_of_task(tx, task);

    if (task->container_instance_id.ptr == NULL)
        return arena_printf(tx->arena, "Host %.*s has not answered for %lld seconds.", STR_ARG(task->host_id),
                            (long long)HOST_LOST_MS / SECOND_MS);
    if (instance != NULL && container_instance_stopped(tx, instance).ptr != NULL)
        return container_instance_stopped(tx, instance);
    return arena_printf(tx->arena, "The agent of container instance %.*s has been disconnected for %lld seconds.",
                        STR_ARG(task->container_instance_id), (long long)AGENT_LOST_MS / SECOND_MS);
}

static void give_up(struct transaction *tx, const struct task_record *task)
{
    struct task_edit *edit = task_edit_begin(tx, task);

    task_edit_stop(tx, edit, ECS_TASK_STOP_CODE_TERMINATION_NOTICE, loss_of(tx, task));
    task_finish(tx, edit);
}

/* ---- stopping ---- */

/* The server's part of the way down; from STOPPING on it is the host's turn. */
static void stop_step(struct transaction *tx, const struct task_record *task)
{
    static const enum task_status next[TASK_STATUSES] = {
        [TASK_PENDING] = TASK_STOPPING,
        [TASK_ACTIVATING] = TASK_STOPPING,
        [TASK_RUNNING] = TASK_DEACTIVATING,
        [TASK_DEACTIVATING] = TASK_STOPPING,
    };
    enum task_status status = task_status(task);
    struct task_edit *edit = task_edit_begin(tx, task);

    if (status == TASK_PROVISIONING) {
        task_finish(tx, edit);
        return;
    }
    if (next[status] == 0)
        return;
    task_edit_status(tx, edit, next[status]);
    must(task_edit_put(tx, edit));
}

/* ---- the reconciler ---- */

static int64_t forget(struct transaction *tx, const struct task_record *task, struct str key)
{
    int64_t until_ms = task->task->stopped_at + TASK_KEPT_MS;

    if (tx->now_ms < until_ms)
        return until_ms;
    transaction_delete(tx, &task_table, key);
    return WHEN_NEVER;
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct task_record *task = transaction_get(tx, &task_table, key);
    int64_t lost_ms;
    int64_t rotate_ms;

    if (task == NULL)
        return WHEN_NEVER;
    if (task_is_stopped(task))
        return forget(tx, task, key);
    lost_ms = lost_at(tx, task);
    if (task_status(task) == TASK_PROVISIONING && task_wants_to_run(task) && tx->now_ms < lost_ms)
        return task->container_instance_id.ptr != NULL ? provision_on_instance(tx, task) : provision(tx, task);
    if (tx->now_ms >= lost_ms) {
        give_up(tx, task);
        return WHEN_NEVER;
    }
    if (!task_wants_to_run(task)) {
        stop_step(tx, task);
        return lost_ms;
    }
    rotate_ms = task_credentials_rotate(tx, task);
    return rotate_ms < lost_ms ? rotate_ms : lost_ms;
}

const struct reconciler_spec task_reconciler = {"task", &task_table, reconcile};
