/* The Describe operations of VPCs, subnets and network interfaces. */
#include "model/interpret.h"
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"

/* ---- VPCs ---- */

GETTER(vpc_id_of, vpc_record, of->vpc->vpc_id)
GETTER(vpc_cidr_of, vpc_record, of->vpc->cidr_block)
GETTER(vpc_is_default_of, vpc_record, filter_truth(of->vpc->is_default))
GETTER(vpc_state_of, vpc_record, str_of(enum_name(&ec2_vpc_state_shape, (int)of->vpc->state)))
GETTER(vpc_owner_of, vpc_record, of->vpc->owner_id)

static const struct ec2_tag_list *vpc_tags(const void *record)
{
    return vpc_kind.tags(record);
}

static const struct filter_field vpc_fields[] = {
    {"vpc-id", vpc_id_of, NULL},
    {"cidr", vpc_cidr_of, NULL},
    {"cidr-block", vpc_cidr_of, NULL},
    {"is-default", vpc_is_default_of, NULL},
    {"isDefault", vpc_is_default_of, NULL},
    {"state", vpc_state_of, NULL},
    {"owner-id", vpc_owner_of, NULL},
};
static const struct filter_table vpc_filters = {vpc_fields, COUNT_OF(vpc_fields), vpc_tags};

static void take_vpc(struct describe *d, const void *record)
{
    struct ec2_vpc_list *list = d->out;

    list->items[list->count++] = *((const struct vpc_record *)record)->vpc;
}

bool ec2_describe_vpcs(struct call *call, const struct ec2_describe_vpcs_request *in,
                       struct ec2_describe_vpcs_result *out)
{
    struct describe d = {
        .call = call,
        .kind = &vpc_kind,
        .filter_table = &vpc_filters,
        .filters = &in->filters,
        .ids = in->vpc_ids.items,
        .id_count = in->vpc_ids.count,
        .next_token = in->next_token,
        .limit = in->has_max_results ? (size_t)in->max_results : DESCRIBE_PAGE_DEFAULT,
        .take = take_vpc,
        .out = &out->vpcs,
    };

    out->vpcs.items = arena_array(call->arena, struct ec2_vpc, describe_room(call, &vpc_kind, in->vpc_ids.count));
    if (!describe_run(&d))
        return false;
    out->next_token = d.ret_next_token;
    return true;
}

/* ---- subnets ---- */

GETTER(subnet_id_of, subnet_record, of->subnet->subnet_id)
GETTER(subnet_vpc_of, subnet_record, of->subnet->vpc_id)
GETTER(subnet_cidr_of, subnet_record, of->subnet->cidr_block)
GETTER(subnet_zone_of, subnet_record, of->subnet->availability_zone)
GETTER(subnet_zone_id_of, subnet_record, of->subnet->availability_zone_id)
GETTER(subnet_default_of, subnet_record, filter_truth(of->subnet->default_for_az))
GETTER(subnet_public_of, subnet_record, filter_truth(of->subnet->map_public_ip_on_launch))
GETTER(subnet_state_of, subnet_record, str_of(enum_name(&ec2_subnet_state_shape, (int)of->subnet->state)))
GETTER(subnet_arn_of, subnet_record, of->subnet->subnet_arn)
GETTER(subnet_owner_of, subnet_record, of->subnet->owner_id)

static const struct ec2_tag_list *subnet_tags(const void *record)
{
    return subnet_kind.tags(record);
}

static const struct filter_field subnet_fields[] = {
    {"subnet-id", subnet_id_of, NULL},
    {"vpc-id", subnet_vpc_of, NULL},
    {"cidr", subnet_cidr_of, NULL},
    {"cidrBlock", subnet_cidr_of, NULL},
    {"cidr-block", subnet_cidr_of, NULL},
    {"availability-zone", subnet_zone_of, NULL},
    {"availabilityZone", subnet_zone_of, NULL},
    {"availability-zone-id", subnet_zone_id_of, NULL},
    {"default-for-az", subnet_default_of, NULL},
    {"defaultForAz", subnet_default_of, NULL},
    {"map-public-ip-on-launch", subnet_public_of, NULL},
    {"state", subnet_state_of, NULL},
    {"subnet-arn", subnet_arn_of, NULL},
    {"owner-id", subnet_owner_of, NULL},
};
static const struct filter_table subnet_filters = {subnet_fields, COUNT_OF(subnet_fields), subnet_tags};

int32_t subnet_free_addresses(const struct transaction *tx, const struct subnet_record *subnet)
{
    struct walk walk =
        transaction_walk(tx, &network_interface_table, "subnet",
                         KEY_PREFIX(tx->arena, subnet->account_id, subnet->region, subnet->subnet->subnet_id));
    struct ipv4_range range;
    int64_t count;

    if (!ipv4_range_parse(subnet->subnet->cidr_block, &range))
        return 0;
    count = (int64_t)range.last - range.first + 1 - 5;
    while (walk_next(&walk) != NULL)
        count--;
    return (int32_t)count;
}

