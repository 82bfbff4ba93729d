/* RunInstances: the instances of one reservation, all or at least MinCount of them, or none. */
#include "plane/ec2/instance_run.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/ec2/host.h"
#include "plane/ec2/key_pair.h"
#include "plane/ec2/operations.h"
#include "plane/iam/role.h"

enum {
    INSTANCES_MAX = 10000, /* of an installation, with those that were terminated in the last hour */
    RUN_MAX = 1000,        /* of one request */
};

/* ---- one instance ---- */

static bool make_interface(struct call *call, const struct run_wish *wish, struct instance_edit *edit)
{
    struct network_interface_wish interface = wish->interface;
    const struct network_interface_record *made = wish->own_interface;

    if (made != NULL) {
        network_interface_attach(call->tx, made, edit->instance.instance_id, edit->record.host_id);
        SET(&edit->record, keeps_interface, true);
        edit->record.network_interface_id = made->interface->network_interface_id;
        return true;
    }
    interface.instance_id = edit->instance.instance_id;
    interface.host_id = edit->record.host_id;
    if (interface.description.ptr == NULL)
        interface.description = STR("");
    if (!network_interface_create(call->tx, &interface, &made, call->fail))
        return false;
    edit->record.network_interface_id = made->interface->network_interface_id;
    if (wish->interface_tags.count > 0)
        network_interface_kind.put_tags(call, made, wish->interface_tags);
    return true;
}

static void fill_hardware(const struct call *call, const struct run_wish *wish, struct ec2_instance *instance)
{
    instance->instance_type = wish->type->type;
    instance->image_id = str_of(wish->image->id);
    instance->architecture =
        (enum ec2_architecture_values)enum_value(&ec2_architecture_values_shape, str_of(wish->image->architecture));
    instance->hypervisor = EC2_HYPERVISOR_TYPE_XEN; /* what EC2 says of every instance (API reference, "Instance") */
    instance->virtualization_type = EC2_VIRTUALIZATION_TYPE_HVM;
    instance->root_device_type = EC2_DEVICE_TYPE_EBS;
    instance->root_device_name = STR("/dev/xvda");
    instance->platform_details = STR("Linux/UNIX");
    instance->usage_operation = STR("RunInstances");
    instance->block_device_mappings.items = arena_array(call->arena, struct ec2_instance_block_device_mapping, 1);
    instance->product_codes.items = arena_array(call->arena, struct ec2_product_code, 1);
    instance->cpu_options = arena_new(call->arena, struct ec2_cpu_options);
    SET(instance->cpu_options, threads_per_core, wish->type->threads_per_core);
    SET(instance->cpu_options, core_count, wish->type->vcpus / wish->type->threads_per_core);
    instance->monitoring = arena_new(call->arena, struct ec2_monitoring);
    instance->monitoring->state = EC2_MONITORING_STATE_DISABLED;
    SET(instance, ena_support, true);
    SET(instance, source_dest_check, true);
}

static void fill(struct call *call, const struct run_wish *wish, struct instance_edit *edit)
{
    const struct ec2_run_instances_request *in = wish->request;
    struct ec2_instance *instance = &edit->instance;
    struct ec2_instance_metadata_options_response *metadata =
        arena_new(call->arena, struct ec2_instance_metadata_options_response);

    fill_hardware(call, wish, instance);
    *metadata = wish->metadata;
    instance->metadata_options = metadata;
    SET(instance, ebs_optimized, in->ebs_optimized);
    instance->instance_id = vpc_id_new(call->tx, "i");
    instance->client_token = in->client_token.ptr == NULL ? STR("") : in->client_token;
    instance->tags = wish->instance_tags;
    if (wish->key_pair != NULL) {
        instance->key_name = wish->key_pair->key_pair->key_name;
        edit->record.public_key = wish->key_pair->key_pair->public_key;
    }
    if (wish->profile != NULL) {
        instance->iam_instance_profile = arena_new(call->arena, struct ec2_iam_instance_profile);
        instance->iam_instance_profile->arn = wish->profile->instance_profile->arn;
        instance->iam_instance_profile->id = wish->profile->instance_profile->instance_profile_id;
    }
    SET(instance, launch_time, call->tx->now_ms);
    edit->record.user_data = in->user_data;
    edit->record.shutdown_behavior = in->instance_initiated_shutdown_behavior == EC2_SHUTDOWN_BEHAVIOR_NONE
                                         ? EC2_SHUTDOWN_BEHAVIOR_STOP
                                         : in->instance_initiated_shutdown_behavior;
    SET(&edit->record, root_gib, wish->root_gib);
    SET(&edit->record, disable_api_termination, in->disable_api_termination);
    SET(&edit->record, disable_api_stop, in->disable_api_stop);
    SET(&edit->record, launch_number, INSTANCE_FIRST_LAUNCH);
}

