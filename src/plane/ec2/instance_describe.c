/* DescribeInstances, DescribeInstanceStatus; and what the API shows of an instance besides its record. */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/ec2/host.h"
#include "plane/ec2/operations.h"
#include "plane/vpc/describe_walk.h"

/* ---- showing it ---- */

static void show_association(const struct call *call, const struct ec2_network_interface *from,
                             struct ec2_instance_network_interface_association **ret_association)
{
    *ret_association = NULL;
    if (from->association == NULL)
        return;
    *ret_association = arena_new(call->arena, struct ec2_instance_network_interface_association);
    (*ret_association)->public_ip = from->association->public_ip;
    (*ret_association)->ip_owner_id = from->association->ip_owner_id;
    (*ret_association)->public_dns_name = STR("");
}

static void show_interface(const struct call *call, const struct ec2_network_interface *from,
                           struct ec2_instance_network_interface *to)
{
    struct ec2_instance_private_ip_address *address = arena_new(call->arena, struct ec2_instance_private_ip_address);

    to->network_interface_id = from->network_interface_id;
    to->subnet_id = from->subnet_id;
    to->vpc_id = from->vpc_id;
    to->description = from->description;
    to->groups = from->groups;
    to->mac_address = from->mac_address;
    to->owner_id = from->owner_id;
    to->private_dns_name = from->private_dns_name;
    to->private_ip_address = from->private_ip_address;
    to->status = from->status;
    to->interface_type = STR("interface");
    SET(to, source_dest_check, true);
    show_association(call, from, &to->association);
    address->association = to->association;
    address->private_dns_name = from->private_dns_name;
    address->private_ip_address = from->private_ip_address;
    SET(address, primary, true);
    to->private_ip_addresses.items = address;
    to->private_ip_addresses.count = 1;
    if (from->attachment == NULL)
        return;
    to->attachment = arena_new(call->arena, struct ec2_instance_network_interface_attachment);
    to->attachment->attachment_id = from->attachment->attachment_id;
    to->attachment->status = from->attachment->status;
    SET(to->attachment, attach_time, from->attachment->attach_time);
    SET(to->attachment, delete_on_termination, from->attachment->delete_on_termination);
    SET(to->attachment, device_index, from->attachment->device_index);
    SET(to->attachment, network_card_index, 0);
}

/* Its own first, then those of its tasks. */
static void show_interfaces(const struct call *call, const struct instance_record *record,
                            const struct ec2_network_interface *own, struct ec2_instance *shown)
{
    struct walk walk = instance_interfaces(call->tx, record);
    const struct network_interface_record *interface;
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    shown->network_interfaces.items = arena_array(call->arena, struct ec2_instance_network_interface, count + 1);
    show_interface(call, own, &shown->network_interfaces.items[shown->network_interfaces.count++]);
    walk = instance_interfaces(call->tx, record);
    while ((interface = walk_next(&walk)) != NULL)
        if (interface->interface != own)
            show_interface(call, interface->interface,
                           &shown->network_interfaces.items[shown->network_interfaces.count++]);
}

static void show_network(const struct call *call, const struct ec2_network_interface *interface,
                         struct ec2_instance *shown)
{
    shown->subnet_id = interface->subnet_id;
    shown->vpc_id = interface->vpc_id;
    shown->security_groups = interface->groups;
    shown->private_ip_address = interface->private_ip_address;
    shown->private_dns_name = interface->private_dns_name;
    if (interface->association != NULL)
        shown->public_ip_address = interface->association->public_ip;
    shown->placement = arena_new(call->arena, struct ec2_placement);
    shown->placement->availability_zone = interface->availability_zone;
    shown->placement->group_name = STR("");
    shown->placement->tenancy = EC2_TENANCY_DEFAULT;
}

/* One that is terminated has no network any more. */
void instance_show(const struct call *call, const struct instance_record *record, struct ec2_instance *ret_shown)
{
    const struct network_interface_record *interface = instance_interface(call->tx, record);

    *ret_shown = *record->instance;
    ret_shown->public_dns_name = STR("");
    ret_shown->private_dns_name = STR("");
    if (interface != NULL && instance_state(record) != EC2_INSTANCE_STATE_NAME_TERMINATED) {
        show_network(call, interface->interface, ret_shown);
        show_interfaces(call, record, interface->interface, ret_shown);
    }
    if (ret_shown->network_interfaces.items == NULL)
        ret_shown->network_interfaces.items = arena_new(call->arena, struct ec2_instance_network_interface);
    if (ret_shown->security_groups.items == NULL)
        ret_shown->security_groups.items = arena_new(call->arena, struct ec2_group_identifier);
}

/* ---- DescribeInstances ---- */

