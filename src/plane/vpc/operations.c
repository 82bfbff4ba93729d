/* The table of EC2's network operations: handler, IAM action, and what it is about: what it makes, and the members of
 * the request that name something ("Actions, resources, and condition keys for Amazon EC2", service authorization
 * reference). */
#include "plane/vpc/operations.h"

#include "plane/vpc/access.h"

/* X(operation, action, type of what is made or NONE, members...) */
#define CHANGES(X)                                                                                                     \
    X(create_security_group, "CreateSecurityGroup", SECURITY_GROUP, "VpcId")                                           \
    X(delete_security_group, "DeleteSecurityGroup", NONE, "GroupId")                                                   \
    X(authorize_security_group_ingress, "AuthorizeSecurityGroupIngress", NONE, "GroupId")                              \
    X(authorize_security_group_egress, "AuthorizeSecurityGroupEgress", NONE, "GroupId")                                \
    X(revoke_security_group_ingress, "RevokeSecurityGroupIngress", NONE, "GroupId")                                    \
    X(revoke_security_group_egress, "RevokeSecurityGroupEgress", NONE, "GroupId")                                      \
    X(associate_route_table, "AssociateRouteTable", NONE, "RouteTableId", "SubnetId", "GatewayId")                     \
    X(attach_internet_gateway, "AttachInternetGateway", NONE, "InternetGatewayId", "VpcId")                            \
    X(create_default_vpc, "CreateDefaultVpc", VPC, NULL)                                                               \
    X(create_internet_gateway, "CreateInternetGateway", INTERNET_GATEWAY, NULL)                                        \
    X(create_network_interface, "CreateNetworkInterface", NETWORK_INTERFACE, "SubnetId", "Groups")                     \
    X(create_route, "CreateRoute", NONE, "RouteTableId")                                                               \
    X(create_route_table, "CreateRouteTable", ROUTE_TABLE, "VpcId")                                                    \
    X(create_subnet, "CreateSubnet", SUBNET, "VpcId")                                                                  \
    X(create_tags, "CreateTags", NONE, "Resources")                                                                    \
    X(create_vpc, "CreateVpc", VPC, NULL)                                                                              \
    X(delete_internet_gateway, "DeleteInternetGateway", NONE, "InternetGatewayId")                                     \
    X(delete_network_interface, "DeleteNetworkInterface", NONE, "NetworkInterfaceId")                                  \
    X(delete_route, "DeleteRoute", NONE, "RouteTableId")                                                               \
    X(delete_route_table, "DeleteRouteTable", NONE, "RouteTableId")                                                    \
    X(delete_subnet, "DeleteSubnet", NONE, "SubnetId")                                                                 \
    X(delete_tags, "DeleteTags", NONE, "Resources")                                                                    \
    X(delete_vpc, "DeleteVpc", NONE, "VpcId")                                                                          \
    X(create_default_subnet, "CreateDefaultSubnet", SUBNET, NULL)                                                      \
    X(detach_internet_gateway, "DetachInternetGateway", NONE, "InternetGatewayId", "VpcId")                            \
    X(modify_network_interface_attribute, "ModifyNetworkInterfaceAttribute", NONE, "NetworkInterfaceId", "Groups")     \
    X(modify_subnet_attribute, "ModifySubnetAttribute", NONE, "SubnetId")                                              \
    X(modify_vpc_attribute, "ModifyVpcAttribute", NONE, "VpcId")                                                       \
    X(modify_security_group_rules, "ModifySecurityGroupRules", NONE, "GroupId")                                        \
    X(replace_route, "ReplaceRoute", NONE, "RouteTableId")                                                             \
    X(replace_route_table_association, "ReplaceRouteTableAssociation", NONE, "RouteTableId")                           \
    X(update_security_group_rule_descriptions_egress, "UpdateSecurityGroupRuleDescriptionsEgress", NONE, "GroupId")    \
    X(update_security_group_rule_descriptions_ingress, "UpdateSecurityGroupRuleDescriptionsIngress", NONE, "GroupId")

#define DEFINE_ASKS(name, action, made, ...)                                                                           \
    static void name##_asks(const struct call *call, const void *in, struct asks *asks)                                \
    {                                                                                                                  \
        static const struct network_asks about = {"ec2:" action, EC2_RESOURCE_TYPE_##made, {__VA_ARGS__}};             \
                                                                                                                       \
        network_asks_add(call, in, &about, asks);                                                                      \
    }
CHANGES(DEFINE_ASKS)

#define ROW(name, action, made, ...)                                                                                   \
    OPERATION_GUARDED(ec2, name, "ec2:" action, NULL, NULL, name##_asks, &network_access),
#define ROW_ANY(name, action) OPERATION_GUARDED(ec2, name, "ec2:" action, NULL, NULL, NULL, &network_access)

const struct operation_spec ec2_vpc_handlers[] = {
    CHANGES(ROW) ROW_ANY(describe_vpcs, "DescribeVpcs"),
    ROW_ANY(describe_subnets, "DescribeSubnets"),
    ROW_ANY(describe_network_interfaces, "DescribeNetworkInterfaces"),
    ROW_ANY(describe_availability_zones, "DescribeAvailabilityZones"),
    ROW_ANY(describe_security_groups, "DescribeSecurityGroups"),
    ROW_ANY(describe_account_attributes, "DescribeAccountAttributes"),
    ROW_ANY(describe_addresses, "DescribeAddresses"),
    ROW_ANY(describe_dhcp_options, "DescribeDhcpOptions"),
    ROW_ANY(describe_egress_only_internet_gateways, "DescribeEgressOnlyInternetGateways"),
    ROW_ANY(describe_managed_prefix_lists, "DescribeManagedPrefixLists"),
    ROW_ANY(describe_nat_gateways, "DescribeNatGateways"),
    ROW_ANY(describe_network_interface_attribute, "DescribeNetworkInterfaceAttribute"),
    ROW_ANY(describe_prefix_lists, "DescribePrefixLists"),
    ROW_ANY(describe_vpc_endpoints, "DescribeVpcEndpoints"),
    ROW_ANY(describe_internet_gateways, "DescribeInternetGateways"),
    ROW_ANY(describe_network_acls, "DescribeNetworkAcls"),
    ROW_ANY(describe_security_group_rules, "DescribeSecurityGroupRules"),
    ROW_ANY(describe_regions, "DescribeRegions"),
    ROW_ANY(describe_route_tables, "DescribeRouteTables"),
    ROW_ANY(describe_tags, "DescribeTags"),
    ROW_ANY(describe_vpc_attribute, "DescribeVpcAttribute"),
    ROW_ANY(disassociate_route_table, "DisassociateRouteTable"),
};
const size_t ec2_vpc_handler_count = COUNT_OF(ec2_vpc_handlers);
