/* StartInstances, StopInstances, RebootInstances, TerminateInstances: all of the instances of a request, or none. */
#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ec2/operations.h"

/* What one of these operations does to one instance; it may not be done in the state that the instance is in. */
typedef bool change_fn(struct call *call, struct instance_edit *edit);

static struct ec2_instance_state_change state_change(const struct call *call, const struct instance_record *before,
                                                     const struct instance_record *after)
{
    return (struct ec2_instance_state_change){
        .instance_id = before->instance->instance_id,
        .previous_state = instance_state_shown(call->arena, instance_state(before)),
        .current_state = instance_state_shown(call->arena, instance_state(after)),
    };
}

static bool change_all(struct call *call, const struct ec2_instance_id_string_list *ids, change_fn *change,
                       struct ec2_instance_state_change_list *ret_changes)
{
    struct ec2_instance_state_change_list changes = {
        arena_array(call->arena, struct ec2_instance_state_change, ids->count + 1), 0};

    if (ids->count == 0)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter InstanceId");
    for (size_t i = 0; i < ids->count; i++) {
        const struct instance_record *before;
        struct instance_edit *edit;

        if (!instance_find(call, ids->items[i], &before))
            return false;
        if (str_is_among(ids->items[i], ids->items, i))
            continue;
        edit = instance_edit_begin(call->tx, before);
        if (!change(call, edit))
            return false;
        changes.items[changes.count++] = state_change(call, before, &edit->record);
        must(instance_edit_put(call->tx, edit));
    }
    *ret_changes = changes;
    return true;
}

static bool fail_state(struct call *call, const struct instance_edit *edit, const char *to)
{
    return fail_api(call->fail, "IncorrectInstanceState",
                    "The instance '%.*s' is not in a state from which it can be %s.",
                    STR_ARG(edit->instance.instance_id), to);
}

/* ---- start ---- */

static bool start(struct call *call, struct instance_edit *edit)
{
    switch (instance_state(&edit->record)) {
    case EC2_INSTANCE_STATE_NAME_PENDING:
    case EC2_INSTANCE_STATE_NAME_RUNNING:
        return true;
    case EC2_INSTANCE_STATE_NAME_STOPPED:
        break;
    case EC2_INSTANCE_STATE_NAME_NONE:
    case EC2_INSTANCE_STATE_NAME_STOPPING:
    case EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN:
    case EC2_INSTANCE_STATE_NAME_TERMINATED:
        return fail_state(call, edit, "started");
    }
    /* Its disk is there and nowhere else. */
    if (!host_reserve_on(call->tx, edit->record.host_id, instance_cpu_units(&edit->record),
                         instance_memory_mib(&edit->record)))
        return fail_status(call->fail, 500, "InsufficientInstanceCapacity",
                           "The host of instance '%.*s' is away or has no room for it",
                           STR_ARG(edit->instance.instance_id));
    SET(&edit->record, promised, true);
    SET(&edit->record, launch_number, edit->record.launch_number + 1);
    SET(&edit->instance, launch_time, call->tx->now_ms);
    instance_edit_state(call->tx, edit, EC2_INSTANCE_STATE_NAME_PENDING, NULL, NULL);
    (void)instance_session_renew(call->tx, edit);
    return true;
}

bool ec2_start_instances(struct call *call, const struct ec2_start_instances_request *in,
                         struct ec2_start_instances_result *out)
{
    return change_all(call, &in->instance_ids, start, &out->starting_instances);
}

/* ---- stop ---- */

static bool stop(struct call *call, struct instance_edit *edit)
{
    enum ec2_instance_state_name state = instance_state(&edit->record);

    if (state == EC2_INSTANCE_STATE_NAME_STOPPING || state == EC2_INSTANCE_STATE_NAME_STOPPED)
        return true;
    if (state != EC2_INSTANCE_STATE_NAME_RUNNING)
        return fail_state(call, edit, "stopped");
    if (edit->record.disable_api_stop)
        return fail_api(
            call->fail, "OperationNotPermitted",
            "The instance '%.*s' may not be stopped. Modify its 'disableApiStop' instance attribute and try "
            "again.",
            STR_ARG(edit->instance.instance_id));
    instance_edit_state(call->tx, edit, EC2_INSTANCE_STATE_NAME_STOPPING, "Client.UserInitiatedShutdown",
                        "User initiated shutdown");
    return true;
}

bool ec2_stop_instances(struct call *call, const struct ec2_stop_instances_request *in,
                        struct ec2_stop_instances_result *out)
{
    if (in->hibernate)
        return fail_api(call->fail, "UnsupportedOperation", "Berth's instances cannot be hibernated");
    return change_all(call, &in->instance_ids, stop, &out->stopping_instances);
}

/* ---- reboot ---- */

static bool reboot(struct call *call, struct instance_edit *edit)
{
    if (instance_state(&edit->record) != EC2_INSTANCE_STATE_NAME_RUNNING)
        return fail_state(call, edit, "rebooted");
    SET(&edit->record, launch_number, edit->record.launch_number + 1);
    return true;
}

bool ec2_reboot_instances(struct call *call, const struct ec2_reboot_instances_request *in, void *out)
{
    struct ec2_instance_state_change_list unanswered;

    (void)out;
    return change_all(call, &in->instance_ids, reboot, &unanswered);
}

/* ---- terminate ---- */

static bool terminate(struct call *call, struct instance_edit *edit)
{
    enum ec2_instance_state_name state = instance_state(&edit->record);

    if (state == EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN || state == EC2_INSTANCE_STATE_NAME_TERMINATED)
        return true;
    if (edit->record.disable_api_termination)
        return fail_api(call->fail, "OperationNotPermitted",
                        "The instance '%.*s' may not be terminated. Modify its 'disableApiTermination' instance "
                        "attribute and try again.",
                        STR_ARG(edit->instance.instance_id));
    instance_edit_state(call->tx, edit, EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN, "Client.UserInitiatedShutdown",
                        "User initiated shutdown");
    return true;
}

bool ec2_terminate_instances(struct call *call, const struct ec2_terminate_instances_request *in,
                             struct ec2_terminate_instances_result *out)
{
    return change_all(call, &in->instance_ids, terminate, &out->terminating_instances);
}
