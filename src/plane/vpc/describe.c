/* The Describe operations of VPCs, subnets, interfaces, zones and regions. */
#include "model/interpret.h"
#include "plane/vpc/filter.h"
#include "plane/vpc/operations.h"

enum { PAGE_DEFAULT = 1000 };

#define GETTER(name, type, value)                                                                                      \
    static struct str name(struct arena *arena, const void *record)                                                    \
    {                                                                                                                  \
        const struct type *of = record;                                                                                \
                                                                                                                       \
        (void)arena;                                                                                                   \
        return value;                                                                                                  \
    }

static struct str truth(bool value)
{
    return value ? STR("true") : STR("false");
}

/* ---- one walk for every resource ---- */

struct describe {
    struct call *call;
    const struct table_spec *table;
    const struct filter_table *filter_table;
    const struct ec2_filter_list *filters;
    const struct str *ids;
    size_t id_count;
    const char *missing_code;   /* "InvalidVpcID.NotFound" */
    const char *missing_format; /* "The vpc ID '%.*s' does not exist" */
    struct str next_token;
    size_t limit;
    /* Takes a record that matched. */
    void (*take)(struct describe *describe, const void *record);
    void *out;
    size_t taken;
    struct str ret_next_token;
};

static bool describe_ids(struct describe *d)
{
    for (size_t i = 0; i < d->id_count; i++) {
        const void *record = transaction_get(
            d->call->tx, d->table, KEY(d->call->arena, d->call->principal->account, d->call->region, d->ids[i]));

        if (record == NULL) {
            (void)fail_api(d->call->fail, d->missing_code, "%s '%.*s' does not exist", d->missing_format,
                           STR_ARG(d->ids[i]));
            return false;
        }
        if (filters_match(d->filter_table, d->filters, d->call->arena, record))
            d->take(d, record);
    }
    return true;
}

static bool describe_run(struct describe *d)
{
    struct walk walk = transaction_walk(d->call->tx, d->table, NULL,
                                        KEY_PREFIX(d->call->arena, d->call->principal->account, d->call->region));
    const void *record;

    if (!filters_check(d->filter_table, d->filters, d->call->fail))
        return false;
    if (d->id_count > 0)
        return describe_ids(d);
    if (!page_begin(d->call->arena, d->next_token, "InvalidNextToken", &walk.at, d->call->fail))
        return false;
    while ((record = walk_next(&walk)) != NULL) {
        struct str here = walk.at;

        if (!filters_match(d->filter_table, d->filters, d->call->arena, record))
            continue;
        d->take(d, record);
        if (++d->taken == d->limit) {
            if (walk_next(&walk) != NULL)
                d->ret_next_token = page_token(d->call->arena, here);
            break;
        }
    }
    return true;
}

static size_t room(const struct call *call, const struct table_spec *table, size_t ids)
{
    return transaction_count(call->tx, table) + ids + 1;
}

/* ---- VPCs ---- */

GETTER(vpc_id_of, vpc_record, of->vpc->vpc_id)
GETTER(vpc_cidr_of, vpc_record, of->vpc->cidr_block)
GETTER(vpc_is_default_of, vpc_record, truth(of->vpc->is_default))
GETTER(vpc_state_of, vpc_record, str_of(enum_name(&ec2_vpc_state_shape, (int)of->vpc->state)))
GETTER(vpc_owner_of, vpc_record, of->vpc->owner_id)

static const struct ec2_tag_list *vpc_tags(const void *record)
{
    return &((const struct vpc_record *)record)->vpc->tags;
}

static const struct filter_field vpc_fields[] = {
    {"vpc-id", vpc_id_of},
    {"cidr", vpc_cidr_of},
    {"cidr-block", vpc_cidr_of},
    {"is-default", vpc_is_default_of},
    {"isDefault", vpc_is_default_of},
    {"state", vpc_state_of},
    {"owner-id", vpc_owner_of},
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
        .table = &vpc_table,
        .filter_table = &vpc_filters,
        .filters = &in->filters,
        .ids = in->vpc_ids.items,
        .id_count = in->vpc_ids.count,
        .missing_code = "InvalidVpcID.NotFound",
        .missing_format = "The vpc ID",
        .next_token = in->next_token,
        .limit = in->has_max_results ? (size_t)in->max_results : PAGE_DEFAULT,
        .take = take_vpc,
        .out = &out->vpcs,
    };

    out->vpcs.items = arena_array(call->arena, struct ec2_vpc, room(call, &vpc_table, in->vpc_ids.count));
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
GETTER(subnet_default_of, subnet_record, truth(of->subnet->default_for_az))
GETTER(subnet_public_of, subnet_record, truth(of->subnet->map_public_ip_on_launch))
GETTER(subnet_state_of, subnet_record, str_of(enum_name(&ec2_subnet_state_shape, (int)of->subnet->state)))
GETTER(subnet_arn_of, subnet_record, of->subnet->subnet_arn)
GETTER(subnet_owner_of, subnet_record, of->subnet->owner_id)

static const struct ec2_tag_list *subnet_tags(const void *record)
{
    return &((const struct subnet_record *)record)->subnet->tags;
}

