/* The table of EC2's network operations: handler, IAM action, resource. */
#include "plane/vpc/operations.h"

const struct operation_spec ec2_vpc_handlers[] = {
    OPERATION(ec2, describe_vpcs, "ec2:DescribeVpcs", NULL),
    OPERATION(ec2, describe_subnets, "ec2:DescribeSubnets", NULL),
    OPERATION(ec2, describe_network_interfaces, "ec2:DescribeNetworkInterfaces", NULL),
    OPERATION(ec2, describe_availability_zones, "ec2:DescribeAvailabilityZones", NULL),
    OPERATION(ec2, describe_security_groups, "ec2:DescribeSecurityGroups", NULL),
    OPERATION(ec2, create_security_group, "ec2:CreateSecurityGroup", NULL),
    OPERATION(ec2, delete_security_group, "ec2:DeleteSecurityGroup", NULL),
    OPERATION(ec2, authorize_security_group_ingress, "ec2:AuthorizeSecurityGroupIngress", NULL),
    OPERATION(ec2, authorize_security_group_egress, "ec2:AuthorizeSecurityGroupEgress", NULL),
    OPERATION(ec2, revoke_security_group_ingress, "ec2:RevokeSecurityGroupIngress", NULL),
    OPERATION(ec2, revoke_security_group_egress, "ec2:RevokeSecurityGroupEgress", NULL),
};
const size_t ec2_vpc_handler_count = COUNT_OF(ec2_vpc_handlers);
