/* The handlers of EC2's network operations, declared for the table in operations.c. Core thread; see core/call.h. */
#pragma once

#include "plane/vpc/vpc.h"

#define EC2_HANDLER(name)                                                                                              \
    bool ec2_##name(struct call *call, const struct ec2_##name##_request *in, struct ec2_##name##_result *out)

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