static const struct filter_field subnet_fields[] = {
    {"subnet-id", subnet_id_of},
    {"vpc-id", subnet_vpc_of},
    {"cidr", subnet_cidr_of},
    {"cidrBlock", subnet_cidr_of},
    {"cidr-block", subnet_cidr_of},
    {"availability-zone", subnet_zone_of},
    {"availabilityZone", subnet_zone_of},
    {"availability-zone-id", subnet_zone_id_of},
    {"default-for-az", subnet_default_of},
    {"defaultForAz", subnet_default_of},
    {"map-public-ip-on-launch", subnet_public_of},
    {"state", subnet_state_of},
    {"subnet-arn", subnet_arn_of},
    {"owner-id", subnet_owner_of},
};
static const struct filter_table subnet_filters = {subnet_fields, COUNT_OF(subnet_fields), subnet_tags};

/* The first four addresses and the last are AWS's. */
static int32_t free_addresses(const struct describe *d, const struct subnet_record *subnet)
{
    struct walk walk =
        transaction_walk(d->call->tx, &network_interface_table, "subnet",
                         KEY_PREFIX(d->call->arena, subnet->account_id, subnet->region, subnet->subnet->subnet_id));
    uint32_t first;
    unsigned prefix;
    int64_t count;

    if (!ipv4_cidr_parse(subnet->subnet->cidr_block, &first, &prefix))
        return 0;
    count = (INT64_C(1) << (32 - prefix)) - 5;
    while (walk_next(&walk) != NULL)
        count--;
    return (int32_t)count;
}

static void take_subnet(struct describe *d, const void *record)
{
    struct ec2_subnet_list *list = d->out;
    struct ec2_subnet *subnet = &list->items[list->count++];

    *subnet = *((const struct subnet_record *)record)->subnet;
    SET(subnet, available_ip_address_count, free_addresses(d, record));
}

bool ec2_describe_subnets(struct call *call, const struct ec2_describe_subnets_request *in,
                          struct ec2_describe_subnets_result *out)
{
    struct describe d = {
        .call = call,
        .table = &subnet_table,
        .filter_table = &subnet_filters,
        .filters = &in->filters,
        .ids = in->subnet_ids.items,
        .id_count = in->subnet_ids.count,
        .missing_code = "InvalidSubnetID.NotFound",
        .missing_format = "The subnet ID",
        .next_token = in->next_token,
        .limit = in->has_max_results ? (size_t)in->max_results : PAGE_DEFAULT,
        .take = take_subnet,
        .out = &out->subnets,
    };

    out->subnets.items = arena_array(call->arena, struct ec2_subnet, room(call, &subnet_table, in->subnet_ids.count));
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
GETTER(interface_managed_of, network_interface_record, truth(of->interface->requester_managed))
GETTER(interface_requester_of, network_interface_record, of->interface->requester_id)

static const struct ec2_tag_list *interface_tags(const void *record)
{
    return &((const struct network_interface_record *)record)->interface->tag_set;
}

static const struct filter_field interface_fields[] = {
    {"network-interface-id", interface_id_of},
    {"vpc-id", interface_vpc_of},
    {"subnet-id", interface_subnet_of},
    {"private-ip-address", interface_address_of},
    {"addresses.private-ip-address", interface_address_of},
    {"availability-zone", interface_zone_of},
    {"mac-address", interface_mac_of},
    {"description", interface_description_of},
    {"status", interface_status_of},
    {"requester-managed", interface_managed_of},
    {"requester-id", interface_requester_of},
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
        .table = &network_interface_table,
        .filter_table = &interface_filters,
        .filters = &in->filters,
        .ids = in->network_interface_ids.items,
        .id_count = in->network_interface_ids.count,
        .missing_code = "InvalidNetworkInterfaceID.NotFound",
        .missing_format = "The networkInterface ID",
        .next_token = in->next_token,
        .limit = in->has_max_results ? (size_t)in->max_results : PAGE_DEFAULT,
        .take = take_interface,
        .out = &out->network_interfaces,
    };

    out->network_interfaces.items = arena_array(call->arena, struct ec2_network_interface,
                                                room(call, &network_interface_table, in->network_interface_ids.count));
    if (!describe_run(&d))
        return false;
    out->next_token = d.ret_next_token;
    return true;
}

/* ---- zones: three in every region, as the default VPC has subnets ---- */

bool ec2_describe_availability_zones(struct call *call, const struct ec2_describe_availability_zones_request *in,
                                     struct ec2_describe_availability_zones_result *out)
{
    (void)in;
    out->availability_zones.items = arena_array(call->arena, struct ec2_availability_zone, 3);
    for (int i = 0; i < 3; i++)
        out->availability_zones.items[out->availability_zones.count++] = (struct ec2_availability_zone){
            .opt_in_status = EC2_AVAILABILITY_ZONE_OPT_IN_STATUS_OPT_IN_NOT_REQUIRED,
            .region_name = call->region,
            .zone_name = arena_printf(call->arena, "%.*s%c", STR_ARG(call->region), 'a' + i),
            .zone_id = arena_printf(call->arena, "%.*s-az%d", STR_ARG(call->region), i + 1),
            .group_name = call->region,
            .network_border_group = call->region,
            .zone_type = STR("availability-zone"),
            .state = EC2_AVAILABILITY_ZONE_STATE_AVAILABLE,
        };
    return true;
}