/* Of the record, with the instance as it is shown in the place of the one that is kept. */
static const struct filter_field fields[] = {
    {"architecture", "instance.Architecture"},
    {"availability-zone", "instance.Placement.AvailabilityZone"},
    {"client-token", "instance.ClientToken"},
    {"hypervisor", "instance.Hypervisor"},
    {"iam-instance-profile.arn", "instance.IamInstanceProfile.Arn"},
    {"iam-instance-profile.id", "instance.IamInstanceProfile.Id"},
    {"image-id", "instance.ImageId"},
    {"instance-id", "instance.InstanceId"},
    {"instance-state-code", "instance.State.Code"},
    {"instance-state-name", "instance.State.Name"},
    {"instance-type", "instance.InstanceType"},
    {"instance.group-id", "instance.SecurityGroups.GroupId"},
    {"instance.group-name", "instance.SecurityGroups.GroupName"},
    {"ip-address", "instance.PublicIpAddress"},
    {"key-name", "instance.KeyName"},
    {"launch-index", "instance.AmiLaunchIndex"},
    {"metadata-options.http-endpoint", "instance.MetadataOptions.HttpEndpoint"},
    {"metadata-options.http-put-response-hop-limit", "instance.MetadataOptions.HttpPutResponseHopLimit"},
    {"metadata-options.http-tokens", "instance.MetadataOptions.HttpTokens"},
    {"metadata-options.instance-metadata-tags", "instance.MetadataOptions.InstanceMetadataTags"},
    {"monitoring-state", "instance.Monitoring.State"},
    {"network-interface.addresses.private-ip-address", "instance.NetworkInterfaces.PrivateIpAddress"},
    {"network-interface.group-id", "instance.NetworkInterfaces.Groups.GroupId"},
    {"network-interface.group-name", "instance.NetworkInterfaces.Groups.GroupName"},
    {"network-interface.mac-address", "instance.NetworkInterfaces.MacAddress"},
    {"network-interface.network-interface-id", "instance.NetworkInterfaces.NetworkInterfaceId"},
    {"network-interface.private-dns-name", "instance.NetworkInterfaces.PrivateDnsName"},
    {"network-interface.status", "instance.NetworkInterfaces.Status"},
    {"network-interface.subnet-id", "instance.NetworkInterfaces.SubnetId"},
    {"network-interface.vpc-id", "instance.NetworkInterfaces.VpcId"},
    {"owner-id", "accountId"},
    {"placement-group-name", "instance.Placement.GroupName"},
    {"platform-details", "instance.PlatformDetails"},
    {"private-dns-name", "instance.PrivateDnsName"},
    {"private-ip-address", "instance.PrivateIpAddress"},
    {"reason", "instance.StateTransitionReason"},
    {"reservation-id", "reservationId"},
    {"root-device-name", "instance.RootDeviceName"},
    {"root-device-type", "instance.RootDeviceType"},
    {"source-dest-check", "instance.SourceDestCheck"},
    {"state-reason-code", "instance.StateReason.Code"},
    {"state-reason-message", "instance.StateReason.Message"},
    {"subnet-id", "instance.SubnetId"},
    {"tenancy", "instance.Placement.Tenancy"},
    {"virtualization-type", "instance.VirtualizationType"},
    {"vpc-id", "instance.VpcId"},
};
static const struct filter_table filters = {&instance_record_shape, fields, COUNT_OF(fields), "instance.Tags"};

static const void *itself(const void *record)
{
    return record;
}

static void show_record(const struct call *call, const void *record, void *noun)
{
    struct instance_record *shown = noun;

    shown->instance = arena_new(call->arena, struct ec2_instance);
    instance_show(call, record, shown->instance);
}

struct instance_records {
    struct instance_record *items;
    size_t count;
};

static bool find_all(struct call *call, const struct ec2_describe_instances_request *in,
                     struct instance_records *ret_found, struct str *ret_next_token)
{
    struct resource_kind kind = instance_kind;
    const struct describe describe = {
        .call = call, .kind = &kind, .table = &filters, .show = show_record, DESCRIBE_REQUEST(in, instance_ids)};

    kind.noun = itself;
    return describe_run(&describe, ret_found, ret_next_token);
}

static struct ec2_reservation *reservation_of(struct call *call, struct ec2_describe_instances_result *out,
                                              const struct instance_record *instance, size_t room)
{
    struct ec2_reservation *reservation;

    for (size_t i = 0; i < out->reservations.count; i++)
        if (str_eq(out->reservations.items[i].reservation_id, instance->reservation_id))
            return &out->reservations.items[i];
    reservation = &out->reservations.items[out->reservations.count++];
    *reservation = (struct ec2_reservation){.reservation_id = instance->reservation_id,
                                            .owner_id = instance->account_id,
                                            .groups = {arena_array(call->arena, struct ec2_group_identifier, 1), 0},
                                            .instances = {arena_array(call->arena, struct ec2_instance, room), 0}};
    return reservation;
}

