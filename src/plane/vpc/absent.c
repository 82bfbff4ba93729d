/* What Berth has none of: the truth about it is an empty list. Filters and ids are checked all the same. */
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"

struct absent {
    struct filter_table filters;
    const char *missing_code, *missing_text; /* for an id that is asked for; there is none of them */
};

#define ABSENT(name, shape, tags, code, text)                                                                          \
    static const struct absent name = {{&shape, name##_fields, COUNT_OF(name##_fields), tags}, code, text};

/* out is all absent lists: only what was asked for can be wrong. */
static bool describe_none(const struct call *call, const struct absent *absent, const struct ec2_filter_list *filters,
                          const struct str *ids, size_t id_count)
{
    if (!filters_check(&absent->filters, filters, call->fail))
        return false;
    if (id_count > 0)
        return fail_api(call->fail, absent->missing_code, "%s '%.*s' does not exist", absent->missing_text,
                        STR_ARG(ids[0]));
    return true;
}

/* An empty list is an answer, an absent one is not. */
#define NONE_OF(call, list) ((list).items = arena_alloc((call)->arena, 0), true)

static const struct filter_field vpc_endpoint_fields[] = {
    {"ip-address-type", "IpAddressType"},
    {"service-name", "ServiceName"},
    {"service-region", "ServiceRegion"},
    {"vpc-endpoint-id", "VpcEndpointId"},
    {"vpc-endpoint-state", "State"},
    {"vpc-endpoint-type", "VpcEndpointType"},
    {"vpc-id", "VpcId"},
};
ABSENT(vpc_endpoint, ec2_vpc_endpoint_shape, "Tags", "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id")

bool ec2_describe_vpc_endpoints(struct call *call, const struct ec2_describe_vpc_endpoints_request *in,
                                struct ec2_describe_vpc_endpoints_result *out)
{
    return describe_none(call, &vpc_endpoint, &in->filters, in->vpc_endpoint_ids.items, in->vpc_endpoint_ids.count) &&
           NONE_OF(call, out->vpc_endpoints);
}

static const struct filter_field prefix_list_fields[] = {
    {"prefix-list-id", "PrefixListId"},
    {"prefix-list-name", "PrefixListName"},
};
ABSENT(prefix_list, ec2_prefix_list_shape, NULL, "InvalidPrefixListId.NotFound", "The prefix list ID")

bool ec2_describe_prefix_lists(struct call *call, const struct ec2_describe_prefix_lists_request *in,
                               struct ec2_describe_prefix_lists_result *out)
{
    return describe_none(call, &prefix_list, &in->filters, in->prefix_list_ids.items, in->prefix_list_ids.count) &&
           NONE_OF(call, out->prefix_lists);
}

static const struct filter_field managed_prefix_list_fields[] = {
    {"owner-id", "OwnerId"},
    {"prefix-list-id", "PrefixListId"},
    {"prefix-list-name", "PrefixListName"},
};
ABSENT(managed_prefix_list, ec2_managed_prefix_list_shape, "Tags", "InvalidPrefixListID.NotFound", "The prefix list ID")

bool ec2_describe_managed_prefix_lists(struct call *call, const struct ec2_describe_managed_prefix_lists_request *in,
                                       struct ec2_describe_managed_prefix_lists_result *out)
{
    return describe_none(call, &managed_prefix_list, &in->filters, in->prefix_list_ids.items,
                         in->prefix_list_ids.count) &&
           NONE_OF(call, out->prefix_lists);
}

static const struct filter_field nat_gateway_fields[] = {
    {"nat-gateway-id", "NatGatewayId"},
    {"state", "State"},
    {"subnet-id", "SubnetId"},
    {"vpc-id", "VpcId"},
};
ABSENT(nat_gateway, ec2_nat_gateway_shape, "Tags", "NatGatewayNotFound", "NAT gateway")

bool ec2_describe_nat_gateways(struct call *call, const struct ec2_describe_nat_gateways_request *in,
                               struct ec2_describe_nat_gateways_result *out)
{
    return describe_none(call, &nat_gateway, &in->filter, in->nat_gateway_ids.items, in->nat_gateway_ids.count) &&
           NONE_OF(call, out->nat_gateways);
}

static const struct filter_field address_fields[] = {
    {"allocation-id", "AllocationId"},
    {"association-id", "AssociationId"},
    {"instance-id", "InstanceId"},
    {"network-border-group", "NetworkBorderGroup"},
    {"network-interface-id", "NetworkInterfaceId"},
    {"network-interface-owner-id", "NetworkInterfaceOwnerId"},
    {"private-ip-address", "PrivateIpAddress"},
    {"public-ip", "PublicIp"},
};
ABSENT(address, ec2_address_shape, "Tags", "InvalidAllocationID.NotFound", "The allocation ID")

bool ec2_describe_addresses(struct call *call, const struct ec2_describe_addresses_request *in,
                            struct ec2_describe_addresses_result *out)
{
    if (in->public_ips.count > 0)
        return fail_api(call->fail, "InvalidAddress.NotFound", "Address '%.*s' not found.",
                        STR_ARG(in->public_ips.items[0]));
    return describe_none(call, &address, &in->filters, in->allocation_ids.items, in->allocation_ids.count) &&
           NONE_OF(call, out->addresses);
}

static const struct filter_field egress_only_fields[] = {
    {"egress-only-internet-gateway-id", "EgressOnlyInternetGatewayId"},
};
ABSENT(egress_only, ec2_egress_only_internet_gateway_shape, "Tags", "InvalidEgressOnlyInternetGatewayId.NotFound",
       "The egressOnlyInternetGateway ID")

bool ec2_describe_egress_only_internet_gateways(struct call *call,
                                                const struct ec2_describe_egress_only_internet_gateways_request *in,
                                                struct ec2_describe_egress_only_internet_gateways_result *out)
{
    return describe_none(call, &egress_only, &in->filters, in->egress_only_internet_gateway_ids.items,
                         in->egress_only_internet_gateway_ids.count) &&
           NONE_OF(call, out->egress_only_internet_gateways);
}
