/* The Describe operations of VPCs, subnets and network interfaces. */
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/subnet_addresses.h"

/* ---- VPCs ---- */

static const struct filter_field vpc_fields[] = {
    {"cidr", "CidrBlock"},
    {"cidr-block", "CidrBlock"},
    {"cidr-block-association.association-id", "CidrBlockAssociationSet.AssociationId"},
    {"cidr-block-association.cidr-block", "CidrBlockAssociationSet.CidrBlock"},
    {"cidr-block-association.state", "CidrBlockAssociationSet.CidrBlockState.State"},
    {"dhcp-options-id", "DhcpOptionsId"},
    {"dhcpOptionsId", "DhcpOptionsId"},
    {"ipv6-cidr-block-association.association-id", "Ipv6CidrBlockAssociationSet.AssociationId"},
    {"ipv6-cidr-block-association.ipv6-cidr-block", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"},
    {"ipv6-cidr-block-association.ipv6-pool", "Ipv6CidrBlockAssociationSet.Ipv6Pool"},
    {"ipv6-cidr-block-association.state", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State"},
    {"is-default", "IsDefault"},
    {"isDefault", "IsDefault"},
    {"owner-id", "OwnerId"},
    {"state", "State"},
    {"vpc-id", "VpcId"},
};
static const struct filter_table vpc_filters = {&ec2_vpc_shape, vpc_fields, COUNT_OF(vpc_fields), "Tags"};

bool ec2_describe_vpcs(struct call *call, const struct ec2_describe_vpcs_request *in,
                       struct ec2_describe_vpcs_result *out)
{
    const struct describe describe = {
        .call = call, .kind = &vpc_kind, .table = &vpc_filters, DESCRIBE_REQUEST(in, vpc_ids)};

    return describe_run(&describe, &out->vpcs, &out->next_token);
}

/* ---- subnets ---- */

static const struct filter_field subnet_fields[] = {
    {"availability-zone", "AvailabilityZone"},
    {"availabilityZone", "AvailabilityZone"},
    {"availability-zone-id", "AvailabilityZoneId"},
    {"availabilityZoneId", "AvailabilityZoneId"},
    {"available-ip-address-count", "AvailableIpAddressCount"},
    {"cidr", "CidrBlock"},
    {"cidrBlock", "CidrBlock"},
    {"cidr-block", "CidrBlock"},
    {"customer-owned-ipv4-pool", "CustomerOwnedIpv4Pool"},
    {"default-for-az", "DefaultForAz"},
    {"defaultForAz", "DefaultForAz"},
    {"enable-dns64", "EnableDns64"},
    {"enable-lni-at-device-index", "EnableLniAtDeviceIndex"},
    {"ipv6-cidr-block-association.association-id", "Ipv6CidrBlockAssociationSet.AssociationId"},
    {"ipv6-cidr-block-association.ipv6-cidr-block", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"},
    {"ipv6-cidr-block-association.state", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State"},
    {"ipv6-native", "Ipv6Native"},
    {"map-customer-owned-ip-on-launch", "MapCustomerOwnedIpOnLaunch"},
    {"map-public-ip-on-launch", "MapPublicIpOnLaunch"},
    {"outpost-arn", "OutpostArn"},
    {"owner-id", "OwnerId"},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
     "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord"},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
     "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord"},
    {"private-dns-name-options-on-launch.hostname-type", "PrivateDnsNameOptionsOnLaunch.HostnameType"},
    {"state", "State"},
    {"subnet-arn", "SubnetArn"},
    {"subnet-id", "SubnetId"},
    {"vpc-id", "VpcId"},
};
static const struct filter_table subnet_filters = {&ec2_subnet_shape, subnet_fields, COUNT_OF(subnet_fields), "Tags"};

int32_t subnet_free_addresses(const struct transaction *tx, const struct subnet_record *subnet)
{
    struct ipv4_range range;

    if (!ipv4_range_parse(subnet->subnet->cidr_block, &range))
        return 0;
    return (int32_t)(range.last - range.first + 1 - 5) - subnet_addresses_taken(tx, subnet->subnet->subnet_id);
}

static void show_subnet(const struct call *call, const void *record, void *noun)
{
    struct ec2_subnet *subnet = noun;

    SET(subnet, available_ip_address_count, subnet_free_addresses(call->tx, record));
}

bool ec2_describe_subnets(struct call *call, const struct ec2_describe_subnets_request *in,
                          struct ec2_describe_subnets_result *out)
{
    const struct describe describe = {.call = call,
                                      .kind = &subnet_kind,
                                      .table = &subnet_filters,
                                      .show = show_subnet,
                                      DESCRIBE_REQUEST(in, subnet_ids)};

    return describe_run(&describe, &out->subnets, &out->next_token);
}

/* ---- network interfaces ---- */

static const struct filter_field interface_fields[] = {
    {"addresses.association.owner-id", "PrivateIpAddresses.Association.IpOwnerId"},
    {"addresses.association.public-ip", "PrivateIpAddresses.Association.PublicIp"},
    {"addresses.primary", "PrivateIpAddresses.Primary"},
    {"addresses.private-ip-address", "PrivateIpAddresses.PrivateIpAddress"},
    {"association.allocation-id", "Association.AllocationId"},
    {"association.association-id", "Association.AssociationId"},
    {"association.ip-owner-id", "Association.IpOwnerId"},
    {"association.public-dns-name", "Association.PublicDnsName"},
    {"association.public-ip", "Association.PublicIp"},
    {"attachment.attachment-id", "Attachment.AttachmentId"},
    {"attachment.delete-on-termination", "Attachment.DeleteOnTermination"},
    {"attachment.device-index", "Attachment.DeviceIndex"},
    {"attachment.instance-id", "Attachment.InstanceId"},
    {"attachment.instance-owner-id", "Attachment.InstanceOwnerId"},
    {"attachment.status", "Attachment.Status"},
    {"availability-zone", "AvailabilityZone"},
    {"availability-zone-id", "AvailabilityZoneId"},
    {"description", "Description"},
    {"group-id", "Groups.GroupId"},
    {"group-name", "Groups.GroupName"},
    {"interface-type", "InterfaceType"},
    {"ipv6-addresses.ipv6-address", "Ipv6Addresses.Ipv6Address"},
    {"mac-address", "MacAddress"},
    {"network-interface-id", "NetworkInterfaceId"},
    {"operator.managed", "Operator.Managed"},
    {"operator.principal", "Operator.Principal"},
    {"owner-id", "OwnerId"},
    {"private-dns-name", "PrivateDnsName"},
    {"private-ip-address", "PrivateIpAddress"},
    {"requester-id", "RequesterId"},
    {"requester-managed", "RequesterManaged"},
    {"source-dest-check", "SourceDestCheck"},
    {"status", "Status"},
    {"subnet-id", "SubnetId"},
    {"vpc-id", "VpcId"},
};
static const struct filter_table interface_filters = {&ec2_network_interface_shape, interface_fields,
                                                      COUNT_OF(interface_fields), "TagSet"};

bool ec2_describe_network_interfaces(struct call *call, const struct ec2_describe_network_interfaces_request *in,
                                     struct ec2_describe_network_interfaces_result *out)
{
    const struct describe describe = {.call = call,
                                      .kind = &network_interface_kind,
                                      .table = &interface_filters,
                                      DESCRIBE_REQUEST(in, network_interface_ids)};

    return describe_run(&describe, &out->network_interfaces, &out->next_token);
}
