/* DescribeRouteTables. */
#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"

static const struct filter_field fields[] = {
    {"association.gateway-id", "Associations.GatewayId"},
    {"association.main", "Associations.Main"},
    {"association.route-table-association-id", "Associations.RouteTableAssociationId"},
    {"association.route-table-id", "Associations.RouteTableId"},
    {"association.subnet-id", "Associations.SubnetId"},
    {"owner-id", "OwnerId"},
    {"route-table-id", "RouteTableId"},
    {"route.destination-cidr-block", "Routes.DestinationCidrBlock"},
    {"route.destination-ipv6-cidr-block", "Routes.DestinationIpv6CidrBlock"},
    {"route.destination-prefix-list-id", "Routes.DestinationPrefixListId"},
    {"route.egress-only-internet-gateway-id", "Routes.EgressOnlyInternetGatewayId"},
    {"route.gateway-id", "Routes.GatewayId"},
    {"route.instance-id", "Routes.InstanceId"},
    {"route.nat-gateway-id", "Routes.NatGatewayId"},
    {"route.origin", "Routes.Origin"},
    {"route.state", "Routes.State"},
    {"route.transit-gateway-id", "Routes.TransitGatewayId"},
    {"route.vpc-peering-connection-id", "Routes.VpcPeeringConnectionId"},
    {"vpc-id", "VpcId"},
};
static const struct filter_table filters = {&ec2_route_table_shape, fields, COUNT_OF(fields), "Tags"};

bool ec2_describe_route_tables(struct call *call, const struct ec2_describe_route_tables_request *in,
                               struct ec2_describe_route_tables_result *out)
{
    const struct describe describe = {
        .call = call, .kind = &route_table_kind, .table = &filters, DESCRIBE_REQUEST(in, route_table_ids)};

    return describe_run(&describe, &out->route_tables, &out->next_token);
}
