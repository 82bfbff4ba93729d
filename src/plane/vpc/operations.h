/* The handlers of EC2's network operations, declared for the table in operations.c. Core thread; see core/call.h. */
#pragma once

#include "plane/vpc/vpc.h"

#define EC2_HANDLER(name)                                                                                              \
    bool ec2_##name(struct call *call, const struct ec2_##name##_request *in, struct ec2_##name##_result *out)

/* Of operations that answer nothing but success. */
#define EC2_HANDLER_SILENT(name) bool ec2_##name(struct call *call, const struct ec2_##name##_request *in, void *out)

EC2_HANDLER(describe_vpcs);
EC2_HANDLER(describe_subnets);
EC2_HANDLER(describe_network_interfaces);
EC2_HANDLER(describe_availability_zones);
EC2_HANDLER(describe_security_groups);
EC2_HANDLER(create_security_group);
EC2_HANDLER(delete_security_group);
EC2_HANDLER(authorize_security_group_ingress);
EC2_HANDLER(authorize_security_group_egress);
EC2_HANDLER(revoke_security_group_ingress);
EC2_HANDLER(revoke_security_group_egress);
EC2_HANDLER(create_vpc);
EC2_HANDLER(create_default_vpc);
EC2_HANDLER(describe_vpc_attribute);
EC2_HANDLER(create_subnet);
EC2_HANDLER(create_internet_gateway);
EC2_HANDLER(describe_internet_gateways);
EC2_HANDLER(create_route_table);
EC2_HANDLER(create_route);
EC2_HANDLER(associate_route_table);
EC2_HANDLER(replace_route_table_association);
EC2_HANDLER(describe_route_tables);
EC2_HANDLER(describe_tags);
EC2_HANDLER(describe_regions);
EC2_HANDLER(describe_network_acls);
EC2_HANDLER(describe_security_group_rules);
EC2_HANDLER(modify_security_group_rules);
EC2_HANDLER(update_security_group_rule_descriptions_egress);
EC2_HANDLER(update_security_group_rule_descriptions_ingress);
EC2_HANDLER(create_network_interface);
EC2_HANDLER(create_default_subnet);
EC2_HANDLER(describe_account_attributes);
EC2_HANDLER(describe_addresses);
EC2_HANDLER(describe_dhcp_options);
EC2_HANDLER(describe_egress_only_internet_gateways);
EC2_HANDLER(describe_managed_prefix_lists);
EC2_HANDLER(describe_nat_gateways);
EC2_HANDLER(describe_network_interface_attribute);
EC2_HANDLER(describe_prefix_lists);
EC2_HANDLER(describe_vpc_endpoints);
EC2_HANDLER_SILENT(delete_vpc);
EC2_HANDLER_SILENT(modify_vpc_attribute);
EC2_HANDLER_SILENT(delete_subnet);
EC2_HANDLER_SILENT(modify_subnet_attribute);
EC2_HANDLER_SILENT(attach_internet_gateway);
EC2_HANDLER_SILENT(detach_internet_gateway);
EC2_HANDLER_SILENT(delete_internet_gateway);
EC2_HANDLER_SILENT(delete_route_table);
EC2_HANDLER_SILENT(replace_route);
EC2_HANDLER_SILENT(delete_route);
EC2_HANDLER_SILENT(disassociate_route_table);
EC2_HANDLER_SILENT(create_tags);
EC2_HANDLER_SILENT(delete_tags);
EC2_HANDLER_SILENT(delete_network_interface);
EC2_HANDLER_SILENT(modify_network_interface_attribute);