bool ec2_describe_instances(struct call *call, const struct ec2_describe_instances_request *in,
                            struct ec2_describe_instances_result *out)
{
    struct instance_records found = {NULL, 0};

    if (in->instance_ids.count > 0 && in->has_max_results)
        return fail_api(call->fail, "InvalidParameterCombination",
                        "The parameter instancesSet cannot be used with the parameter maxResults");
    if (!find_all(call, in, &found, &out->next_token))
        return false;
    out->reservations.items = arena_array(call->arena, struct ec2_reservation, found.count + 1);
    for (size_t i = 0; i < found.count; i++) {
        struct ec2_reservation *reservation = reservation_of(call, out, &found.items[i], found.count - i);

        reservation->instances.items[reservation->instances.count++] = *found.items[i].instance;
    }
    return true;
}

/* ---- DescribeInstanceStatus ---- */

static const struct filter_field status_fields[] = {
    {"availability-zone", "AvailabilityZone"},
    {"instance-state-code", "InstanceState.Code"},
    {"instance-state-name", "InstanceState.Name"},
    {"instance-status.reachability", "InstanceStatus.Details.Status"},
    {"instance-status.status", "InstanceStatus.Status"},
    {"system-status.reachability", "SystemStatus.Details.Status"},
    {"system-status.status", "SystemStatus.Status"},
};
static const struct filter_table status_filters = {&ec2_instance_status_shape, status_fields, COUNT_OF(status_fields),
                                                   NULL};

static struct ec2_instance_status_summary *summary(const struct call *call, enum ec2_summary_status status,
                                                   int64_t impaired_since)
{
    static const enum ec2_status_type details[] = {
        [EC2_SUMMARY_STATUS_OK] = EC2_STATUS_TYPE_PASSED,
        [EC2_SUMMARY_STATUS_IMPAIRED] = EC2_STATUS_TYPE_FAILED,
        [EC2_SUMMARY_STATUS_NOT_APPLICABLE] = EC2_STATUS_TYPE_NONE,
        [EC2_SUMMARY_STATUS_INITIALIZING] = EC2_STATUS_TYPE_INITIALIZING,
    };
    struct ec2_instance_status_summary *made = arena_new(call->arena, struct ec2_instance_status_summary);

    made->status = status;
    made->details.items = arena_new(call->arena, struct ec2_instance_status_details);
    made->details.count = status == EC2_SUMMARY_STATUS_NOT_APPLICABLE ? 0 : 1;
    made->details.items->name = EC2_STATUS_NAME_REACHABILITY;
    made->details.items->status = details[status];
    if (status == EC2_SUMMARY_STATUS_IMPAIRED)
        SET(made->details.items, impaired_since, impaired_since);
    return made;
}

/* The system is the host: impaired as long as it does not answer. */
static void show_status(const struct call *call, const void *record, void *noun)
{
    const struct instance_record *instance = record;
    const struct host_record *host =
        instance->host_id.ptr == NULL ? NULL : transaction_get(call->tx, &host_table, instance->host_id);
    const struct network_interface_record *interface = instance_interface(call->tx, instance);
    struct ec2_instance_status *status = noun;
    bool runs = instance_state(instance) == EC2_INSTANCE_STATE_NAME_RUNNING;
    bool away = host != NULL && !host_is_connected(host);
    enum ec2_summary_status shown =
        runs ? EC2_SUMMARY_STATUS_OK
             : (instance_state(instance) == EC2_INSTANCE_STATE_NAME_PENDING ? EC2_SUMMARY_STATUS_INITIALIZING
                                                                            : EC2_SUMMARY_STATUS_NOT_APPLICABLE);

    *status = (struct ec2_instance_status){.instance_id = instance->instance->instance_id,
                                           .instance_state = instance->instance->state};
    if (interface != NULL)
        status->availability_zone = interface->interface->availability_zone;
    status->instance_status = summary(call, shown, 0);
    status->system_status =
        summary(call, runs && away ? EC2_SUMMARY_STATUS_IMPAIRED : shown, away ? host->disconnected_at : 0);
}

/* Without IncludeAllInstances only those that run. */
static void leave_running(struct ec2_instance_status_list *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].instance_state->name == EC2_INSTANCE_STATE_NAME_RUNNING)
            list->items[count++] = list->items[i];
    list->count = count;
}

bool ec2_describe_instance_status(struct call *call, const struct ec2_describe_instance_status_request *in,
                                  struct ec2_describe_instance_status_result *out)
{
    struct resource_kind kind = instance_kind;
    const struct describe describe = {
        .call = call, .kind = &kind, .table = &status_filters, .show = show_status, DESCRIBE_REQUEST(in, instance_ids)};

    kind.noun = itself;
    if (!describe_run(&describe, &out->instance_statuses, &out->next_token))
        return false;
    if (!in->include_all_instances)
        leave_running(&out->instance_statuses);
    return true;
}