static void take_subnet(struct describe *d, const void *record)
{
    struct ec2_subnet_list *list = d->out;
    struct ec2_subnet *subnet = &list->items[list->count++];

    *subnet = *((const struct subnet_record *)record)->subnet;
    SET(subnet, available_ip_address_count, subnet_free_addresses(d->call->tx, record));
}

bool ec2_describe_subnets(struct call *call, const struct ec2_describe_subnets_request *in,
                          struct ec2_describe_subnets_result *out)
{
    struct describe d = {
        .call = call,
        .kind = &subnet_kind,
        .filter_table = &subnet_filters,
        .filters = &in->filters,
        .ids = in->subnet_ids.items,
        .id_count = in->subnet_ids.count,
        .next_token = in->next_token,
        .limit = in->has_max_results ? (size_t)in->max_results : DESCRIBE_PAGE_DEFAULT,
        .take = take_subnet,
        .out = &out->subnets,
    };

    out->subnets.items =
        arena_array(call->arena, struct ec2_subnet, describe_room(call, &subnet_kind, in->subnet_ids.count));
    if (!describe_run(&d))
        return false;
    out->next_token = d.ret_next_token;
    return true;
}

/* ---- network interfaces ---- */

GETTER(interface_id_of, network_interface_record, of->interface->network_interface_id)
GETTER(interface_vpc_of, network_interface_record, of->interface->vpc_id)
GETTER(interface_subnet_of, network_interface_record, of->interface->subnet_id)
GETTER(interface_address_of, network_interface_record, of->interface->private_ip_address)
GETTER(interface_zone_of, network_interface_record, of->interface->availability_zone)
GETTER(interface_mac_of, network_interface_record, of->interface->mac_address)
GETTER(interface_description_of, network_interface_record, of->interface->description)
GETTER(interface_status_of, network_interface_record,
       str_of(enum_name(&ec2_network_interface_status_shape, (int)of->interface->status)))
GETTER(interface_managed_of, network_interface_record, filter_truth(of->interface->requester_managed))
GETTER(interface_requester_of, network_interface_record, of->interface->requester_id)

static bool interface_group(const void *record, size_t index, struct str *ret_value)
{
    const struct ec2_group_identifier_list *groups =
        &((const struct network_interface_record *)record)->interface->groups;

    if (index >= groups->count)
        return false;
    *ret_value = groups->items[index].group_id;
    return true;
}

static bool interface_group_name(const void *record, size_t index, struct str *ret_value)
{
    const struct ec2_group_identifier_list *groups =
        &((const struct network_interface_record *)record)->interface->groups;

    if (index >= groups->count)
        return false;
    *ret_value = groups->items[index].group_name;
    return true;
}

static const struct ec2_tag_list *interface_tags(const void *record)
{
    return network_interface_kind.tags(record);
}

static const struct filter_field interface_fields[] = {
    {"network-interface-id", interface_id_of, NULL},
    {"vpc-id", interface_vpc_of, NULL},
    {"subnet-id", interface_subnet_of, NULL},
    {"private-ip-address", interface_address_of, NULL},
    {"addresses.private-ip-address", interface_address_of, NULL},
    {"availability-zone", interface_zone_of, NULL},
    {"mac-address", interface_mac_of, NULL},
    {"description", interface_description_of, NULL},
    {"status", interface_status_of, NULL},
    {"requester-managed", interface_managed_of, NULL},
    {"requester-id", interface_requester_of, NULL},
    {"group-id", NULL, interface_group},
    {"group-name", NULL, interface_group_name},
};
static const struct filter_table interface_filters = {interface_fields, COUNT_OF(interface_fields), interface_tags};

static void take_interface(struct describe *d, const void *record)
{
    struct ec2_network_interface_list *list = d->out;

    list->items[list->count++] = *((const struct network_interface_record *)record)->interface;
}

bool ec2_describe_network_interfaces(struct call *call, const struct ec2_describe_network_interfaces_request *in,
                                     struct ec2_describe_network_interfaces_result *out)
{
    struct describe d = {
        .call = call,
        .kind = &network_interface_kind,
        .filter_table = &interface_filters,
        .filters = &in->filters,
        .ids = in->network_interface_ids.items,
        .id_count = in->network_interface_ids.count,
        .next_token = in->next_token,
        .limit = in->has_max_results ? (size_t)in->max_results : DESCRIBE_PAGE_DEFAULT,
        .take = take_interface,
        .out = &out->network_interfaces,
    };

    out->network_interfaces.items =
        arena_array(call->arena, struct ec2_network_interface,
                    describe_room(call, &network_interface_kind, in->network_interface_ids.count));
    if (!describe_run(&d))
        return false;
    out->next_token = d.ret_next_token;
    return true;
}
