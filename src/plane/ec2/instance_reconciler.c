/* What brings an instance on when nobody calls and no host reports. */
#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ec2/instance.h"
#include "plane/ec2/instance_type.h"

/* It was accepted while no host could be asked: one may be there by now. */
static int64_t place(struct transaction *tx, const struct instance_record *instance)
{
    struct instance_edit *edit = instance_edit_begin(tx, instance);
    const char *architecture = enum_name(&ec2_architecture_values_shape, (int)instance->instance->architecture);
    const struct host_record *host;

    if (host_reserve_of(tx, str_of(architecture), instance_cpu_units(instance), instance_memory_mib(instance), &host) ==
        HOST_ROOM_FOUND) {
        edit->record.host_id = host->host_id;
        SET(&edit->record, promised, true);
        network_interface_place(tx, instance->account_id, instance->region, instance->network_interface_id,
                                host->host_id);
        must(instance_edit_put(tx, edit));
        return WHEN_NEVER; /* looked at again since it changed */
    }
    if (tx->now_ms < instance->state_since + INSTANCE_WAITS_MS)
        return instance->state_since + INSTANCE_WAITS_MS;
    instance_edit_state(tx, edit, EC2_INSTANCE_STATE_NAME_TERMINATED, "Server.InsufficientInstanceCapacity",
                        "There was insufficient capacity available to satisfy the launch request.");
    instance_finish(tx, edit);
    return WHEN_NEVER;
}

/* Nobody is left who could take it down: what is on a host that comes back is not in its assignment, and goes. */
static int64_t give_up(struct transaction *tx, const struct instance_record *instance)
{
    const struct host_record *host =
        instance->host_id.ptr == NULL ? NULL : transaction_get(tx, &host_table, instance->host_id);

    if (host != NULL && host_is_connected(host))
        return WHEN_NEVER;
    if (host != NULL && !host_is_lost(host, tx->now_ms))
        return host->disconnected_at + HOST_LOST_MS;
    instance_finish(tx, instance_edit_begin(tx, instance));
    return WHEN_NEVER;
}

static int64_t renew(struct transaction *tx, const struct instance_record *instance)
{
    struct instance_edit *edit = instance_edit_begin(tx, instance);
    int64_t again_ms = instance_session_renew(tx, edit);

    if (!str_eq(edit->record.session_key_id, instance->session_key_id))
        must(instance_edit_put(tx, edit));
    return again_ms;
}

static int64_t reconcile(struct transaction *tx, struct str key)
{
    const struct instance_record *instance = transaction_get(tx, &instance_table, key);

    if (instance == NULL)
        return WHEN_NEVER;
    switch (instance_state(instance)) {
    case EC2_INSTANCE_STATE_NAME_PENDING:
        return instance->host_id.ptr == NULL ? place(tx, instance) : renew(tx, instance);
    case EC2_INSTANCE_STATE_NAME_RUNNING:
        return renew(tx, instance);
    case EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN:
        return give_up(tx, instance);
    case EC2_INSTANCE_STATE_NAME_TERMINATED:
        if (tx->now_ms < instance->state_since + INSTANCE_KEPT_MS)
            return instance->state_since + INSTANCE_KEPT_MS;
        transaction_delete(tx, &instance_table, key);
        return WHEN_NEVER;
    case EC2_INSTANCE_STATE_NAME_NONE:
    case EC2_INSTANCE_STATE_NAME_STOPPING:
    case EC2_INSTANCE_STATE_NAME_STOPPED:
        break;
    }
    return WHEN_NEVER;
}

const struct reconciler_spec instance_reconciler = {"instance", &instance_table, reconcile};