static bool find_host(struct call *call, const struct run_wish *wish, struct instance_edit *edit)
{
    const struct host_record *host;

    switch (host_reserve_of(call->tx, str_of(wish->image->architecture), wish->type->vcpus * 1024,
                            wish->type->memory_mib, &host)) {
    case HOST_ROOM_FOUND:
        edit->record.host_id = host->host_id;
        SET(&edit->record, promised, true);
        return true;
    case HOST_ROOM_LATER:
        return true;
    case HOST_ROOM_NONE:
        break;
    }
    return fail_status(call->fail, 500, "InsufficientInstanceCapacity",
                       "We currently do not have sufficient %s capacity. %.*s", instance_type_name(wish->type->type),
                       STR_ARG(host_room_explain(call->tx, wish->type->vcpus * 1024, wish->type->memory_mib)));
}

static bool run_one(struct call *call, const struct run_wish *wish, struct instance_edit *edit)
{
    if (!find_host(call, wish, edit))
        return false;
    fill(call, wish, edit);
    if (!make_interface(call, wish, edit)) {
        if (edit->record.promised)
            host_release(call->tx, edit->record.host_id, wish->type->vcpus * 1024, wish->type->memory_mib);
        return false;
    }
    instance_edit_state(call->tx, edit, EC2_INSTANCE_STATE_NAME_PENDING, NULL, NULL);
    (void)instance_session_renew(call->tx, edit);
    must(instance_edit_put(call->tx, edit));
    return true;
}

/* ---- the reservation ---- */

static int64_t hash_of(const struct call *call, const struct ec2_run_instances_request *in)
{
    struct ec2_run_instances_request plain = *in;
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: the same in every process */
    auto_buf bytes = {.ptr = NULL};

    (void)call;
    plain.client_token = (struct str){NULL, 0};
    value_encode(&ec2_run_instances_request_shape, &plain, &bytes);
    must(!bytes.overflowed);
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (unsigned char)bytes.ptr[i]) * UINT64_C(0x100000001b3);
    return (int64_t)hash;
}

static void show_reservation(struct call *call, struct str reservation_id, const struct instance_record **instances,
                             struct ec2_reservation *out)
{
    size_t count = out->instances.count;

    out->reservation_id = reservation_id;
    out->owner_id = call->principal->account;
    out->groups.items = arena_array(call->arena, struct ec2_group_identifier, 1);
    out->instances.items = arena_array(call->arena, struct ec2_instance, count + 1);
    for (size_t i = 0; i < count; i++)
        instance_show(call, instances[i], &out->instances.items[i]);
}

/* What the same request made before (EC2 API reference, "Ensuring idempotency"). false: nothing, or *ret_good says that
 * the token came with another request. */
static bool made_before(struct call *call, const struct ec2_run_instances_request *in, int64_t hash,
                        struct ec2_reservation *out, bool *ret_good)
{
    struct walk walk =
        transaction_walk(call->tx, &instance_table, "token",
                         KEY_PREFIX(call->arena, call->principal->account, call->region, in->client_token));
    const struct instance_record **found =
        arena_array(call->arena, const struct instance_record *, transaction_count(call->tx, &instance_table) + 1);
    const struct instance_record *instance;

    if (in->client_token.len == 0)
        return false;
    while ((instance = walk_next(&walk)) != NULL)
        found[out->instances.count++] = instance;
    if (out->instances.count == 0)
        return false;
    *ret_good = found[0]->request_hash == hash || fail_token_mismatch(call, in->client_token);
    show_reservation(call, found[0]->reservation_id, found, out);
    return true;
}

static bool check_limit(const struct call *call, size_t more)
{
    return transaction_count(call->tx, &instance_table) + more <= INSTANCES_MAX ||
           fail_api(call->fail, "InstanceLimitExceeded",
                    "You have requested more instances (%zu) than your current instance limit of %d allows", more,
                    INSTANCES_MAX);
}

bool ec2_run_instances(struct call *call, const struct ec2_run_instances_request *in, struct ec2_reservation *out)
{
    int64_t hash = hash_of(call, in);
    struct str reservation_id = vpc_id_new(call->tx, "r");
    const struct ec2_run_instances_request *request;
    const struct instance_record **made;
    struct run_wish wish;
    bool good;

    if (made_before(call, in, hash, out, &good))
        return good;
    if (!run_request_effective(call, in, &request) || !run_request_check(call, request, &wish) ||
        !check_limit(call, (size_t)request->min_count))
        return false;
    made = arena_array(call->arena, const struct instance_record *, RUN_MAX);
    for (int32_t i = 0; i < request->max_count && i < RUN_MAX; i++) {
        struct instance_edit *edit = arena_new(call->arena, struct instance_edit);

        edit->record = (struct instance_record){.account_id = call->principal->account,
                                                .region = call->region,
                                                .instance = &edit->instance,
                                                .reservation_id = reservation_id};
        SET(&edit->record, request_hash, hash);
        SET(&edit->instance, ami_launch_index, i);
        if (!run_one(call, &wish, edit)) {
            if (i >= request->min_count)
                break;
            return false;
        }
        made[out->instances.count++] = &edit->record;
    }
    show_reservation(call, reservation_id, made, out);
    return true;
}
