#include "plane/vpc/limit.h"

/* AWS begins with 5 VPCs and 5 internet gateways a region and raises that on request, to hundreds; test suites make
 * more than five. */
const struct limit vpc_limit = {&vpc_table, 100, false, "VpcLimitExceeded",
                                "The maximum number of VPCs has been reached."};
const struct limit internet_gateway_limit = {&internet_gateway_table, 100, false, "InternetGatewayLimitExceeded",
                                             "The maximum number of internet gateways has been reached."};
/* A host takes no more than 200 subnets of a VPC (node/network). */
const struct limit subnet_limit = {&subnet_table, 200, true, "SubnetLimitExceeded",
                                   "The maximum number of subnets has been reached."};
const struct limit route_table_limit = {&route_table_table, 200, true, "RouteTableLimitExceeded",
                                        "The maximum number of route tables has been reached."};
const struct limit security_group_limit = {&security_group_table, 2500, false, "SecurityGroupLimitExceeded",
                                           "The maximum number of security groups has been reached."};
const struct limit network_interface_limit = {&network_interface_table, 5000, false, "NetworkInterfaceLimitExceeded",
                                              "The maximum number of network interfaces has been reached."};

static size_t count(const struct call *call, const struct table_spec *table, const char *index, struct str prefix)
{
    struct walk walk = transaction_walk(call->tx, table, index, prefix);
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}

size_t count_in_vpc(const struct call *call, const struct table_spec *table, struct str vpc_id)
{
    return count(call, table, "vpc", KEY_PREFIX(call->arena, call->principal->account, call->region, vpc_id));
}

bool limit_check(const struct call *call, const struct limit *limit, struct str vpc_id)
{
    size_t have = transaction_count(call->tx, limit->table);

    if (have >= limit->max) /* of all accounts: else there is nothing to count */
        have = limit->per_vpc
                   ? count_in_vpc(call, limit->table, vpc_id)
                   : count(call, limit->table, NULL, KEY_PREFIX(call->arena, call->principal->account, call->region));
    return have < limit->max || fail_api(call->fail, limit->code, "%s", limit->message);
}
