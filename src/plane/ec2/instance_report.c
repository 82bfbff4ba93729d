/* What hosts tell of their instances. Late and doubled reports end at the launch number and the status rules. */
#include "base/must.h"
#include "plane/ec2/instance.h"

/* From pending on, and again after a reboot. */
static void observe_running(struct transaction *tx, struct instance_edit *edit)
{
    if (instance_state(&edit->record) == EC2_INSTANCE_STATE_NAME_PENDING)
        instance_edit_state(tx, edit, EC2_INSTANCE_STATE_NAME_RUNNING, NULL, NULL);
}

/* A first process that ends by itself is a shutdown from within (EC2 user guide, "Change instance initiated shutdown
 * behavior"). One that ran while nobody heard of it has run all the same; the step in between is kept, for those who
 * watch. */
static void observe_stopped(struct transaction *tx, struct instance_edit *edit)
{
    bool by_itself;

    if (instance_state(&edit->record) == EC2_INSTANCE_STATE_NAME_PENDING) {
        observe_running(tx, edit);
        must(instance_edit_put(tx, edit));
    }
    by_itself = instance_state(&edit->record) == EC2_INSTANCE_STATE_NAME_RUNNING;
    if (by_itself && edit->record.shutdown_behavior == EC2_SHUTDOWN_BEHAVIOR_TERMINATE) {
        instance_edit_state(tx, edit, EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN, "Client.InstanceInitiatedShutdown",
                            "Instance initiated shutdown");
        return;
    }
    if (by_itself) {
        instance_edit_state(tx, edit, EC2_INSTANCE_STATE_NAME_STOPPING, "Client.InstanceInitiatedShutdown",
                            "Instance initiated shutdown");
        must(instance_edit_put(tx, edit));
    }
    if (instance_state(&edit->record) != EC2_INSTANCE_STATE_NAME_STOPPING)
        return;
    edit->instance.state = instance_state_shown(tx->arena, EC2_INSTANCE_STATE_NAME_STOPPED);
    SET(&edit->record, state_since, tx->now_ms);
    instance_rest(tx, edit);
}

static void observe_failed(struct transaction *tx, struct instance_edit *edit, struct str reason)
{
    enum ec2_instance_state_name state = instance_state(&edit->record);

    if (state == EC2_INSTANCE_STATE_NAME_PENDING || state == EC2_INSTANCE_STATE_NAME_RUNNING)
        instance_edit_state(tx, edit, EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN, "Server.InternalError",
                            arena_cstr(tx->arena, reason));
}

static void observe_gone(struct transaction *tx, struct instance_edit *edit)
{
    if (instance_state(&edit->record) == EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN)
        instance_finish(tx, edit);
}

static void observe_console(struct instance_edit *edit, const struct host_instance_report *report)
{
    if (report->console.ptr == NULL)
        return;
    edit->record.console = report->console;
    SET(&edit->record, console_at, report->console_at);
}

/* Of an earlier launch of it. */
static bool is_late(const struct instance_record *instance, const struct host_instance_report *report)
{
    return report->launch_number < instance->launch_number && report->status != HOST_INSTANCE_STATUS_GONE;
}

static const struct instance_record *instance_of_host(const struct transaction *tx, struct str host_id, struct str id)
{
    struct walk walk = transaction_walk(tx, &instance_table, "host", KEY_PREFIX(tx->arena, host_id));
    const struct instance_record *record;

    while ((record = walk_next(&walk)) != NULL)
        if (str_eq(record->instance->instance_id, id))
            return record;
    return NULL;
}

static void observe(struct transaction *tx, const struct instance_record *instance,
                    const struct host_instance_report *report)
{
    struct instance_edit *edit = instance_edit_begin(tx, instance);

    SET(&edit->record, host_knows, true);
    observe_console(edit, report);
    if (!is_late(instance, report))
        switch (report->status) {
        case HOST_INSTANCE_STATUS_NONE:
        case HOST_INSTANCE_STATUS_PENDING:
            break;
        case HOST_INSTANCE_STATUS_RUNNING:
            observe_running(tx, edit);
            break;
        case HOST_INSTANCE_STATUS_FAILED:
            observe_failed(tx, edit, report->reason);
            break;
        case HOST_INSTANCE_STATUS_STOPPED:
            observe_stopped(tx, edit);
            break;
        case HOST_INSTANCE_STATUS_GONE:
            observe_gone(tx, edit);
            break;
        }
    if (instance_state(&edit->record) != EC2_INSTANCE_STATE_NAME_TERMINATED)
        (void)instance_edit_put(tx, edit);
}

/* Nothing is missed of what has not run, and of another not before it is started again. */
static bool is_missed(const struct instance_record *instance)
{
    enum ec2_instance_state_name state = instance_state(instance);

    return state != EC2_INSTANCE_STATE_NAME_STOPPED && state != EC2_INSTANCE_STATE_NAME_STOPPING &&
           (state != EC2_INSTANCE_STATE_NAME_PENDING || instance->launch_number != INSTANCE_FIRST_LAUNCH);
}

/* It had it, and it is not there any more: its disk is gone. */
static void observe_unknown(struct transaction *tx, const struct instance_record *instance)
{
    struct instance_edit *edit = instance_edit_begin(tx, instance);

    if (!is_missed(instance))
        return;
    if (instance_state(instance) != EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN) {
        instance_edit_state(tx, edit, EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN, "Server.InternalError",
                            "The host no longer has this instance.");
        must(instance_edit_put(tx, edit));
    }
    instance_finish(tx, edit);
}

void instances_observe(struct transaction *tx, struct str host_id, const struct host_report *report)
{
    struct walk walk = transaction_walk(tx, &instance_table, "host", KEY_PREFIX(tx->arena, host_id));
    const struct instance_record *instance;
    struct map reported = {0};

    for (size_t i = 0; i < report->instances.count; i++) {
        const struct host_instance_report *of = &report->instances.items[i];

        instance = instance_of_host(tx, host_id, of->instance_id);
        if (instance != NULL)
            observe(tx, instance, of);
        (void)map_put(&reported, of->instance_id, &report->instances.items[i]);
    }
    while (report->complete && (instance = walk_next(&walk)) != NULL)
        if (instance->host_knows && map_get(&reported, instance->instance->instance_id) == NULL)
            observe_unknown(tx, instance);
    map_free(&reported);
}
